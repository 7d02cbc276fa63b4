"""Color differences behind the tone curve: saturation, blur, and a fade to neutral in highlights.

Measured: highlights go neutral (R−G +2, B−G −4, where mid-tones have +22, −5).
"""

from __future__ import annotations

from torch import Tensor

from trainer_core.camera.stages import per_sample
from trainer_core.camera.stages.optics import sample_image

FADE_START = 200.0
"""Luma code from which color fades; it is gone at 255."""


def saturate(differences: Tensor, y: Tensor, saturation: Tensor) -> Tensor:
    """(Cb, Cr) [B, 2, h, w] in codes times a factor, faded in highlights: the watch's colors, sharp.

    Args:
        differences: centered on 0.
        y: luma [B, 1, h, w], codes.
        saturation: [B], factor.
    """
    fade = ((255.0 - y) / (255.0 - FADE_START)).clamp(0, 1)
    return differences * (fade * per_sample(saturation))


def shape_chroma(differences: Tensor, y: Tensor, saturation: Tensor, blur: Tensor, largest_blur: float) -> Tensor:
    """What `saturate` makes of blurred differences.

    Args:
        blur: [B], Gaussian sigma in LR px.
        largest_blur: LR px, a bound on `blur`.
    """
    return saturate(sample_image(differences, blur, blur, 1, largest_blur), y, saturation)
