"""One decoded photo with area-reduced copies at 1/2, 1/4, ..., so that crops of any size cost nearly the same.

A crop is a rectangle in photo pixels, with fractions, resampled to a size no larger than itself. The copies are exact
area averages; the last step, by less than a factor of two, uses Pillow's HAMMING filter, an area filter that does not
drop or double pixels at factors just above one as BOX does.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

_MIN_LEVEL_SIDE = 64  # px of the shorter side: enough for a thumbnail
_STRIP_ROWS = 256  # even, so that strips and rows of 2x2 pixels begin together
_FILTER_REACH = 3  # pixels of a level that HAMMING needs beyond the rectangle at factors below two
_LANCZOS_REACH = 4  # pixels of a photo that enlarging needs beyond the rectangle, plus one


@dataclass(frozen=True)
class Box:
    """A rectangle in photo pixels: left, top (inclusive), right, bottom (exclusive), fractions allowed."""

    left: float
    top: float
    right: float
    bottom: float


class Pyramid:
    """The levels of one photo; `levels[i]` is uint8 [ceil(H / 2^i), ceil(W / 2^i), 3].

    Args:
        pixels: the photo.
        reduction: 1, or the power of two by which `pixels` are smaller than the photo, of whose sides it is a divisor.
            The levels then begin at that size, and a crop needs a photo pixel for each of its pixels there.

    Attributes:
        width, height: size of the photo.
    """

    def __init__(self, pixels: np.ndarray, reduction: int = 1) -> None:
        self._finest = reduction.bit_length() - 1
        self.height, self.width = (side * reduction for side in pixels.shape[:2])
        self.levels = [np.ascontiguousarray(pixels)]
        while min(self.levels[-1].shape[:2]) >= 2 * _MIN_LEVEL_SIDE:
            self.levels.append(_halve(self.levels[-1]))

    @property
    def nbytes(self) -> int:
        """Memory of all levels, in bytes."""
        return sum(level.nbytes for level in self.levels)

    def cut(self, box: Box, width: int, height: int) -> np.ndarray:
        """Resample the rectangle `box`, which must lie within the photo, to uint8 [height, width, 3]."""
        factor = min((box.right - box.left) / width, (box.bottom - box.top) / height)
        index = int(math.log2(max(factor, 1.0)) + 1e-9) - self._finest
        index = min(max(index, 0), len(self.levels) - 1)
        level = self.levels[index]
        step = 1 << (index + self._finest)
        edges = (box.left / step, box.top / step, box.right / step, box.bottom / step)
        if edges == (int(edges[0]), int(edges[1]), int(edges[0]) + width, int(edges[1]) + height):
            whole: np.ndarray = level[int(edges[1]) : int(edges[3]), int(edges[0]) : int(edges[2])].copy()
            return whole
        return _resample(level, edges, width, height)


def _halve(pixels: np.ndarray) -> np.ndarray:
    """Return the averages of 2x2 pixels, fewer at odd ends; in strips, because Pillow copies what it reduces."""
    height, width = pixels.shape[:2]
    halved = np.empty(((height + 1) // 2, (width + 1) // 2, 3), np.uint8)
    for top in range(0, height, _STRIP_ROWS):
        strip = Image.fromarray(pixels[top : top + _STRIP_ROWS]).reduce(2)
        halved[top // 2 : top // 2 + strip.height] = np.asarray(strip)
    return halved


def _resample(level: np.ndarray, edges: tuple[float, float, float, float], width: int, height: int) -> np.ndarray:
    # Only the neighborhood goes to Pillow: wrapping the whole level would cost more than the resize.
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
    """Return the size at which a photo's shorter side has `needed` pixels; unchanged if it has as many already."""
    shorter = min(width, height)
    if shorter >= needed:
        return width, height
    return max(needed, round(width * needed / shorter)), max(needed, round(height * needed / shorter))


def enlarge(pixels: np.ndarray, width: int, height: int) -> np.ndarray:
    """Enlarge `pixels` to `width` x `height` (Lanczos); an image of that size is returned as it is."""
    if pixels.shape[:2] == (height, width):
        return pixels
    return np.array(Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS))


def enlarge_part(pixels: np.ndarray, size: tuple[int, int], left: int, top: int, width: int, height: int) -> np.ndarray:
    """Return the rectangle `left`, `top`, `width`, `height` of `enlarge(pixels, *size)` without computing the rest."""
    rows, columns = pixels.shape[:2]
    first, last, start, end = _source_range(left, width, columns, size[0])
    upper, lower, above, below = _source_range(top, height, rows, size[1])
    near = Image.fromarray(np.ascontiguousarray(pixels[upper:lower, first:last]))
    return np.array(near.resize((width, height), Image.Resampling.LANCZOS, box=(start, above, end, below)))


def _source_range(begin: int, length: int, side: int, enlarged_side: int) -> tuple[int, int, float, float]:
    """Return the first and last (exclusive) pixel needed of a photo's side, and the part's start and end in these."""
    start, end = begin * side / enlarged_side, min((begin + length) * side / enlarged_side, side)
    first, last = max(int(start) - _LANCZOS_REACH, 0), min(math.ceil(end) + _LANCZOS_REACH, side)
    return first, last, start - first, end - first
