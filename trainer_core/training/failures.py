"""Explanation of a failed run: the reason in a sentence, and the remedy, settings with which the run would fit."""

from __future__ import annotations

from trainer_core.errors import is_out_of_memory
from trainer_core.settings.config import TrainerConfig


class Diverged(RuntimeError):
    """The failure of a run in which too many steps in a row had gradients that were not finite."""


def explain_failure(error: BaseException, config: TrainerConfig) -> str:
    """Return the reason of the failure in a sentence; for lack of memory it names settings that need less."""
    if not is_out_of_memory(error):
        return str(error) or type(error).__name__
    less = suggest_remedy(error, config)
    if not less:
        return "Out of memory, even with one patch at a time. Use a smaller --patch-size or a smaller --preset."
    return (
        f"Out of memory with --batch-size {config.batch_size}. Use --batch-size {less['batch_size']} and "
        f"--grad-accum-steps {less['grad_accum_steps']}: the training is the same and needs about half the memory."
    )


def suggest_remedy(error: BaseException, config: TrainerConfig) -> dict[str, int]:
    """Return settings that avoid the failure; an empty dictionary if no reliable remedy is known."""
    if not is_out_of_memory(error) or config.batch_size == 1:
        return {}
    return {"batch_size": config.batch_size // 2, "grad_accum_steps": 2 * config.grad_accum_steps}
