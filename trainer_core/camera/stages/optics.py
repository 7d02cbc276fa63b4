"""Lens, pixel aperture and sampling in one step, from HR light to LR samples.

The watch blurs columns far more than rows (research: 10-90 % edge widths of 1.0 px along rows, 4.15 px along
columns), so the point-spread function is a separable Gaussian with two sigmas. Gaussian and the box of one LR pixel
are linear and separable too, so blur and area sampling together are two banded matrices per sample:
LR = A_v · HR · A_hᵀ. An entry is the double integral of the Gaussian over one LR pixel and one HR pixel,
with Ψ(x) = x·Φ(x/σ) + σ·φ(x/σ), whose second derivative is the Gaussian:

    ∫∫ = Ψ(d+s) − Ψ(d+s−1) − Ψ(d) + Ψ(d−1),   d = first HR coordinate of the LR pixel − that of the HR pixel.

All rows of a matrix have the same weights (`sampling_weights`, in float64 with NumPy, in any thread), which the device
puts in their places.
"""

from __future__ import annotations

import math

import numpy as np
from torch import Tensor

from trainer_core.uploads import constant

_REACH_IN_SIGMAS = 4.0
_SMALLEST_SIGMA = 1e-6  # HR px: the closed form divides by it


def count_weights(scale: int, largest_sigma: float) -> int:
    """Return the number of HR pixels that one LR pixel sees, for sigmas up to `largest_sigma` LR px."""
    return scale + 2 * (math.ceil(_REACH_IN_SIGMAS * largest_sigma * scale) + 1)


def sampling_weights(sigma: np.ndarray, scale: int, largest_sigma: float) -> np.ndarray:
    """Return the weights [B, n] of the HR pixels around the LR pixel at 0: zero at both ends, sum 1, float32.

    Args:
        sigma: [B], LR px.
        scale: HR pixels per LR pixel.
        largest_sigma: LR px, an upper bound, from which n follows (`count_weights`).
    """
    count = count_weights(scale, largest_sigma)
    reach = (count - scale) // 2
    width = np.maximum(sigma.astype(np.float64) * scale, _SMALLEST_SIGMA)[:, None]
    psi = _psi(np.arange(scale + reach, -scale - reach - 1, -1.0), width)  # at d + s .. d - 1 of all pixels
    weights = psi[:, :count] - psi[:, 1 : count + 1] - psi[:, scale : scale + count] + psi[:, scale + 1 :]
    weights[:, [0, -1]] = 0.0
    normalized: np.ndarray = weights / weights.sum(1, keepdims=True)
    return normalized.astype(np.float32)


def _psi(x: np.ndarray, sigma: np.ndarray) -> np.ndarray:
    z = x / sigma
    erf = np.array([math.erf(value) for value in (z / math.sqrt(2.0)).ravel().tolist()]).reshape(z.shape)
    density = np.exp(-0.5 * z * z) / math.sqrt(2.0 * math.pi)
    result: np.ndarray = x * (0.5 * (1.0 + erf)) + sigma * density
    return result


def sample_image(hr: Tensor, down: Tensor, across: Tensor, scale: int) -> Tensor:
    """Blur and area-sample [B, C, h*scale, w*scale] linear light to [B, C, h, w].

    Args:
        hr: linear light, reflected at its borders.
        down: [B, n], `sampling_weights` along columns.
        across: [B, n], those along rows.
        scale: HR pixels per LR pixel.
    """
    rows = sampling_matrix(down, hr.shape[-2] // scale, scale).unsqueeze(1)
    columns = sampling_matrix(across, hr.shape[-1] // scale, scale).unsqueeze(1)
    return rows @ hr @ columns.transpose(-1, -2)


def sampling_matrix(weights: Tensor, size: int, scale: int) -> Tensor:
    """Return the matrices [B, size, size*scale] of `sampling_weights`; every row sums to 1, reflection included."""
    image, before, after = constant(weights.device, _find_places, size, scale, weights.shape[1])
    matrices = weights.index_select(1, image)
    for reflection in (before, after):
        matrices += weights.index_select(1, reflection)
    return matrices.reshape(len(weights), size, size * scale)


def _find_places(size: int, scale: int, count: int) -> np.ndarray:
    """Return which weight each entry has: those of the image and its reflections at both ends, [3, size*size*scale]."""
    reach = (count - scale) // 2
    lr = np.arange(size)[:, None] * scale
    hr = np.arange(size * scale)
    places = [pixel - lr + reach for pixel in (hr, -1 - hr, 2 * size * scale - 1 - hr)]
    return np.stack(places).clip(0, count - 1).reshape(3, -1)
