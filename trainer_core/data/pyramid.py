"""One decoded photo with area-reduced copies at 1/2, 1/4, ...: any crop of it is cut at nearly the same cost.

A crop is a rectangle in the photo's pixels, with fractions, resampled to a size no larger than itself: the
copies are exact area averages, and the last step, less than a factor of two, uses Pillow's HAMMING filter, an
area filter without the dropped and doubled pixels that BOX shows at factors just above one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

_MIN_LEVEL_SIDE = 64  # of the shorter side: enough for a thumbnail
_FILTER_REACH = 3  # pixels of a level that HAMMING needs beyond the rectangle at factors below two
_LANCZOS_REACH = 4  # pixels of a photo that enlarging needs beyond the rectangle, one to spare


@dataclass(frozen=True)
class Box:
    """A rectangle in photo pixels: left, top (inclusive), right, bottom (exclusive), fractions allowed."""

    left: float
    top: float
    right: float
    bottom: float


class Pyramid:
    """The levels of one photo; `levels[i]` is uint8 [ceil(H / 2^i), ceil(W / 2^i), 3]."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.levels = [np.ascontiguousarray(pixels)]
        image = Image.fromarray(self.levels[0])
        while min(image.size) >= 2 * _MIN_LEVEL_SIDE:
            image = image.reduce(2)
            self.levels.append(np.array(image))

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(level.nbytes for level in self.levels)

    def cut(self, box: Box, width: int, height: int) -> np.ndarray:
        """The rectangle `box` resampled to uint8 [height, width, 3]; `box` must lie within the photo."""
        factor = min((box.right - box.left) / width, (box.bottom - box.top) / height)
        index = min(max(int(math.log2(max(factor, 1.0)) + 1e-9), 0), len(self.levels) - 1)
        level = self.levels[index]
        step = 1 << index
        edges = (box.left / step, box.top / step, box.right / step, box.bottom / step)
        if edges == (int(edges[0]), int(edges[1]), int(edges[0]) + width, int(edges[1]) + height):
            whole: np.ndarray = level[int(edges[1]) : int(edges[3]), int(edges[0]) : int(edges[2])].copy()
            return whole
        return _resample(level, edges, width, height)


def _resample(level: np.ndarray, edges: tuple[float, float, float, float], width: int, height: int) -> np.ndarray:
    """Only the neighborhood is handed to Pillow: wrapping the whole level would cost more than the resize."""
    rows, columns = level.shape[:2]
    reach = math.ceil(_FILTER_REACH * max(1.0, (edges[2] - edges[0]) / width / 2, (edges[3] - edges[1]) / height / 2))
    left, top = max(int(edges[0]) - reach, 0), max(int(edges[1]) - reach, 0)
    right, bottom = (min(math.ceil(edges[2]) + reach, columns), min(math.ceil(edges[3]) + reach, rows))
    box = (edges[0] - left, edges[1] - top, min(edges[2], columns) - left, min(edges[3], rows) - top)
    near = Image.fromarray(np.ascontiguousarray(level[top:bottom, left:right]))
    return np.array(
        near.resize((width, height), Image.Resampling.HAMMING, box=box)
    )  # a copy: torch warns of read-only arrays


def enlarged_size(width: int, height: int, needed: int) -> tuple[int, int]:
    """The size at which a photo's shorter side reaches `needed` pixels; unchanged where it already does."""
    shorter = min(width, height)
    if shorter >= needed:
        return width, height
    return max(needed, round(width * needed / shorter)), max(needed, round(height * needed / shorter))


def enlarge(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """`pixels` at `width` x `height` (Lanczos), itself when it has that size."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def enlarge_part(pixels: np.ndarray, size: tuple[int, int], left: int, top: int, width: int, height: int) -> np.ndarray:
    """The rectangle `left`, `top`, `width`, `height` of `enlarged(pixels, *size)`, without making the rest of it."""
    rows, columns = pixels.shape[:2]
    first, last, start, end = _source_range(left, width, columns, size[0])
    upper, lower, above, below = _source_range(top, height, rows, size[1])
    near = Image.fromarray(np.ascontiguousarray(pixels[upper:lower, first:last]))
    return np.array(near.resize((width, height), Image.Resampling.LANCZOS, box=(start, above, end, below)))


def _source_range(begin: int, length: int, side: int, enlarged_side: int) -> tuple[int, int, float, float]:
    """First and last (exclusive) pixel needed of a photo's side, and where the part begins and ends in these."""
    start, end = begin * side / enlarged_side, min((begin + length) * side / enlarged_side, side)
    first, last = max(int(start) - _LANCZOS_REACH, 0), min(math.ceil(end) + _LANCZOS_REACH, side)
    return first, last, start - first, end - first
