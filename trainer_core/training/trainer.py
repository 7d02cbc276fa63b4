"""The run, from top to bottom: prepare, step, validate, preview, save, finish.

`Trainer(config, sink, control).run()` is all there is to know. It runs in the calling thread, which alone
calls torch; facts leave through the sink, wishes come in through the control.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import traceback
import uuid
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from trainer_core.control import Request, RunControl, Stop
from trainer_core.data.regions import PatchSource
from trainer_core.errors import UserError
from trainer_core.events import EventSink, Fanout, Notice, PlanChanged, RunFinished, RunStarted, StepDone
from trainer_core.planning import hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.schema import AUTO
from trainer_core.training import budget, preparation, run_sinks
from trainer_core.training.batches import PairMaker
from trainer_core.training.checkpoint import TrainingState, versions
from trainer_core.training.evaluation import Evaluator, Record
from trainer_core.training.learner import Learner
from trainer_core.training.saver import Keeper
from trainer_core.training.schedule import checkpoint_cadence, learning_rate, validation_cadence

_MOST_BAD_STEPS = 20  # consecutive updates skipped for non-finite gradients before the run gives up
_RATE_WINDOW = 30  # steps over which the speed is averaged
_REPORT_SECONDS = {"cpu": 0.0, "cuda": 0.25}  # reading values makes CUDA wait
_SAVING_SECONDS = 1.0  # a first guess at what a checkpoint with its models costs


class Diverged(RuntimeError):
    """Gradients were not finite for too many steps in a row."""


@dataclass(frozen=True)
class RunResult:
    """How a run ended; the same facts as its `RunFinished` event."""

    outcome: str
    step: int
    best_psnr: Optional[float]
    model: Optional[Path]
    error: Optional[str] = None


class Trainer:
    """One run of one configuration. Make a new one for each run.

    Args:
        config: resolved settings (`plan.plan_run`).
        sink: receives every event; one that raises is detached.
        control: stop, pause and requests, asked at each step boundary.
    """

    def __init__(self, config: TrainerConfig, sink: EventSink, control: Optional[RunControl] = None) -> None:
        self.config = config
        self.control = control or RunControl()
        self._sink = Fanout(sink)
        self._started = time.monotonic()
        self._paused = 0.0  # seconds
        self._earlier_seconds = 0.0  # trained in the sessions before a resume
        self._step = 0
        self._samples = 0
        self._total: Optional[int] = None
        self._durations: deque[float] = deque(maxlen=_RATE_WINDOW)
        self._reported = 0.0
        self._saved_step: Optional[int] = None
        self._checkpoint: Optional[Path] = None
        self._built = False
        self._training_began = 0.0  # seconds into the session
        self._learner: Learner
        self._evaluator: Evaluator

    # == the whole run =========================================================================

    def run(self) -> RunResult:
        """Train until the last step, a stop, or a failure (which is reported, not raised).

        Raises:
            UserError: something the user gave cannot be used.
        """
        prepared = preparation.check(self.config)
        prepared.workspace.make()
        with prepared.workspace.lock(), contextlib.ExitStack() as closing:
            self._prepared = prepared = preparation.settle(prepared, self._sink)
            self.config = prepared.config
            self._total = None if self.config.max_minutes else self.config.steps
            run_sinks.attach(self._sink, prepared, closing)
            try:
                self._build()
                self._announce()
                self._train(closing)
                return self._conclude()
            except Exception as error:
                result = self._fail(error)
                if isinstance(error, UserError):
                    raise
                return result

    def _train(self, closing: contextlib.ExitStack) -> None:
        source = closing.enter_context(self._patch_source())
        regions = source.batches(self._samples, self.config.batch_size)
        count = self.config.grad_accum_steps
        measurement = budget.Measurement()
        if self._step == 0 and self._prepared.warm is not None:
            self._validate()  # what the warm start is worth before training changes it
        self._training_began = self._elapsed()
        for cadence in (self._validation_due, self._preview_due, self._checkpoint_due):
            cadence.start(self._training_began)
        while self._may_go_on():
            began = time.monotonic()
            pairs = (self._pairs.pairs(next(regions)) for _ in range(count))
            self._learner.update(pairs, count=count, rate=self._rate(self._step))
            self._step += 1
            self._samples += self.config.effective_batch
            self._report(began)
            if self._total is None:
                self._plan_budget(measurement)
            self._do_what_is_due()

    def _may_go_on(self) -> bool:
        waiting_since = time.monotonic()
        while self.control.paused and not self.control.wait_while_paused(0.2):
            self._serve_requests()
        self._paused += time.monotonic() - waiting_since
        finished = self._total is not None and self._step >= self._total
        return not finished and not self._evaluator.stale and self.control.stop_requested is None

    def _conclude(self) -> RunResult:
        finished = (self._total is not None and self._step >= self._total) or self._evaluator.stale
        if finished:
            if self._evaluator.record.last.get("step") != self._step:
                self._validate(with_test=True)
            self._save(final=True)
            return self._finish("completed")
        if self.control.stop_requested is Stop.DISCARD:
            return self._finish("discarded")
        if self._step and self._saved_step != self._step:
            self._save()
        return self._finish("stopped")

    # == before the first step =================================================================

    def _build(self) -> None:
        """Network, optimiser, average, evaluator; then the state of a resumed run on top."""
        prepared, config = self._prepared, self.config
        network, self._warm_report = preparation.starting_network(prepared)
        self._learner = Learner(config, network, prepared.hardware)
        self._pairs = PairMaker(config, prepared.camera, self._learner.device)
        self._keeper = Keeper(prepared.workspace, config, prepared.spec, self._sink)
        self._evaluator = Evaluator(prepared, config, self._learner, self._sink)
        self._validation_due = validation_cadence(config.val_interval)
        self._preview_due = validation_cadence(config.image_log_interval)
        self._checkpoint_due = checkpoint_cadence(config.checkpoint_interval)
        self._run_id = prepared.resumed.run_id if prepared.resumed else uuid.uuid4().hex
        if prepared.resumed:
            self._restore(prepared.resumed)
        self._built = True

    def _restore(self, state: TrainingState) -> None:
        self._learner.load_weights(state.params, state.params_ema, state.ema_updates)
        if state.optimizer:
            self._learner.load_optimizer(state.optimizer, state.scaler)
        self._step, self._samples = state.step, state.samples
        self._evaluator.record = Record(**state.best)
        self._earlier_seconds = state.plan.get("seconds", 0.0)
        self._checkpoint, self._saved_step = self._prepared.resumed_path, state.step

    def _announce(self) -> None:
        prepared, config, machine = self._prepared, self.config, self._prepared.hardware
        self._sink(
            RunStarted(
                run_id=self._run_id, workspace=str(prepared.workspace.root),
                scale=config.scale, mono=config.monochrome_style,
                start_step=self._step, total_steps=self._total,
                device=machine.device, precision=machine.precision, device_name=machine.name,
                memory_total=hardware.total_memory(machine),
                parameters=prepared.spec.parameter_count(), photos=prepared.photos,
                resumed_from=str(prepared.resumed_path) if prepared.resumed else None,
            )
        )  # fmt: skip
        for notice in prepared.notices:
            self._sink(notice)
        if self._warm_report is not None:
            self._sink(Notice("info", self._warm_report.sentence()))
        if not self._evaluator.can_validate:
            self._sink(Notice("warning", "There are no validation photos: the run goes on without PSNR."))

    def _patch_source(self) -> PatchSource:
        source = PatchSource(
            self._prepared.splits.train,
            self._prepared.region,
            seed=self.config.seed,
            patches_per_photo=self.config.patches_per_image,
            threads=max(1, self.config.num_workers),
            on_bad_photo=lambda name, reason: self._sink(
                Notice("warning", f"{name} could not be read and is passed over: {reason}")
            ),
        )
        if source.enlarged:
            count, side = len(source.enlarged), self._prepared.region.hr_side
            self._sink(
                Notice("warning", f"{count} photos are smaller than one patch ({side} px) and are enlarged to fit.")
            )
        return source

    # == each step =============================================================================

    def _rate(self, step: int) -> float:
        return learning_rate(
            step, peak=self.config.learning_rate, schedule=self.config.schedule, total_steps=self._total
        )

    def _report(self, began: float) -> None:
        now = time.monotonic()
        self._durations.append(now - began)
        if now - self._reported < _REPORT_SECONDS[self._learner.device.type] and self._step != self._total:
            return
        self._reported = now
        reading = self._learner.read()
        self._sink(
            StepDone(
                step=self._step,
                total_steps=self._total,
                losses=reading.losses,
                learning_rate=self._rate(self._step - 1),
                gradient_norm=reading.gradient_norm,
                steps_per_second=self._speed(),
                elapsed=self._elapsed(),
                seconds_left=self._seconds_left(),
                memory_bytes=hardware.used_memory(self._prepared.hardware),
                skipped_steps=reading.skipped,
            )
        )
        if reading.bad_in_a_row >= _MOST_BAD_STEPS:
            raise Diverged(
                f"The gradients were not finite for {reading.bad_in_a_row} steps in a row. They never reached the "
                f"weights; resume with a lower --lr (now {self.config.learning_rate:g})."
            )

    def _speed(self) -> float:
        return len(self._durations) / max(1e-9, sum(self._durations))

    def _elapsed(self) -> float:
        return time.monotonic() - self._started - self._paused

    def _seconds_left(self) -> Optional[float]:
        if self._total is None:
            return max(0.0, (self.config.max_minutes or 0) * 60 - self._elapsed())
        return (self._total - self._step) / self._speed()

    def _planned_seconds(self) -> Optional[float]:
        """How long this session will train in all, as far as is known."""
        if self._total is None or len(self._durations) >= min(5, self._total):
            return self._elapsed() - self._training_began + (self._seconds_left() or 0.0)
        return None

    def _plan_budget(self, measurement: budget.Measurement) -> None:
        """Turn the time budget into steps once the speed is known; from then on only the number counts."""
        measurement.add(self._durations[-1])
        planned = (self.config.max_minutes or 0) * 60
        if not measurement.enough(planned):
            return
        validation = self._validation_due.cost = self._evaluator.seconds_per_validation()
        left = planned - self._elapsed()
        planned -= self._training_began
        used = budget.overhead(
            left,
            validation_period=self._validation_due.period(planned),
            validation=validation,
            saving_period=self._checkpoint_due.period(planned),
            saving=_SAVING_SECONDS,
        )
        self._total = self._step + measurement.steps_in(left - used)
        self.config = self.config.replace(steps=self._total)
        preparation.record_steps(self._prepared, self.config)
        self._sink(PlanChanged(self._step, self._total))

    # == what is due ===========================================================================

    def _do_what_is_due(self) -> None:
        self._serve_requests()
        elapsed, planned = self._elapsed(), self._planned_seconds()
        if self._step == self._total:
            return  # the end validates and saves anyway
        with_validations = self.config.image_log_interval == AUTO
        preview = not with_validations and self._preview_due.due(self._step, elapsed, planned)
        if self._validation_due.due(self._step, elapsed, planned):
            self._validate(with_preview=with_validations or preview)
        elif preview:
            self._preview()
        if self._checkpoint_due.due(self._step, self._elapsed(), planned):
            self._save()

    def _serve_requests(self) -> None:
        for request in self.control.take_requests():
            if request is Request.SAVE and self._step:
                self._save()
            elif request is Request.VALIDATE:
                self._validate()
            elif request is Request.PREVIEW:
                self._preview()

    def _validate(self, *, with_preview: bool = True, with_test: bool = False) -> None:
        began = time.monotonic()
        is_best = self._evaluator.validate(self._step, with_preview=with_preview, with_test=with_test)
        cost = time.monotonic() - began
        self._validation_due.done(self._elapsed(), cost)
        if with_preview:
            self._preview_due.done(self._elapsed(), cost)
        if is_best and self._step:
            with self._surviving_full_disk():
                self._keeper.save_best(self._state())

    def _preview(self) -> None:
        began = time.monotonic()
        self._evaluator.preview(self._step)
        self._preview_due.done(self._elapsed(), time.monotonic() - began)

    def _save(self, *, final: bool = False) -> None:
        began = time.monotonic()
        with self._surviving_full_disk(but_not=final):
            self._checkpoint = self._keeper.save_step(self._state(), final=final)
            self._saved_step = self._step
        self._checkpoint_due.done(self._elapsed(), time.monotonic() - began)

    @contextlib.contextmanager
    def _surviving_full_disk(self, *, but_not: bool = False) -> Iterator[None]:
        """A file that cannot be written costs that file, not the run; the older ones are still there."""
        try:
            yield
        except OSError as error:
            self._sink(Notice("error", f"The checkpoint at step {self._step} could not be written: {error}"))
            if but_not:
                raise

    def _state(self) -> TrainingState:
        prepared = self._prepared
        return TrainingState(
            **self._learner.state(),
            step=self._step,
            samples=self._samples,
            run_id=self._run_id,
            workspace_id=prepared.workspace_id,
            spec=prepared.spec.as_dict(),
            config={k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(self.config).items()},
            photos=[photo.name for photo in prepared.splits.train],
            best=dataclasses.asdict(self._evaluator.record),
            plan={
                "total_steps": self._total,
                "max_minutes": self.config.max_minutes,
                "seconds": self._earlier_seconds + self._elapsed(),
            },
            versions=versions(),
        )

    # == the end ===============================================================================

    def _finish(self, outcome: str, failure: Optional[Exception] = None) -> RunResult:
        error = hardware.explain(failure, self.config) if failure else None
        record = self._evaluator.record if self._built else Record()
        paths = [self._prepared.workspace.model_path(self.config.scale, best=best) for best in (False, True)]
        model = next((path for path in paths if path.is_file()), None)
        self._sink(
            RunFinished(
                outcome=outcome,
                step=self._step,
                best_psnr=record.best_psnr,
                best_step=record.best_step,
                bicubic_psnr=record.last.get("bicubic_psnr"),
                test_psnr=record.test_psnr,
                checkpoint=str(self._checkpoint) if self._checkpoint else None,
                model=str(model) if model else None,
                error=error,
                seconds=self._elapsed(),
                remedy=hardware.remedy(failure, self.config) if failure else {},
            )
        )
        return RunResult(outcome, self._step, record.best_psnr, model, error)

    def _fail(self, error: Exception) -> RunResult:
        """Save what can be saved and say what happened; called while the failure is being handled."""
        if not isinstance(error, (UserError, Diverged)) and not hardware.is_out_of_memory(error):
            self._sink(Notice("error", "".join(traceback.format_exception(type(error), error, error.__traceback__))))
        if self._built and not self._learner.mid_update and self._step and self._saved_step != self._step:
            self._learner.drop_gradients()
            with contextlib.suppress(Exception):
                self._save()
        return self._finish("failed", error)
