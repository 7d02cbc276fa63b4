"""The sizes that a micro-batch may have: those of which a step is a whole number, shared by some processes."""

from __future__ import annotations

from trainer_core.settings.config import TrainerConfig

RATINGS_DIFFER = "The adversarial loss then compares the ratings of fewer patches at a time."
"""The difference that the size of a micro-batch makes in an adversarial stage."""


def largest_micro_batch(config: TrainerConfig, size: int, processes: int = 1) -> int:
    """Return the largest size up to `size` of which a step has a number that `processes` can share; 0 if none."""
    return max((part for part in range(1, size + 1) if config.effective_batch % (part * processes) == 0), default=0)


def halve_micro_batch(config: TrainerConfig, size: int, processes: int = 1) -> int:
    """Return the next smaller size, about a half; `size` must be above 1."""
    return largest_micro_batch(config, size // 2, processes)
