"""A run from its plan to its end.

Call `Trainer(plan, sink, control).run()`. It runs in the calling thread, the only one that calls torch; the sink
receives the events, the control passes requests in. It reads what the run starts from (`start`), lets the peers
prepare (`peers`), takes over the workspace (`takeover`), trains (`loop`) and emits the end of the run.
"""

from __future__ import annotations

import contextlib
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

from trainer_core.control import RunControl, Stopped
from trainer_core.errors import UserError, is_out_of_memory
from trainer_core.events import EventSink, Fanout, Notice, RunFinished
from trainer_core.files import file_identity
from trainer_core.planning.hardware import use_device
from trainer_core.planning.plan import RunPlan
from trainer_core.training.clock import RunClock
from trainer_core.training.evaluation import ValidationRecord
from trainer_core.training.failures import (
    Diverged,
    NotSaved,
    PeerLost,
    WeightsDiffer,
    explain_failure,
    refuse_unusable_files,
    suggest_remedy,
)
from trainer_core.training.loop import TrainingLoop
from trainer_core.training.peers import prepare_peers
from trainer_core.training.run_sinks import attach_workspace_sinks
from trainer_core.training.sharing import plan_processes
from trainer_core.training.start import choose_threads, read_start
from trainer_core.training.takeover import take_over_workspace
from trainer_core.training.world import World
from trainer_core.workspace.models import model_of


@dataclass(frozen=True)
class RunResult:
    """The end of a run; the same facts as its `RunFinished` event."""

    outcome: str
    step: int
    best_psnr: float | None
    model: Path | None
    error: str | None = None


class Trainer:
    """One run of one plan. Make a new one for each run.

    Args:
        plan: the resolved run (`planning.plan.make_plan`).
        sink: receives every event; one that raises is detached.
        control: stop, pause and requests; read at each step boundary.
        world: the processes that train together; this one is the main process.
    """

    def __init__(
        self, plan: RunPlan, sink: EventSink, control: RunControl | None = None, world: World | None = None
    ) -> None:
        self._plan = plan
        self._sink = Fanout(sink)
        self._control = control or RunControl()
        self._world = world or World()
        self._world.on_wait = lambda text: self._sink(Notice("warning", text))
        self._started = time.monotonic()

    def run(self) -> RunResult:
        """Train until the last step, a stop or a failure; a failure is reported, not raised.

        A stop before the first step changes nothing: no run is moved, and no settings are written.

        Raises:
            UserError: a setting or file of the user cannot be used, or a peer cannot train the run.
            PeerLost: a peer has ended before the run wrote anything.
        """
        self._plan = plan_processes(self._plan, self._world)
        for text in self._plan.notices:
            self._sink(Notice("info", text))
        try:
            with use_device(self._plan.hardware):
                return self._run()
        except Stopped:
            self._sink(Notice("info", "Stopped before the first step. No run was changed."))
            return RunResult("stopped", 0, None, None)

    def _run(self) -> RunResult:
        start = read_start(self._plan, self._control.raise_if_stopped)
        prepare_peers(self._world, start.plan)
        self._control.begin()
        with contextlib.ExitStack() as exit_stack:
            with refuse_unusable_files():
                start.plan.workspace.create(start.plan.unusable)
                lock = exit_stack.enter_context(start.plan.workspace.lock())
                plan = take_over_workspace(start, self._sink, self._control)
                attach_workspace_sinks(self._sink, plan, start.step, exit_stack)
            for text in lock.notices:
                self._sink(Notice("warning", text))
            clock = RunClock(
                plan.config,
                started=self._started,
                previous_seconds=start.seconds,
                is_asynchronous=plan.hardware.is_asynchronous,
                previous_step=start.step,
                planned_steps=start.planned_steps,
                plan_changes=start.state.plan.get("plan_changes", []) if start.state else [],
            )
            loop = None
            try:
                threads = exit_stack.enter_context(choose_threads(plan, start, self._sink))
                loop = TrainingLoop(plan, start, clock, self._sink, self._control, lock, self._world, threads)
                exit_stack.callback(loop.close)
                loop.emit_start()
                return self._emit_finish(plan, clock, loop, loop.train())
            except Stopped:  # while the loop was being built, before it emitted what happened to the files
                for notice in (*start.notices, *(Notice("info", text) for text in plan.notices)):
                    self._sink(notice)
                return self._emit_finish(plan, clock, loop, "stopped", step=start.step)
            except NotSaved as error:
                return self._emit_finish(plan, clock, loop, "failed", error)
            except Exception as error:
                if loop is None and isinstance(error, UserError):
                    raise  # the caller reports it; the run has not started
                self._emit_traceback(error)
                if loop is not None:
                    loop.rescue(error)
                return self._emit_finish(plan, clock, loop, "failed", error)

    def _emit_traceback(self, error: Exception) -> None:
        """Emit the traceback of an unexpected failure; the others explain themselves."""
        explained = (UserError, Diverged, PeerLost, WeightsDiffer, OSError)
        if not isinstance(error, explained) and not is_out_of_memory(error):
            self._sink(Notice("error", "".join(traceback.format_exception(type(error), error, error.__traceback__))))

    def _emit_finish(
        self,
        plan: RunPlan,
        clock: RunClock,
        loop: TrainingLoop | None,
        outcome: str,
        failure: Exception | None = None,
        step: int = 0,
    ) -> RunResult:
        record = loop.record if loop else ValidationRecord()
        step, checkpoint = (loop.step, loop.checkpoint) if loop else (step, plan.checkpoint)
        if checkpoint is not None and file_identity(checkpoint) is None:
            checkpoint = None  # it was deleted, or its drive is lost
        micro_batch = loop.micro_batch if loop else plan.micro_batch
        error = explain_failure(failure, plan.config, micro_batch) if failure else None
        model = None
        with contextlib.suppress(OSError):
            model = model_of(loop.workspace if loop else plan.workspace)
        overrun = clock.describe_overrun() if outcome == "completed" else ""
        if overrun:
            self._sink(Notice("info", overrun))
        self._sink(
            RunFinished(
                outcome=outcome,
                step=step,
                best_psnr=record.best_psnr,
                best_step=record.best_step,
                bicubic_psnr=record.last.get("bicubic_psnr"),
                test_psnr=record.test_psnr,
                checkpoint=str(checkpoint) if checkpoint else None,
                model=str(model) if model else None,
                error=error,
                seconds=clock.elapsed,
                remedy=suggest_remedy(failure, plan.config, micro_batch) if failure else {},
                best_spectrum=record.best_spectrum,
            )
        )
        return RunResult(outcome, step, record.best_psnr, model, error)
