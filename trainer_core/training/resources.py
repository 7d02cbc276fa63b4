"""The disk space and memory that a run needs, compared with what is free; `start` calls `check_resources`."""

from __future__ import annotations

import shutil

from trainer_core.errors import UserError
from trainer_core.events import Notice
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import MemoryNeed, available_memory, estimate_memory
from trainer_core.planning.plan import RunPlan
from trainer_core.settings.config import TrainerConfig


def check_resources(plan: RunPlan) -> Notice:
    """Compare free disk space and memory with the needs of the run; return a warning if either may run out.

    Raises:
        UserError: the disk has no room for one checkpoint.
    """
    config, spec, root = plan.config, plan.spec, plan.workspace.root
    root = next(p for p in (root, *root.parents) if p.exists())
    free_disk, disk = shutil.disk_usage(root).free, estimate_disk(config, spec)
    if free_disk < 1.5 * estimate_checkpoint_bytes(spec):
        raise UserError(
            f"Only {free_disk / 1e6:.0f} MB free on the disk that contains {root}; one checkpoint takes "
            f"{estimate_checkpoint_bytes(spec) / 1e6:.0f} MB. Free some disk space or choose another workspace."
        )
    memory = MemoryNeed(estimate_memory(config, spec, plan.hardware.precision), available_memory(plan.hardware))
    text = f"Disk: {free_disk / 1e9:.1f} GB free, up to {disk / 1e9:.2f} GB needed. Memory: {memory}."
    advice = " Lower --batch-size and raise --grad-accum-steps if memory runs out." if memory.exceeds_free else ""
    return Notice("warning" if free_disk < disk or memory.exceeds_free else "info", text + advice)


def estimate_checkpoint_bytes(spec: NetworkSpec) -> int:
    """Estimate the bytes of one raw checkpoint: weights, EMA weights and two moments in float32."""
    return spec.parameter_count() * 4 * 4


def estimate_disk(config: TrainerConfig, spec: NetworkSpec) -> int:
    """Estimate the bytes of all checkpoints and models that exist at one time."""
    deploy = spec.parameter_count() * 4
    model = NetworkSpec(spec.scale).parameter_count() * 4
    count = config.keep_checkpoints + 2  # plus the best one and the one being written
    return count * (estimate_checkpoint_bytes(spec) + deploy) + 3 * model
