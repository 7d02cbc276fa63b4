"""PSNR, SSIM, spectrum distance and grain as `validation` reports them.

All are computed on RGB rounded to 8 bits and clamped, without a border of `scale` pixels.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_WINDOW, _SIGMA = 11, 1.5
_C1, _C2 = 0.01**2, 0.03**2
_RINGS = 64  # of the spectrum, from 0 to the Nyquist frequency
_ROUNDING = 1 / 12 / 255**2  # variance of the error of rounding to 8 bits
_GRAIN_WINDOW = 7  # pixels
_QUIET_SHARE = 0.25  # of the pixels of a target


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


def spectrum_distance(image: Tensor, reference: Tensor) -> Tensor:
    """Compute how far the power spectra of two images differ, [B, C, H, W] in 0..1 on the CPU -> [B] in dB.

    The power, mean over the channels, is averaged in 64 rings of equal width in frequency, up to the Nyquist frequency
    of rows and columns; mean brightness is left out, and a Hann window covers the border. The distance is the mean over
    the rings of the absolute difference in dB. Too little detail counts as much as too much; where it lies does not
    count. Power below that of rounding to 8 bits counts as none.
    """
    first, second = _measure_rings(image), _measure_rings(reference)
    return (10 * torch.log10(first / second)).abs().mean(dim=1)


def _measure_rings(image: Tensor) -> Tensor:
    """Return the mean power in each ring that contains a frequency, [B, C, H, W] -> [B, rings]."""
    height, width = image.shape[-2:]
    rows, columns = (torch.hann_window(side, periodic=False) for side in (height, width))
    window = rows.unsqueeze(1) * columns
    image = image - image.mean(dim=(2, 3), keepdim=True)
    spectrum = torch.fft.rfft2(image * window) / window.square().sum().sqrt()
    power = torch.view_as_real(spectrum).square().sum(dim=-1).mean(dim=1)
    along, across = torch.fft.fftfreq(height), torch.fft.rfftfreq(width)
    ring = ((along.square().unsqueeze(1) + across.square()).sqrt() * (2 * _RINGS)).long().clamp_max(_RINGS)
    sums = torch.zeros(len(image), _RINGS + 1).index_add_(1, ring.flatten(), power.flatten(1))
    counts = torch.bincount(ring.flatten(), minlength=_RINGS + 1)
    inside = counts[:_RINGS] > 0
    return (sums[:, :_RINGS] / counts[:_RINGS].clamp_min(1))[:, inside] + _ROUNDING


def grain(image: Tensor, reference: Tensor) -> Tensor:
    """Compute how restless an image is where the reference is quiet, [B, C, H, W] in 0..1 -> [B] in levels of 255.

    That is the mean standard deviation of the brightness within 7x7 pixels, over the quarter of the places where it is
    smallest in the reference.
    """
    deviation, quiet = (_measure_deviation(values).flatten(1) for values in (image, reference))
    limit = quiet.kthvalue(max(1, int(_QUIET_SHARE * quiet.shape[1])), dim=1, keepdim=True).values
    chosen = (quiet <= limit).float()
    return 255 * (deviation * chosen).sum(dim=1) / chosen.sum(dim=1)


def _measure_deviation(image: Tensor) -> Tensor:
    """Return the standard deviation within each window of 7x7 pixels, [B, C, H, W] -> [B, 1, H - 6, W - 6]."""
    gray = image.mean(dim=1, keepdim=True)
    mean, square = (F.avg_pool2d(values, _GRAIN_WINDOW, stride=1) for values in (gray, gray.square()))
    return (square - mean.square()).clamp_min(0).sqrt()
