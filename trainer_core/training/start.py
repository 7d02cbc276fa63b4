"""The start of a run: `read_start` reads checkpoint or warm start into memory before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainer_core.camera import Camera
from trainer_core.events import EventSink, Notice, RunStarted
from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import total_memory
from trainer_core.planning.plan import RunPlan
from trainer_core.thread_choice import TorchThreads
from trainer_core.training.cameras import make_camera
from trainer_core.training.checkpoint import TrainingState
from trainer_core.training.loading import PassedOver, load_resumed
from trainer_core.training.resources import check_resources
from trainer_core.training.resume import make_resume_notices, merge_checkpoint
from trainer_core.training.time_budget import resumed_steps
from trainer_core.weights.warm_start import WarmStartReport, apply_warm_start


@dataclass(frozen=True)
class RunStart:
    """What a run starts from.

    Attributes:
        plan: the plan, with the settings of the resumed checkpoint merged in.
        state: training state of the resumed run; None for a new one.
        network: the generator with its initial weights, on the CPU.
        warm_start: report on the weights of the warm start; None without one.
        camera: camera of the training samples.
        resources: notice about disk and memory.
        passed_over: newer checkpoints that could not be resumed.
    """

    plan: RunPlan
    state: TrainingState | None
    network: RRDBNet
    warm_start: WarmStartReport | None
    camera: Camera
    resources: Notice
    passed_over: tuple[PassedOver, ...] = ()

    @property
    def step(self) -> int:
        """Steps done in earlier sessions of the run."""
        return self.state.step if self.state else 0

    @property
    def seconds(self) -> float:
        """Seconds of earlier sessions of the run."""
        return float(self.state.plan.get("seconds", 0.0)) if self.state else 0.0

    @property
    def planned_steps(self) -> int | None:
        """Steps of the run; None until its time budget has become a number of steps."""
        if self.state is None:
            return None if self.plan.config.max_minutes is not None else self.plan.config.steps
        return resumed_steps(self.plan.config, self.state.plan, self.state.step)

    @property
    def notices(self) -> list[Notice]:
        """A warning for each checkpoint that was passed over."""
        return [Notice("warning", f"{entry.reason} It was passed over.") for entry in self.passed_over]

    @property
    def warm_start_record(self) -> dict[str, Any] | None:
        """The record of the warm start for `training_config.json`; None without one."""
        return self.warm_start.as_dict() if self.warm_start else None


def read_start(plan: RunPlan, check_stop: Callable[[], None] = lambda: None) -> RunStart:
    """Read the checkpoint or the weights of the warm start, and check disk and memory; nothing is written.

    Args:
        plan: the plan of the run.
        check_stop: called between the parts of the work; what it raises ends it.

    Raises:
        UserError: a file cannot be used, or the disk is full.
    """
    resumed = load_resumed(plan)
    if resumed is not None:
        plan = merge_checkpoint(replace(plan, checkpoint=resumed.checkpoint), resumed.state)
    check_stop()
    camera = make_camera(plan.config, plan.profile)
    resources = check_resources(plan)
    network = RRDBNet(plan.spec)
    check_stop()
    initialize(network, plan.config.seed)
    check_stop()
    report = apply_warm_start(plan.warm_start, network, check_stop) if plan.warm_start else None
    state, passed_over = (resumed.state, resumed.passed_over) if resumed else (None, ())
    return RunStart(plan, state, network, report, camera, resources, passed_over)


def choose_threads(plan: RunPlan, start: RunStart, sink: EventSink) -> TorchThreads:
    """Return the number of torch's threads for a run, which begins with that of a resumed one; changes are notices."""

    def report(count: int, full: int) -> None:
        text = f"Other programs are busy: training computes with {count} thread{'s' * (count != 1)} instead of {full}."
        sink(Notice("info", text if count != full else f"Training computes with {full} threads again."))

    recorded = start.state.versions.get("threads") if start.state else None
    return TorchThreads(
        plan.config.threads,
        count=recorded if type(recorded) is int and recorded > 0 else None,
        can_change=not plan.hardware.is_asynchronous,
        yields=plan.config.priority == "low",
        on_change=report,
    )


def make_start_event(
    plan: RunPlan, run_id: str, step: int, total_steps: int | None, checkpoint: Path | None, devices: int
) -> RunStarted:
    """Return the event that states the facts of a run when it starts, or goes back, at `step`."""
    config, hardware = plan.config, plan.hardware
    return RunStarted(
        run_id=run_id,
        workspace=str(plan.workspace.root),
        scale=config.scale,
        mono=config.monochrome_style,
        start_step=step,
        total_steps=total_steps,
        device=hardware.device,
        precision=hardware.precision,
        device_name=hardware.label,
        memory_total=total_memory(hardware),
        devices=devices,
        parameters=plan.spec.parameter_count(),
        photos=plan.photo_counts,
        resumed_from=str(checkpoint) if checkpoint else None,
    )


def make_start_notices(
    plan: RunPlan, start: RunStart, restored: tuple[str, ...], processes: int = 1
) -> Iterator[Notice]:
    """Yield the notices that concern the start of a run.

    Args:
        plan: the plan after the workspace was prepared.
        start: what the run starts from.
        restored: sentences on results of a resumed run that start over.
        processes: number of processes that train together.
    """
    if start.state is not None:
        yield from start.notices
        yield from make_resume_notices(plan, start.state, processes)
        yield from (Notice("warning", text) for text in restored)
    if plan.photos is not None:
        yield from (Notice("warning", text) for text in plan.photos.warnings)
        yield from (Notice("info", text) for text in plan.photos.notices)
    yield start.resources
    yield from (Notice("info", text) for text in plan.notices)
    if start.warm_start is not None:
        yield Notice("info", f"{start.warm_start.summary()} The network is checked before the first step.")


def make_limit_notices(compile_problems: Sequence[str], *, processes: int, can_validate: bool) -> Iterator[Notice]:
    """Yield the notices on what this run cannot do.

    Args:
        compile_problems: why the network is not compiled, for each process where it is not.
        processes: number of processes that train together.
        can_validate: whether there are frames to validate on.
    """
    for problem in compile_problems:
        if processes == 1:
            text = f"--compile on has no effect here: {problem}. Training continues without it."
        else:
            text = f"--compile on has no effect in one of the processes, which trains without it. {problem}."
        yield Notice("warning", text)
    if not can_validate:
        yield Notice("warning", "There are no validation photos, so PSNR is not measured. Add photos to measure it.")
