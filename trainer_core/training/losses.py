"""The training loss: a weighted sum of named terms, which `learner` also reports one by one."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig

Term = Callable[[Tensor, Tensor], Tensor]

_LEAST_GRADIENT = 1 / 255  # of a target without edges
_ARTIFACT_WINDOW = 7  # pixels


class TrainingLoss:
    """Training loss of the terms with a weight above zero; called with SR and HR, float32 [B, 3, H, W]."""

    def __init__(self, config: TrainerConfig, hardware: Hardware) -> None:
        self._terms: dict[str, tuple[float, Term]] = {}
        if config.l1_weight > 0:
            self._terms["l1"] = (config.l1_weight, l1)
        if config.frequency_weight > 0:
            self._terms["frequency"] = (config.frequency_weight, frequency_l1)
        if config.gradient_weight > 0:
            self._terms["gradient"] = (config.gradient_weight, edge_weighted_l1)
        if config.artifact_weight > 0:
            self._terms["artifact"] = (config.artifact_weight, artifact_weighted_l1)
        if config.perceptual_weight > 0 and config.vgg_weights:
            from trainer_core.training.vgg import PerceptualLoss

            self._terms["perceptual"] = (config.perceptual_weight, PerceptualLoss(config.vgg_weights, hardware))

    def __call__(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Compute the weighted terms by name and their sum `total`, as scalars."""
        terms = {name: weight * term(sr, hr) for name, (weight, term) in self._terms.items()}
        terms["total"] = torch.stack(list(terms.values())).sum()
        return terms


def l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Compute the mean absolute pixel error."""
    return (sr - hr).abs().mean()


def frequency_l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Compute the mean absolute error of the orthonormal 2-D Fourier spectrum, real and imaginary parts."""
    return torch.view_as_real(torch.fft.rfft2(sr - hr, norm="ortho")).abs().mean()


def edge_weighted_l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Compute the mean absolute pixel error, weighted by the gradient magnitude of HR as a multiple of its mean.

    The mean is that of each image, so that edges of a soft image count as much as those of a sharp one.
    """
    gray = F.pad(hr.mean(dim=1, keepdim=True), (0, 1, 0, 1), mode="replicate")
    right, down = gray[..., :-1, 1:] - gray[..., :-1, :-1], gray[..., 1:, :-1] - gray[..., :-1, :-1]
    gradient = (right.square() + down.square()).sqrt()
    weight = gradient / gradient.mean(dim=(1, 2, 3), keepdim=True).clamp_min(_LEAST_GRADIENT)
    return (weight * (sr - hr).abs()).mean()


def artifact_weighted_l1(sr: Tensor, hr: Tensor) -> Tensor:
    """Compute the mean absolute pixel error, weighted by how much the error varies around each pixel.

    Liang et al. 2022, "Details or Artifacts: A Locally Discriminative Learning Approach" (LDL), without its
    comparison with the EMA weights: the
    weight is the variance of the error within 7x7 pixels, times the fifth root of its variance within the image.
    """
    error = (sr.detach() - hr).abs().sum(dim=1, keepdim=True)
    border = _ARTIFACT_WINDOW // 2
    padded = F.pad(error, (border,) * 4, mode="reflect")
    mean, square = (F.avg_pool2d(values, _ARTIFACT_WINDOW, stride=1) for values in (padded, padded.square()))
    local = (square - mean.square()).clamp_min(0)
    weight = error.var(dim=(1, 2, 3), keepdim=True).pow(1 / 5) * local
    return (weight * (sr - hr).abs()).mean()
