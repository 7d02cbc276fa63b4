"""The training loss: a weighted sum of named terms, which `learner` also reports one by one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig

Term = Callable[[Tensor, Tensor], Tensor]


class TrainingLoss:
    """Training loss of the terms with a weight above zero; called with SR and HR, float32 [B, 3, H, W]."""

    def __init__(self, config: TrainerConfig, hardware: Hardware) -> None:
        self._terms: dict[str, tuple[float, Term]] = {}
        if config.l1_weight > 0:
            self._terms["l1"] = (config.l1_weight, l1)
        if config.frequency_weight > 0:
            self._terms["frequency"] = (config.frequency_weight, frequency_l1)
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
