"""One step of a preset's training on random pixels, for benchmarks that time nothing else."""

from __future__ import annotations

from typing import Callable

import torch

from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import choose_hardware
from trainer_core.planning.plan import network_spec
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import PRESETS
from trainer_core.training.batches import Batch
from trainer_core.training.learner import Learner


def step_config(preset: str, scale: int = 4) -> TrainerConfig:
    """Return the settings of a preset on the CPU, at its own batch and patch size."""
    return TrainerConfig(preset=preset, scale=scale, device="cpu", **PRESETS[preset])


def training_step(config: TrainerConfig) -> Callable[[], object]:
    """Return a function that does forward, backward and update, always on the same pixels."""
    learner = Learner(config, RRDBNet(network_spec(config)), choose_hardware(config))
    side, batch = config.patch_size, config.effective_batch
    pixels = Batch(torch.rand(batch, 3, side, side), torch.rand(batch, 3, *[side * config.scale] * 2))
    return lambda: learner.update([pixels], count=1, learning_rate=1e-4)
