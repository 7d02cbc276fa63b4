"""Points of a curve in arrays that grow by doubling: appending is cheap, drawing gets views and copies nothing."""

from __future__ import annotations

import numpy as np


class Points:
    """x and y, float64; x grows from point to point."""

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
        self._data[0, self._count] = x
        self._data[1, self._count] = y
        self._count += 1

    def rewind(self, x: float) -> None:
        """Drop the points beyond x."""
        self._count = int(np.searchsorted(self.x, x, side="right"))

    @property
    def x(self) -> np.ndarray:
        """A view of the x values [n]."""
        return self._data[0, : self._count]

    @property
    def y(self) -> np.ndarray:
        """A view of the y values [n]."""
        return self._data[1, : self._count]

    def nearest(self, x: float) -> int:
        """The number of the point nearest to x; there must be one."""
        right = min(int(np.searchsorted(self.x, x)), self._count - 1)
        left = max(right - 1, 0)
        return left if abs(self.x[left] - x) <= abs(self.x[right] - x) else right

    def at(self, x: float) -> tuple[float, float] | None:
        """The point nearest to x, or None where the curve does not reach."""
        if not self._count or not self.x[0] <= x <= self.x[-1]:
            return None
        number = self.nearest(x)
        return float(self.x[number]), float(self.y[number])


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
