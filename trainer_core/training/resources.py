"""The disk space and memory that a run needs, compared with what is free; `start` calls `check_resources`."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from trainer_core.errors import UserError
from trainer_core.events import Notice
from trainer_core.model import discriminator_spec
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import MemoryNeed, available_memory, count_processes, estimate_memory
from trainer_core.planning.plan import RunPlan
from trainer_core.settings.config import TrainerConfig
from trainer_core.text import format_bytes

_TENSOR_OVERHEAD = 700  # bytes of headers and names for each tensor of a file, measured
_MIN_FREE_FILES = 64  # files of a run that is just starting


def check_resources(plan: RunPlan) -> Notice:
    """Compare free disk space and memory with the needs of the run; return a warning if either may run out.

    Raises:
        UserError: the disk has no room for one checkpoint and its models.
    """
    config, spec = plan.config, plan.spec
    folder = next(
        (p for p in (plan.workspace.root, *plan.workspace.root.parents) if os.path.exists(p)), plan.workspace.root
    )
    free, needed = free_bytes(folder), estimate_disk(config, spec)
    one = estimate_save_bytes(config, spec)
    if free is not None and free < one:
        raise UserError(
            f"Only {format_bytes(free)} free on the disk that contains {folder}; one checkpoint with its models takes "
            f"{format_bytes(one)}. Free some disk space or choose another workspace."
        )
    if has_few_free_files(folder):
        raise UserError(
            f"The disk that contains {folder} has no room for more files. Delete some, or choose another workspace."
        )
    needed_memory = estimate_memory(config, spec, plan.hardware, plan.micro_batch)
    count = count_processes(config, plan.hardware)
    memory = MemoryNeed(needed_memory, available_memory(plan.hardware) // count)
    disk = "unknown how much is" if free is None else format_bytes(free)
    each = f" for each of {count} processes" if count > 1 else ""
    text = f"Disk: {disk} free, up to {format_bytes(needed)} needed. Memory: {memory}{each}."
    advice = " Use --batch-size auto or --memory low if memory runs out." if memory.exceeds_free else ""
    is_short = (free is not None and free < needed) or memory.exceeds_free
    return Notice("warning" if is_short else "info", text + advice)


def free_bytes(folder: Path) -> int | None:
    """Return the free bytes of the disk of `folder`; None if the system does not say."""
    try:
        return shutil.disk_usage(folder).free
    except OSError:
        return None


def has_few_free_files(folder: Path) -> bool:
    """Whether the disk of `folder` cannot take the files of a run, although it may have free bytes."""
    if os.name != "posix":
        return False
    try:
        status = os.statvfs(folder)
    except OSError:
        return False
    return status.f_files > 0 and status.f_favail < _MIN_FREE_FILES  # some file systems count no files


def estimate_checkpoint_bytes(config: TrainerConfig, spec: NetworkSpec) -> int:
    """Estimate the bytes of one raw checkpoint: weights, EMA weights and two moments in float32, and a discriminator.

    The discriminator has weights and two moments.
    """
    total = 4 * _estimate_weight_bytes(spec)
    if config.gan_weight > 0:
        shapes = discriminator_spec.parameter_shapes(config.gan_features)
        total += 3 * (discriminator_spec.count_parameters(config.gan_features) * 4 + len(shapes) * _TENSOR_OVERHEAD)
    return total


def estimate_save_bytes(config: TrainerConfig, spec: NetworkSpec) -> int:
    """Estimate the bytes of one save: the raw checkpoint, its deploy sibling and the model."""
    return estimate_checkpoint_bytes(config, spec) + _estimate_weight_bytes(spec) + _estimate_model_bytes(config, spec)


def estimate_disk(config: TrainerConfig, spec: NetworkSpec) -> int:
    """Estimate the bytes of all checkpoints and models that exist at one time."""
    count = config.keep_checkpoints + 2  # plus the best one and the one being written
    checkpoints = count * (estimate_checkpoint_bytes(config, spec) + _estimate_weight_bytes(spec))
    return checkpoints + 3 * _estimate_model_bytes(config, spec)


def _estimate_model_bytes(config: TrainerConfig, spec: NetworkSpec) -> int:
    return _estimate_weight_bytes(spec if config.compact_export else NetworkSpec(spec.scale))


def _estimate_weight_bytes(spec: NetworkSpec) -> int:
    return spec.parameter_count() * 4 + len(spec.shapes()) * _TENSOR_OVERHEAD
