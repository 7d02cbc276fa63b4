"""Averaging of what a model makes of a picture and of its mirror images: `average_mirrored`, for `enlarge --best`.

A watch treats odd and even rows and columns differently (docs/camera.md), and a picture of an even size has them
exchanged in its mirror image, which no model has seen. One more row or column, repeated from the border of the picture,
keeps their parity, but moves the blocks of a JPEG. So each mirror image exists with and without it, and the card of a
starter says which of them help.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np


class Mirror(NamedTuple):
    """A mirror image: the axes along which it is mirrored (0: rows, 1: columns), and whether it keeps the parity."""

    axes: tuple[int, ...]
    keeps_parity: bool


MIRRORS = {
    f"{name}{ending}": Mirror(axes, keeps_parity)
    for ending, keeps_parity in (("", False), ("_parity", True))
    for name, axes in (("horizontal", (1,)), ("vertical", (0,)), ("both", (0, 1)))
}

Enlarge = Callable[[np.ndarray], np.ndarray]


def average_mirrored(enlarge: Enlarge, picture: np.ndarray, mirrors: Sequence[str]) -> np.ndarray:
    """Return the mean of what `enlarge` makes of a picture and of its mirror images, uint8 [H*scale, W*scale, 3].

    Args:
        enlarge: maps uint8 [H, W, 3] to uint8 [H*scale, W*scale, 3].
        picture: uint8 [H, W, 3].
        mirrors: names of `MIRRORS`; without any, the result is that of `enlarge`.
    """
    plain = enlarge(picture)
    if not mirrors:
        return plain
    total = plain.astype(np.uint32)
    for name in mirrors:
        total += enlarge_mirrored(enlarge, picture, MIRRORS[name])[: len(plain), : plain.shape[1]]
    count = 1 + len(mirrors)
    mean: np.ndarray = ((total + count // 2) // count).astype(np.uint8)
    return mean


def enlarge_mirrored(enlarge: Enlarge, picture: np.ndarray, mirror: Mirror) -> np.ndarray:
    """Enlarge a mirror image of a picture and mirror the result back.

    Returns:
        uint8 [H*scale, W*scale, 3]; with the parity kept, it may end with a row and a column more of the picture.
    """
    if mirror.keeps_parity:
        more = [(0, 1 - picture.shape[axis] % 2 if axis in mirror.axes else 0) for axis in (0, 1)]
        picture = np.pad(picture, (*more, (0, 0)), mode="edge")
    mirrored = np.ascontiguousarray(np.flip(picture, mirror.axes))
    result: np.ndarray = np.flip(enlarge(mirrored), mirror.axes)
    return result
