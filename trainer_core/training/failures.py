"""Explanation of a failed run: the reason in a sentence, and the remedy, settings with which the run would fit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from trainer_core.errors import UserError, is_out_of_memory
from trainer_core.files import WriteError, describe_error, is_lack_of_room
from trainer_core.settings.batch_sizes import RATINGS_DIFFER, halve_micro_batch
from trainer_core.settings.config import TrainerConfig


class Diverged(RuntimeError):
    """The failure of a run that diverges: its losses explode, its quality collapses or its values are not finite.

    Args:
        reason: what is wrong, as a clause or as whole sentences.
        healthy_step: latest step that is known to be healthy; None if every checkpoint is.
    """

    def __init__(self, reason: str, healthy_step: int | None = None) -> None:
        super().__init__(reason)
        self.healthy_step = healthy_step


class PeerLost(RuntimeError):
    """The loss of another process of this run: it has ended, or does not answer."""


class NotCompiled(RuntimeError):
    """The failure of the compiler in a step, which can be done again without it.

    Args:
        reasons: a sentence for each process in which it failed.
    """

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = reasons


class WeightsDiffer(RuntimeError):
    """The end of a run whose processes do not have the same weights; it is not saved."""

    def __init__(self) -> None:
        super().__init__(
            "The processes of this run do not have the same weights, so this step is not saved. Use devices of one "
            "kind, and the same versions of this program and of PyTorch on all machines. --resume latest continues "
            "from the newest checkpoint."
        )


class ValidationMemoryError(MemoryError):
    """A lack of memory in a validation or preview, which does not depend on the batch."""

    def __init__(self) -> None:
        super().__init__(
            "Out of memory in a validation, which needs the same memory with every batch size. Close other programs "
            "that use this memory, then resume. If that is not enough, train a smaller --preset or --scale."
        )


@contextlib.contextmanager
def explain_validation_memory() -> Iterator[None]:
    """Raise a `ValidationMemoryError` instead if memory runs out in the `with` block."""
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise ValidationMemoryError from error


class NotSaved(RuntimeError):
    """The end of a run whose latest steps could not be saved."""


@contextlib.contextmanager
def refuse_unusable_files() -> Iterator[None]:
    """Turn an error of the system in the `with` block, which prepares a run, into a `UserError`."""
    try:
        yield
    except OSError as error:
        raise UserError(f"Training cannot start. {explain_system_error(error)}") from error


def explain_system_error(error: OSError) -> str:
    """Return file, reason and advice of an error of the system in sentences."""
    text = str(error) if isinstance(error, WriteError) else describe_error(error)
    if error.filename and not isinstance(error, WriteError):
        text = f"{error.filename}: {text}"
    if is_lack_of_room(error):
        return f"{text}. Free some disk space, or choose another workspace."
    return f"{text}. Check the drive and the permissions of the workspace."


def explain_failure(error: BaseException, config: TrainerConfig, micro_batch: int) -> str:
    """Return the reason of the failure in a sentence; for lack of memory it names settings that need less.

    Args:
        error: the failure.
        config: settings of the run.
        micro_batch: patches that went through the network at a time.
    """
    if isinstance(error, OSError):
        return explain_system_error(error)
    if not is_out_of_memory(error) or isinstance(error, ValidationMemoryError):
        return str(error) or type(error).__name__
    less = suggest_remedy(error, config, micro_batch)
    if not less:
        return "Out of memory, even with one patch at a time. Use a smaller --patch-size or a smaller --preset."
    text = (
        f"Out of memory with --batch-size {micro_batch}. Use --batch-size {less['batch_size']} and "
        f"--grad-accum-steps {less['grad_accum_steps']}: each step trains on the same patches in about half the memory."
    )
    return f"{text} {RATINGS_DIFFER}" if config.gan_weight > 0 else text


def suggest_remedy(error: BaseException, config: TrainerConfig, micro_batch: int) -> dict[str, int]:
    """Return settings that avoid the failure; an empty dictionary if no reliable remedy is known."""
    if not is_out_of_memory(error) or isinstance(error, ValidationMemoryError) or micro_batch == 1:
        return {}
    size = halve_micro_batch(config, micro_batch)
    return {"batch_size": size, "grad_accum_steps": config.effective_batch // size}
