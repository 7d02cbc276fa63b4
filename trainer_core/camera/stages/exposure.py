"""Automatic exposure (the watch's "ALC"): average metering of the whole frame, by a gain on the light.

Source: Casio service manual (average metering of the whole screen). All regions of a frame have the same exposure: the
gain is computed on the frame's thumbnail, with shading, stray light and tone curve. With NumPy, so that any thread can
do it.
"""

from __future__ import annotations

import numpy as np

_ROUNDS = 10  # the gain no longer changes after 6
_LOG2_GAIN_LIMIT = 10.0
_TINY = 1e-12


def find_exposure(
    light: np.ndarray, gamma: np.ndarray, black: np.ndarray, white: np.ndarray, mean: np.ndarray
) -> np.ndarray:
    """Find the gain k [B], between 2^-10 and 2^10, at which the mean output of the frame is `mean`.

    The output of channel c is black_c + (white_c − black_c)·min(k·light, 1)^gamma, averaged over pixels and summed
    over channels: for a luma target, give black and white multiplied by the luma weights. In s = k^gamma it is concave
    and made of straight pieces, so Newton's method from below ends on the right piece after a few rounds.

    Args:
        light: [B, C, t, t'] linear light of the whole frame, >= 0; float32 like all others.
        gamma: [B] exponent of the tone curve.
        black: [B, C] output at no light, weighted.
        white: [B, C] output at clipping, weighted.
        mean: [B] the target, in the unit of black and white; if it cannot be reached, the result is the nearest limit.
    """
    pixels = light.reshape(*light.shape[:2], -1)
    curved = np.maximum(pixels, _TINY) ** gamma[:, None, None]
    weights = (white - black) / pixels.shape[2]
    wanted = mean - black.sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        s = wanted / (weights * curved.sum(2)).sum(1)
        for _ in range(_ROUNDS):
            is_clipped = curved * s[:, None, None] >= 1
            clipped = (weights * is_clipped.sum(2, dtype=np.float32)).sum(1)
            slope = (weights * np.where(is_clipped, 0, curved).sum(2)).sum(1)
            s = np.where(slope > 0, (wanted - clipped) / slope, np.inf).astype(np.float32)
        log2_gain = np.log2(np.maximum(s, 0)) / gamma
    gain: np.ndarray = np.exp2(np.clip(log2_gain, -_LOG2_GAIN_LIMIT, _LOG2_GAIN_LIMIT))
    return gain.astype(np.float32)
