"""PSNR and SSIM as `validation` reports them: RGB rounded to 8 bits and clamped, without a border of `scale` pixels."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2


def cut_border(image: Tensor, border: int) -> Tensor:
    """Cut `border` pixels off each side of an image [..., H, W]."""
    return image[..., border:-border, border:-border] if border else image


def psnr(image: Tensor, reference: Tensor) -> Tensor:
    """Compute the peak signal-to-noise ratio in dB per image, [B, C, H, W] in 0..1 -> [B]; at most 100 dB."""
    error = (image - reference).square().mean(dim=(1, 2, 3)).clamp_min(1e-10)
    return -10 * torch.log10(error)


def ssim(image: Tensor, reference: Tensor) -> Tensor:
    """Compute the structural similarity per image, [B, C, H, W] in 0..1 -> [B].

    Wang et al. 2004: 11x11 Gaussian window, sigma 1.5, K1 0.01, K2 0.03, "valid" area, mean over channels.
    """
    offsets = torch.arange(_WINDOW, dtype=image.dtype, device=image.device) - _WINDOW // 2
    window = torch.exp(-offsets.square() / (2 * _SIGMA**2))
    window = window / window.sum()
    mean_x, mean_y = _blur(image, window), _blur(reference, window)
    var_x = _blur(image * image, window) - mean_x.square()
    var_y = _blur(reference * reference, window) - mean_y.square()
    covariance = _blur(image * reference, window) - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)
    denominator = (mean_x.square() + mean_y.square() + _C1) * (var_x + var_y + _C2)
    return (numerator / denominator).mean(dim=(1, 2, 3))


def _blur(image: Tensor, window: Tensor) -> Tensor:
    channels = image.shape[1]
    rows = window.view(1, 1, -1, 1).expand(channels, 1, -1, 1)
    columns = window.view(1, 1, 1, -1).expand(channels, 1, 1, -1)
    return F.conv2d(F.conv2d(image, rows, groups=channels), columns, groups=channels)
