"""Points of a curve in arrays that grow by doubling: appending is cheap, drawing gets views and copies nothing."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_MAX_EXPONENT = 100  # of ten, in the powers that smoothing divides by


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
            self._grow(2 * self._count)
        self._data[0, self._count] = x
        self._data[1, self._count] = y
        self._count += 1

    def extend(self, x: np.ndarray, y: np.ndarray) -> None:
        """Many more points [n]."""
        count = self._count + len(x)
        if count > self._data.shape[1]:
            self._grow(max(count, 2 * self._count))
        self._data[:, self._count : count] = x, y
        self._count = count

    def _grow(self, room: int) -> None:
        grown = np.empty((2, room))
        grown[:, : self._count] = self.x, self.y
        self._data = grown

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

    def nearest_index(self, x: float) -> int:
        """The number of the point nearest to x; there must be one."""
        right = min(int(np.searchsorted(self.x, x)), self._count - 1)
        left = max(right - 1, 0)
        return left if abs(self.x[left] - x) <= abs(self.x[right] - x) else right

    def nearest_point(self, x: float) -> tuple[float, float] | None:
        """The point nearest to x, or None where the curve does not reach."""
        if not self._count or not self.x[0] <= x <= self.x[-1]:
            return None
        number = self.nearest_index(x)
        return float(self.x[number]), float(self.y[number])


class ExponentialAverage:
    """An exponential average of about `span` points, at least 2, without the pull of the first (bias-corrected)."""

    def __init__(self, span: int = 40) -> None:
        self._decay = 1 - 1 / span
        self._block = int(_MAX_EXPONENT / -np.log10(self._decay))
        self._sum = self._weight = 0.0

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """The averages with each of these further values [n]; what is not finite leaves them as they are."""
        finite = np.isfinite(values)
        before = [self._sum / self._weight if self._weight else np.nan]
        known = np.concatenate([before, *(self._average(part) for part in self._parts(values[finite]))])
        averages: np.ndarray = known[np.cumsum(finite)]
        return averages

    def _parts(self, values: np.ndarray) -> Iterator[np.ndarray]:
        return (values[start : start + self._block] for start in range(0, len(values), self._block))

    def _average(self, values: np.ndarray) -> np.ndarray:
        """Both sums in closed form, which needs no loop; a block is so long that its powers stay within a float."""
        powers = self._decay ** np.arange(1, len(values) + 1)
        sums = powers * (self._sum + np.cumsum((1 - self._decay) * values / powers))
        weights = 1 - (1 - self._weight) * powers
        self._sum, self._weight = float(sums[-1]), float(weights[-1])
        averages: np.ndarray = sums / weights
        return averages
