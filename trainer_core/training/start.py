"""What a run starts from, read into memory before anything is written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from trainer_core.camera import Camera
from trainer_core.events import Notice
from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.plan import RunPlan
from trainer_core.training.cameras import make_camera
from trainer_core.training.checkpoint import TrainingState
from trainer_core.training.resources import check_resources
from trainer_core.training.resume import load_state, merge_checkpoint
from trainer_core.weights.warm_start import WarmStartReport, apply_warm_start


@dataclass(frozen=True)
class RunStart:
    """What a run starts from.

    Args:
        plan: with the settings of the resumed checkpoint merged in.
        state: of the resumed run; None for a new one.
        network: the generator with its first weights, on the CPU.
        warm_start: what became of the weights of the warm start; None without one.
        resources: disk and memory, as a notice.
    """

    plan: RunPlan
    state: TrainingState | None
    network: RRDBNet
    warm_start: WarmStartReport | None
    camera: Camera
    resources: Notice

    @property
    def step(self) -> int:
        """Steps done in earlier sessions of the run."""
        return self.state.step if self.state else 0

    @property
    def seconds(self) -> float:
        """Seconds of earlier sessions of the run."""
        return float(self.state.plan.get("seconds", 0.0)) if self.state else 0.0

    @property
    def warm_start_record(self) -> dict[str, Any] | None:
        """What `training_config.json` says of the warm start."""
        return self.warm_start.as_dict() if self.warm_start else None


def read_start(plan: RunPlan) -> RunStart:
    """Read the checkpoint or the warm start's weights, and check what is left to check; nothing is written.

    Raises:
        UserError: a file cannot be used, or the disk is full.
    """
    state = load_state(plan)
    if state is not None:
        plan = merge_checkpoint(plan, state)
    camera = make_camera(plan.config, plan.profile)
    resources = check_resources(plan)
    network = RRDBNet(plan.spec)
    initialize(network, plan.config.seed)
    report = apply_warm_start(plan.warm_start, network) if plan.warm_start else None
    return RunStart(plan, state, network, report, camera, resources)
