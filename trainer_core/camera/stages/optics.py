"""Lens, pixel aperture and sampling in one step, from HR light to LR samples.

The watch blurs columns far more than rows (research: 10-90 % edge widths of 1.0 px along rows, 4.15 px along
columns), so the point-spread function is a separable Gaussian with two sigmas. Gaussian and the box of one LR pixel
are linear and separable too, so blur and area sampling together are two banded matrices per sample:
LR = A_v · HR · A_hᵀ. An entry is the double integral of the Gaussian over one LR pixel and one HR pixel,
with Ψ(x) = x·Φ(x/σ) + σ·φ(x/σ), whose second derivative is the Gaussian:

    ∫∫ = Ψ(d+s) − Ψ(d+s−1) − Ψ(d) + Ψ(d−1),   d = first HR coordinate of the LR pixel − that of the HR pixel.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

_REACH_IN_SIGMAS = 4.0
_SMALLEST_SIGMA = 1e-6  # HR px: the closed form divides by it


def sample_image(hr: Tensor, sigma_v: Tensor, sigma_h: Tensor, scale: int, largest_sigma: float) -> Tensor:
    """Blur and area-sample [B, C, h*scale, w*scale] linear light to [B, C, h, w].

    Args:
        hr: linear light, reflected at its borders.
        sigma_v: [B], LR px, along columns.
        sigma_h: [B], LR px, along rows.
        scale: HR pixels per LR pixel.
        largest_sigma: LR px, an upper bound on both, so that they need not be read from the device.
    """
    down = sampling_matrix(sigma_v, hr.shape[-2] // scale, scale, largest_sigma).unsqueeze(1)
    across = sampling_matrix(sigma_h, hr.shape[-1] // scale, scale, largest_sigma).unsqueeze(1)
    return down @ hr @ across.transpose(-1, -2)


def sampling_matrix(sigma: Tensor, size: int, scale: int, largest_sigma: float) -> Tensor:
    """Return the matrices [B, size, size*scale] for sigma [B] in LR px; every row sums to 1, reflection included."""
    reach = math.ceil(_REACH_IN_SIGMAS * largest_sigma * scale) + 1
    weights = _kernel(sigma, scale, reach)
    lr = torch.arange(size, device=sigma.device).unsqueeze(1) * scale
    hr = torch.arange(size * scale, device=sigma.device).unsqueeze(0)
    last = weights.shape[1] - 1
    matrices = torch.zeros(len(sigma), size * size * scale, device=sigma.device)
    for place in (hr, -1 - hr, 2 * size * scale - 1 - hr):  # the image and its reflections at both ends
        matrices += weights.index_select(1, (place - lr + reach).clamp(0, last).flatten())
    return matrices.reshape(len(sigma), size, size * scale)


def _kernel(sigma: Tensor, scale: int, reach: int) -> Tensor:
    """Return the weights [B, scale + 2*reach] of the HR pixels around the LR pixel at 0: zero at both ends, sum 1."""
    width = (sigma.double() * scale).clamp_min(_SMALLEST_SIGMA).unsqueeze(1)
    d = -torch.arange(-reach, scale + reach, device=sigma.device, dtype=torch.float64).unsqueeze(0)
    weights = _psi(d + scale, width) - _psi(d + scale - 1, width) - _psi(d, width) + _psi(d - 1, width)
    weights[:, 0] = 0.0
    weights[:, -1] = 0.0
    return (weights / weights.sum(1, keepdim=True)).float()


def _psi(x: Tensor, sigma: Tensor) -> Tensor:
    z = x / sigma
    cumulative = 0.5 * (1.0 + torch.erf(z / math.sqrt(2.0)))
    density = torch.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    return x * cumulative + sigma * density
