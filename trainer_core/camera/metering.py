"""What the exposure control meters: the linear light of whole frames behind the lens, on thumbnails, with NumPy.

It runs in the threads that cut the training samples, so that the device only has to simulate.
"""

from __future__ import annotations

import math

import numpy as np

from trainer_core.camera.stages.light import LUMINANCE

_CODES = np.arange(256) / 255
_LINEAR = np.where(_CODES > 0.04045, ((_CODES + 0.055) / 1.055) ** 2.4, _CODES / 12.92).astype(np.float32)


def decode_thumbnail(thumbnail: np.ndarray) -> np.ndarray:
    """Convert uint8 sRGB [B, t, t', 3] to linear light [B, 3, t, t'], float32."""
    return np.ascontiguousarray(_LINEAR[thumbnail].transpose(0, 3, 1, 2))


def luminance(light: np.ndarray) -> np.ndarray:
    """Compute the luminance [B, 1, t, t'] of linear light [B, 3, t, t']."""
    red, green, blue = (light[:, k : k + 1] * np.float32(weight) for k, weight in enumerate(LUMINANCE))
    total: np.ndarray = red + green + blue
    return total


def radius_squared(
    shape: tuple[int, int], frame: tuple[int, int], centre_x: np.ndarray, centre_y: np.ndarray
) -> np.ndarray:
    """Compute r² [B, 1, t, t'] at the pixels of thumbnails, as `stages.shading.RadialField` does on regions.

    Args:
        shape: t, t'.
        frame: height and width of the frame, LR pixels.
        centre_x: [B], half frame widths to the right of the middle.
        centre_y: [B], half frame heights below the middle.
    """
    diagonal = math.hypot(*frame) / 2
    squares = []
    for count, side, center in zip(shape, frame, (centre_y, centre_x)):
        pixels = (np.arange(count, dtype=np.float32) + 0.5) * (side / count)
        squares.append(((pixels - (side / 2 * (1 + center))[:, None]) / diagonal) ** 2)
    down, across = squares
    return (down[:, :, None] + across[:, None, :])[:, None].astype(np.float32)
