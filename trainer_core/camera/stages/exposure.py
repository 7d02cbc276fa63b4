"""Automatic exposure (the watch's "ALC"): average metering of the whole frame, by a gain on the light.

Source: Casio service manual (average metering of the whole screen). All regions of a frame have the same exposure: the
gain is computed on the frame's thumbnail, with shading, stray light and tone curve.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainer_core.camera.stages import per_sample
from trainer_core.camera.stages.light import power

_BISECTIONS = 24
_LOG2_GAIN_LIMIT = 10.0


def find_exposure(light: Tensor, gamma: Tensor, black: Tensor, white: Tensor, mean: Tensor) -> Tensor:
    """Find the gain k [B], between 2^-10 and 2^10, at which the mean output of the frame is `mean`.

    The output of channel c is black_c + (white_c − black_c)·min(k·light, 1)^gamma, averaged over pixels and summed
    over channels: for a luma target, give black and white multiplied by the luma weights.

    Args:
        light: [B, C, t, t'] linear light of the whole frame, >= 0.
        gamma: [B] exponent of the tone curve.
        black: [B, C] output at no light, weighted.
        white: [B, C] output at clipping, weighted.
        mean: [B] the target, in the unit of black and white; if it cannot be reached, the result is the nearest limit.
    """
    curved = power(light, per_sample(gamma))
    low = torch.full_like(mean, -_LOG2_GAIN_LIMIT)
    high = torch.full_like(mean, _LOG2_GAIN_LIMIT)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        share = (curved * per_sample(torch.exp2(middle * gamma))).clamp_max(1).mean((2, 3))
        too_bright = (black + (white - black) * share).sum(1) > mean
        high = torch.where(too_bright, middle, high)
        low = torch.where(too_bright, low, middle)
    return torch.exp2((low + high) / 2)
