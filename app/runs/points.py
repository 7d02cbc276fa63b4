"""Points of a curve in arrays that grow by doubling, and their exponential average; drawing uses views, not copies."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

_MAX_EXPONENT = 100  # limit of the powers of ten that smoothing divides by


class Points:
    """Points of a curve: x and y, float64, with ascending x."""

    def __init__(self) -> None:
        self._data = np.empty((2, 1024))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def append(self, x: float, y: float) -> None:
        """Add one point; a y of NaN is a gap."""
        if self._count == self._data.shape[1]:
            self._grow(2 * self._count)
        self._data[0, self._count] = x
        self._data[1, self._count] = y
        self._count += 1

    def extend(self, x: np.ndarray, y: np.ndarray) -> None:
        """Add points, two arrays [n]."""
        count = self._count + len(x)
        if count > self._data.shape[1]:
            self._grow(max(count, 2 * self._count))
        self._data[:, self._count : count] = x, y
        self._count = count

    def _grow(self, capacity: int) -> None:
        grown = np.empty((2, capacity))
        grown[:, : self._count] = self.x, self.y
        self._data = grown

    def rewind(self, x: float) -> None:
        """Drop the points after x."""
        self._count = int(np.searchsorted(self.x, x, side="right"))

    @property
    def x(self) -> np.ndarray:
        """The x values [n], a view."""
        return self._data[0, : self._count]

    @property
    def y(self) -> np.ndarray:
        """The y values [n], a view."""
        return self._data[1, : self._count]

    def nearest_index(self, x: float) -> int:
        """Return the index of the point nearest to x; there must be at least one point."""
        right = min(int(np.searchsorted(self.x, x)), self._count - 1)
        left = max(right - 1, 0)
        return left if abs(self.x[left] - x) <= abs(self.x[right] - x) else right

    def nearest_point(self, x: float) -> tuple[float, float] | None:
        """Return the point nearest to x, or None if x is outside the curve."""
        if not self._count or not self.x[0] <= x <= self.x[-1]:
            return None
        index = self.nearest_index(x)
        return float(self.x[index]), float(self.y[index])


class ExponentialAverage:
    """Running exponential average, corrected for the bias toward its initial value.

    Args:
        span: the number of points that it averages over, about; at least 2.
    """

    def __init__(self, span: int = 40) -> None:
        self._decay = 1 - 1 / span
        self._block = int(_MAX_EXPONENT / -np.log10(self._decay))
        self._sum = self._weight = 0.0

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Return the average after each of the next values [n]; a value that is not finite does not change it."""
        finite = np.isfinite(values)
        before = [self._sum / self._weight if self._weight else np.nan]
        known = np.concatenate([before, *(self._average(part) for part in self._parts(values[finite]))])
        averages: np.ndarray = known[np.cumsum(finite)]
        return averages

    def _parts(self, values: np.ndarray) -> Iterator[np.ndarray]:
        return (values[start : start + self._block] for start in range(0, len(values), self._block))

    def _average(self, values: np.ndarray) -> np.ndarray:
        """Return the averages of one block in closed form, without a loop; `_block` keeps the powers within a float."""
        powers = self._decay ** np.arange(1, len(values) + 1)
        sums = powers * (self._sum + np.cumsum((1 - self._decay) * values / powers))
        weights = 1 - (1 - self._weight) * powers
        self._sum, self._weight = float(sums[-1]), float(weights[-1])
        averages: np.ndarray = sums / weights
        return averages
