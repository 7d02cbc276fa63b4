"""The size of a micro-batch that fits into memory: patches that go through the network at a time.

A step takes `effective_batch` patches, in `effective_batch / size` micro-batches. Their order, and all that the camera
draws for each, do not depend on the size; pixel noise does (`training.batches`), and in an adversarial stage the
ratings that are compared with each other (`training.adversary`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import Hardware, MemoryNeed, estimate_memory
from trainer_core.settings.batch_sizes import halve_micro_batch
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.schema import AUTO

_FIELDS = ("batch_size", "grad_accum_steps")  # the settings that decide the patches of a step


def fit_micro_batch(config: TrainerConfig, spec: NetworkSpec, hardware: Hardware, free: int) -> int:
    """Return the batch size or, for an automatic one, the largest that fits into `free` bytes; at least 1."""
    if config.batch_size != AUTO:
        return int(config.batch_size)
    size = config.effective_batch
    while size > 1 and MemoryNeed(estimate_memory(config, spec, hardware, size), free).exceeds_free:
        size = halve_micro_batch(config, size)
    return size


def resumed_micro_batch(config: TrainerConfig, recorded: Mapping[str, Any], size: Any) -> int | None:
    """Return the size in a checkpoint, so that the run continues exactly; None if the settings ask for another.

    Args:
        config: the settings to resume with.
        recorded: the settings in the checkpoint.
        size: the size in the checkpoint; older versions recorded none.
    """
    is_size = type(size) is int and 0 < size <= config.effective_batch and config.effective_batch % size == 0
    return size if is_size and all(recorded.get(name) == getattr(config, name) for name in _FIELDS) else None
