"""The edge enhancer: a three-tap sharpener along one axis, with coring so that noise is not lifted.

d = x − (left + right)/2;  x += 2a·soft(d, t),  soft(d, t) = sign(d)·max(|d| − t, 0). Without coring that is the filter
[−a, 1 + 2a, −a]. Measured: 25 % overshoot one pixel left and right of edges, none above and below (mono); 16 % along
rows (colour); noise stays uncorrelated, which an enhancer without coring would forbid.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer_core.camera.stages import per_sample


def enhance_rows(image: Tensor, strength: Tensor, coring: Tensor) -> Tensor:
    """Sharpen [B, C, h, w] along its rows (left and right neighbours).

    Args:
        image: codes; the border pixel is repeated beyond the border.
        strength: [B], a.
        coring: [B], t in codes.
    """
    padded = F.pad(image, (1, 1, 0, 0), mode="replicate")
    return _enhance(image, padded[..., :-2] + padded[..., 2:], strength, coring)


def enhance_columns(image: Tensor, strength: Tensor, coring: Tensor) -> Tensor:
    """Sharpen [B, C, h, w] along its columns (neighbours above and below)."""
    padded = F.pad(image, (0, 0, 1, 1), mode="replicate")
    return _enhance(image, padded[..., :-2, :] + padded[..., 2:, :], strength, coring)


def _enhance(image: Tensor, neighbours: Tensor, strength: Tensor, coring: Tensor) -> Tensor:
    detail = image - neighbours / 2
    threshold = per_sample(coring)
    excess = detail - torch.minimum(torch.maximum(detail, -threshold), threshold)
    return image + 2 * per_sample(strength) * excess
