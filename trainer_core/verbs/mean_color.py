"""Preservation of a photo's mean color: `match_mean_color` (no torch).

A network may shift the mean color of a photo by some levels, which the eye notices in a series of photos. The shift is
taken back evenly, so that edges and textures stay as they are.
"""

from __future__ import annotations

import numpy as np
from PIL import Image

_TO_CHROMA = np.array([[-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])  # RGB -> Cb, Cr: ITU-R BT.601, JFIF
_FROM_CHROMA = np.array([[0.0, -0.344136, 1.772], [1.402, -0.714136, 0.0]])  # its inverse at constant luma
_CLOSE_ENOUGH = 0.25  # levels of 255
_MAX_ROUNDS = 8


def mean_chroma(pixels: np.ndarray) -> np.ndarray:
    """Return the mean Cb and Cr of uint8 [H, W, 3], in levels around 0."""
    chroma: np.ndarray = _TO_CHROMA @ pixels.mean((0, 1), dtype=np.float64)
    return chroma


def match_mean_color(pixels: np.ndarray, photo: np.ndarray) -> np.ndarray:
    """Return `pixels` with the mean Cb and Cr of `photo`; luma stays, except where a color is clipped.

    Args:
        pixels: uint8 [H, W, 3].
        photo: uint8 [h, w, 3].
    """
    image, levels = Image.fromarray(pixels), np.arange(256.0)
    counts = np.array(image.histogram(), np.float64).reshape(3, 256)
    wanted, shift = mean_chroma(photo), np.zeros(3)
    tables = np.tile(levels, (3, 1))  # level -> new level of each channel
    for _ in range(_MAX_ROUNDS):  # rounding and clipping take back a part of the shift
        missing = wanted - _TO_CHROMA @ ((counts * tables).sum(1) / counts.sum(1))
        if np.abs(missing).max() <= _CLOSE_ENOUGH:
            break
        shift = shift + missing @ _FROM_CHROMA
        tables = np.clip(np.floor(levels + shift[:, None] + 0.5), 0, 255)
    return np.array(image.point(tables.astype(int).ravel().tolist())) if shift.any() else pixels
