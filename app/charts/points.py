"""Points of a curve in arrays that grow by doubling: appending is cheap, drawing gets views and copies nothing."""

from __future__ import annotations

import numpy as np


class Points:
    """x and y, float64, in the order they came."""

    def __init__(self) -> None:
        self._data = np.empty((2, 1024))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, x: float, y: float) -> None:
        """One more point; y may be NaN, which is a gap."""
        if self._count == self._data.shape[1]:
            grown = np.empty((2, 2 * self._count))
            grown[:, : self._count] = self._data
            self._data = grown
        self._data[:, self._count] = x, y
        self._count += 1

    def clear(self) -> None:
        """No points any more."""
        self._count = 0

    @property
    def x(self) -> np.ndarray:
        """A view of the x values [n]."""
        return self._data[0, : self._count]

    @property
    def y(self) -> np.ndarray:
        """A view of the y values [n]."""
        return self._data[1, : self._count]

    def at(self, x: float) -> tuple[float, float] | None:
        """The point nearest to x (the values of x grow), or None without points."""
        if not self._count:
            return None
        right = min(int(np.searchsorted(self.x, x)), self._count - 1)
        left = max(right - 1, 0)
        nearest = left if abs(self.x[left] - x) <= abs(self.x[right] - x) else right
        return float(self.x[nearest]), float(self.y[nearest])


class Smooth:
    """An exponential average of about `span` points, without the pull of the first ones (bias-corrected)."""

    def __init__(self, span: int = 40) -> None:
        self._keep = 1 - 1 / span
        self._sum = self._weight = 0.0

    def __call__(self, value: float) -> float:
        """The average with one more value; a NaN leaves it as it is."""
        if value == value:
            self._sum = self._keep * self._sum + (1 - self._keep) * value
            self._weight = self._keep * self._weight + (1 - self._keep)
        return self._sum / self._weight if self._weight else float("nan")

    def clear(self) -> None:
        """Begin anew."""
        self._sum = self._weight = 0.0
