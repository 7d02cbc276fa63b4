"""The edge enhancer: a three-tap sharpener along one axis, with coring so that it does not amplify noise.

d = x − (left + right)/2;  x += 2a·(1 ± b)·soft(d, t),  soft(d, t) = sign(d)·max(|d| − t, 0), + if d > 0, − if not.
Without coring and bias that is the filter [−a, 1 + 2a, −a]. Measured: 25 % overshoot one pixel left and right of edges,
none above and below (mono); 16 % along rows (color); noise stays uncorrelated, which rules out an enhancer without
coring. The bias b makes bright fringes stronger than dark ones: mono edges overshoot by 25 % and undershoot by 8 %
(docs/camera.md).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer_core.camera.stages import per_sample


def enhance_rows(image: Tensor, strength: Tensor, coring: Tensor, bias: Tensor) -> Tensor:
    """Sharpen [B, C, h, w] along its rows (left and right neighbors).

    Args:
        image: codes; the border pixel is repeated beyond the border.
        strength: [B], a.
        coring: [B], t in codes.
        bias: [B], b, −1..1.
    """
    padded = F.pad(image, (1, 1, 0, 0), mode="replicate")
    return _enhance(image, padded[..., :-2] + padded[..., 2:], strength, coring, bias)


def enhance_columns(image: Tensor, strength: Tensor, coring: Tensor, bias: Tensor) -> Tensor:
    """Sharpen [B, C, h, w] along its columns (neighbors above and below); arguments as in `enhance_rows`."""
    padded = F.pad(image, (0, 0, 1, 1), mode="replicate")
    return _enhance(image, padded[..., :-2, :] + padded[..., 2:, :], strength, coring, bias)


def _enhance(image: Tensor, neighbors: Tensor, strength: Tensor, coring: Tensor, bias: Tensor) -> Tensor:
    detail = image - neighbors / 2
    threshold = per_sample(coring)
    excess = detail - torch.minimum(torch.maximum(detail, -threshold), threshold)
    brighter, darker = (2 * per_sample(strength * (1 + sign * bias)) for sign in (1, -1))
    return image + torch.where(excess > 0, brighter, darker) * excess
