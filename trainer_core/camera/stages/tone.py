"""The tone curve from linear light y to output codes: black + (white − black)·y^gamma.

The true curve cannot be identified without a chart; exponents of 0.5-0.9 and a black of 0.4-1.3 levels (mono) fit the
captures' histograms, whose black sits at level 1. Color captures have purple-blue shadows: blacks differ by channel.
"""

from __future__ import annotations

from torch import Tensor

from trainer_core.camera.stages import per_sample
from trainer_core.camera.stages.light import power


def apply_tone_curve(light: Tensor, gamma: Tensor, black: Tensor, white: float) -> Tensor:
    """Convert linear light [B, C, h, w] to codes; light above 1 (white) is not clipped, light below 0 counts as 0.

    Args:
        light: after exposure.
        gamma: [B], exponent.
        black: [B] or [B, C], code at no light.
        white: code at light 1 (15 mono, 255 color).
    """
    floor = per_sample(black)
    return power(light, per_sample(gamma)).mul_(white - floor).add_(floor)
