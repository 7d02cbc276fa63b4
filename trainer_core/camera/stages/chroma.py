"""Color differences after the tone curve: saturation, blur, and a fade to neutral in highlights.

Measured: highlights are nearly neutral (R−G +2, B−G −4; mid-tones +22, −5).
"""

from __future__ import annotations

from torch import Tensor

from trainer_core.camera.stages import per_sample
from trainer_core.camera.stages.optics import sample_image

FADE_START = 200.0
"""Luma code above which color fades, down to none at 255."""


def saturate(differences: Tensor, y: Tensor, saturation: Tensor) -> Tensor:
    """Multiply (Cb, Cr) [B, 2, h, w], in codes, by the saturation and fade them in highlights.

    Args:
        differences: centered on 0.
        y: luma [B, 1, h, w], codes.
        saturation: [B], factor.
    """
    fade = ((255.0 - y) / (255.0 - FADE_START)).clamp(0, 1)
    return differences * (fade * per_sample(saturation))


def shape_chroma(differences: Tensor, y: Tensor, saturation: Tensor, blur: Tensor) -> Tensor:
    """Blur color differences, then `saturate` them.

    Args:
        differences: centered on 0, [B, 2, h, w].
        y: luma [B, 1, h, w], codes.
        saturation: [B], factor.
        blur: [B, n], `sampling_weights` at scale 1.
    """
    return saturate(sample_image(differences, blur, blur, 1), y, saturation)
