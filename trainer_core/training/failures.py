"""What can be said about a run that failed: the reason in a sentence, and settings with which it would go on."""

from __future__ import annotations

import torch

from trainer_core.settings.config import TrainerConfig


class Diverged(RuntimeError):
    """Gradients were not finite for too many steps in a row."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error` means that memory ran out, on whatever device."""
    if isinstance(error, (MemoryError, torch.OutOfMemoryError)):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "out of memory" in text)


def explain_failure(error: BaseException, config: TrainerConfig) -> str:
    """Why the run failed, in a sentence; out of memory names settings that need less."""
    if not is_out_of_memory(error):
        return str(error) or type(error).__name__
    less = suggest_remedy(error, config)
    if not less:
        return "Out of memory, even with one patch at a time. Use a smaller --patch-size or a smaller --preset."
    return (
        f"Out of memory with --batch-size {config.batch_size}. Use --batch-size {less['batch_size']} "
        f"--grad-accum-steps {less['grad_accum_steps']}: the same training at about half the memory."
    )


def suggest_remedy(error: BaseException, config: TrainerConfig) -> dict[str, int]:
    """Settings with which the run would not fail like this again; none where nothing sure is known."""
    if not is_out_of_memory(error) or config.batch_size == 1:
        return {}
    return {"batch_size": config.batch_size // 2, "grad_accum_steps": 2 * config.grad_accum_steps}
