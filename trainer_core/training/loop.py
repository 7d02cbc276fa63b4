"""The training loop: the steps of a run and, between them, validations, previews, checkpoints and requests.

`trainer` builds a `TrainingLoop` for the workspace that `takeover` prepared, calls `emit_start` and then `train`.
"""

from __future__ import annotations

import contextlib
import dataclasses
import time
import uuid
from pathlib import Path

from trainer_core.control import Activity, RunControl, RunRequest, StopMode, Stopped
from trainer_core.data.regions import RegionSource
from trainer_core.events import EventSink, Notice, RolledBack
from trainer_core.planning import hardware
from trainer_core.planning.plan import RunPlan
from trainer_core.planning.run_record import make_record
from trainer_core.thread_choice import TorchThreads
from trainer_core.training.cameras import make_region_spec
from trainer_core.training.checkpoint import TrainingState, collect_versions, copy_to_cpu
from trainer_core.training.clock import Cadences, RunClock
from trainer_core.training.compiling import try_compiling
from trainer_core.training.divergence import DivergenceDetector
from trainer_core.training.evaluation import Evaluator, ValidationRecord
from trainer_core.training.failures import Diverged, NotSaved, WeightsDiffer
from trainer_core.training.learner import Learner
from trainer_core.training.peers import give_photos
from trainer_core.training.rollback import MAX_ROLLBACKS, give_up, go_back, read_rollbacks, stored_history
from trainer_core.training.samples import make_region_source
from trainer_core.training.saver import Write
from trainer_core.training.saving import Saving
from trainer_core.training.schedule import learning_rate_at
from trainer_core.training.sharing import StepSharing
from trainer_core.training.start import RunStart, make_limit_notices, make_start_event, make_start_notices
from trainer_core.training.stepping import Stepper, make_step_event
from trainer_core.training.world import World
from trainer_core.workspace.checkpoints import has_final_checkpoint
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.lock import WorkspaceLock


class TrainingLoop:
    """The training of one session: the parts of the run, its counters and what each step does.

    Args:
        plan: the plan that `take_over_workspace` returned.
        start: what the run starts from.
        clock: time of the session.
        sink: receives every event.
        lock: the lock of the workspace.
        world: the processes that train together; this one is the main process.
        threads: the number of torch's threads.
        control: stop, pause and requests; read at each step boundary. A stop also ends a validation, a preview and the
            wait for photos, and a step of several micro-batches that takes longer than ten seconds.

    Attributes:
        step: steps done.
    """

    def __init__(
        self,
        plan: RunPlan,
        start: RunStart,
        clock: RunClock,
        sink: EventSink,
        control: RunControl,
        lock: WorkspaceLock,
        world: World,
        threads: TorchThreads,
    ) -> None:
        self._plan, self._config, self._start = plan, plan.config, start
        self._clock, self._sink, self._control, self._threads = clock, sink, control, threads
        self._region = make_region_spec(plan.config, start.camera)
        self._learner = Learner(plan.config, start.network, plan.hardware, world)
        if plan.config.compile == "on":
            sink(Notice("info", "Compiling the network takes a minute or more; Ctrl+C and Stop wait for it."))
        problem = try_compiling(self._learner.network, plan.config, plan.hardware, plan.micro_batch)
        self._compile_problems = give_photos(world, plan, problem)
        self._stepper = Stepper(plan, start.camera, self._learner, world, sink, control)
        self._sharing = StepSharing(plan, world, self._learner, self._stepper, threads, control, sink)
        self._saving = Saving(plan, start, lock, control, sink)
        is_new = start.state is None
        self._first_weights = copy_to_cpu(dict(start.network.named_parameters())) if is_new else None
        self._run_id = start.state.run_id if start.state else uuid.uuid4().hex
        self._evaluator = Evaluator(plan, start.camera, self._learner, sink, control, run_id=self._run_id)
        measuring = control.during(Activity.MEASURING)
        self._cadences = Cadences(plan.config, clock, measuring(self._evaluator.estimate_validation_seconds))
        self.step, self._samples, self._rollbacks, self._is_diverged = 0, 0, 0, False
        self._run_record = make_record(plan)
        self._restored: tuple[str, ...] = ()  # sentences on results that start over
        self._saved_step: int | None = None
        self._reported_step: int | None = None
        if start.state is not None:
            self._restore(start.state)

    def _restore(self, state: TrainingState) -> None:
        self._learner.load_weights(state.params, state.params_ema, state.ema_updates)
        if state.optimizer:
            trained_with = state.config.get("optimizer", "adam")  # older versions had no other one
            self._learner.load_optimizer(state.optimizer, state.scaler, trained_with=trained_with)
        self._restored = (*self._learner.load_discriminator(state.discriminator), *self._evaluator.restore(state.best))
        self._evaluator.detector = DivergenceDetector(stored_history(state))
        self._reported_step = state.step
        self._rollbacks = read_rollbacks(state, self._config.learning_rate)
        self.step, self._samples = state.step, state.samples
        self._saved_step = state.step

    @property
    def micro_batch(self) -> int:
        """Patches that go through the network at a time."""
        return self._stepper.micro_batch

    @property
    def record(self) -> ValidationRecord:
        """The results of the validations so far."""
        return self._evaluator.record

    @property
    def workspace(self) -> Workspace:
        """The workspace that holds the files of the run: that of the plan, or the one chosen in its place."""
        return self._saving.workspace

    @property
    def checkpoint(self) -> Path | None:
        """The newest checkpoint of the run."""
        return self._saving.saver.newest

    def emit_start(self) -> None:
        """Emit `RunStarted` and the notices that concern the start of the run."""
        self._emit_start_event()
        size, can_validate = self._sharing.size, self._evaluator.can_validate
        for notice in (
            *make_start_notices(self._plan, self._start, self._restored, size),
            *make_limit_notices(self._compile_problems, processes=size, can_validate=can_validate),
        ):
            self._sink(notice)

    def _emit_start_event(self) -> None:
        total, devices = self._clock.total_steps, self._sharing.size
        self._sink(make_start_event(self._plan, self._run_id, self.step, total, self.checkpoint, devices))

    # -- the loop ------------------------------------------------------------------------------

    def train(self) -> str:
        """Train until the run is complete or stopped, save, and return the outcome of `RunFinished`."""
        self._sharing.begin()
        try:
            self._saving.complete_resumed(is_last=self._is_complete)
            while True:
                try:
                    photos, check_stop = self._plan.splits.train, self._control.raise_if_stopped
                    with make_region_source(self._config, photos, self._region, self._sink, check_stop) as source:
                        self._do_steps(source)
                    return self._complete() if self._is_complete else self._stop()
                except Diverged as failure:
                    self._roll_back(failure)
        except Stopped:
            self._learner.discard_gradients()
            with contextlib.suppress(Diverged):  # the newest checkpoint is the last good state
                return self._stop()
            return "stopped"

    def close(self) -> None:
        """End peers and wait for the writes that are under way; call it before the lock of the workspace is free."""
        self._sharing.close()
        self._saving.close()

    def _stop(self) -> str:
        if self._control.stop_requested is StopMode.DISCARD:
            self._saving.collect(step=self.step, leave=0)
            return "discarded"
        self._save_at_end()
        return "stopped"

    def _roll_back(self, failure: Diverged) -> None:
        """Go back to the last good state at half the learning rate.

        Raises:
            Diverged: the run went back too often; its state is the last good one.
        """
        self._is_diverged = True  # nothing of this step is saved, even if going back fails
        self._saving.collect(step=self.step, leave=0)
        left, count = self.step, self._rollbacks + 1
        good = go_back(self.workspace, failure, can_restart=self._first_weights is not None)
        params = good.state.params if good.state is not None else self._first_weights
        if params is None:
            raise failure
        self._learner.restart(params)
        self._evaluator.record, self._evaluator.detector = ValidationRecord(), DivergenceDetector()
        self.step = self._samples = 0
        self._saved_step = self._reported_step = None
        if good.state is not None:
            self._plan = dataclasses.replace(self._plan, checkpoint=good.checkpoint)
            self._restore(good.state)
        self._saving.forget(good.checkpoint)
        self._rollbacks = min(count, MAX_ROLLBACKS)
        if count > MAX_ROLLBACKS:
            self._emit_start_event()
            raise give_up(failure, good.checkpoint, self._learning_rate, self._plan.hardware.precision)
        self._is_diverged = False
        folder = str(good.folder) if good.folder else None
        self._sink(RolledBack(left, self.step, str(failure), self._learning_rate, count, folder))
        self._emit_start_event()

    @property
    def _learning_rate(self) -> float:
        """Peak of the learning rate, halved by each rollback."""
        return self._config.learning_rate * 0.5**self._rollbacks

    def _do_steps(self, source: RegionSource) -> None:
        """Train until the last step or a stop.

        Raises:
            Stopped: the stop interrupted a step or what follows a step; all fields are those after the latest step.
        """
        if self.step == 0:
            self._show_start()
        self._sharing.load_peers()
        self._cadences.start()
        tasks = self._cadences.due(self.step, frozenset()) - {RunRequest.SAVE} if self.step else frozenset()
        if RunRequest.VALIDATE in tasks and self.record.last.get("step") != self.step:
            self._perform(tasks)  # a stop interrupted the validation after this step
        self._stepper.take_samples(source, self._samples)
        while self._should_continue():
            self._sharing.adapt()
            self._update()
            if self._clock.is_plan_due(self.step):
                self._plan_steps()
            self._perform(self._cadences.due(self.step, self._control.pop_requests()))
            self._saving.retry(step=self.step)

    def _should_continue(self) -> bool:
        if self._control.is_paused:
            self._report_step()
        with self._clock.pause():
            while self._control.is_paused and not self._control.wait_while_paused(0.2):
                self._perform(self._control.pop_requests())
                self._saving.retry(step=self.step)
        return not self._is_complete and self._control.stop_requested is None

    @property
    def _is_complete(self) -> bool:
        return self._clock.is_over(self.step) or self._evaluator.has_plateaued

    def _update(self) -> None:
        """Do one step and report it."""
        started = time.monotonic()
        self._stepper.do_step(self._samples, self._learning_rate_at(self.step))
        self.step += 1
        self._samples += self._config.effective_batch
        seconds, waited = time.monotonic() - started, self._stepper.waited
        self._clock.add_step(seconds, waited=waited)
        self._threads.add_step(seconds - waited)
        if self._clock.is_reading_due or self._clock.is_over(self.step):
            self._report_step()

    def _learning_rate_at(self, step: int) -> float:
        return learning_rate_at(
            step, peak=self._learning_rate, schedule=self._config.schedule, total_steps=self._clock.total_steps
        )

    def _report_step(self) -> None:
        """Report the latest step, unless it was reported; the device has then completed all steps.

        Raises:
            Diverged: the step shows that the run diverges.
        """
        if not self.step or self._reported_step == self.step:
            return
        started = time.monotonic()
        reading, self._reported_step = self._learner.read_latest(), self.step
        self._clock.add_reading(time.monotonic() - started)
        overhead = self._estimate_overhead
        learning_rate, memory = self._learning_rate_at(self.step - 1), hardware.used_memory(self._plan.hardware)
        self._sink(
            make_step_event(
                self.step, reading, learning_rate, memory, self._clock, self._cadences, self._threads, overhead
            )
        )
        loss = reading.losses["total"] - reading.losses.get("gan", 0.0)  # which rises as the discriminator learns
        problem = self._evaluator.detector.add_step(loss, reading.consecutive_skips)
        if problem:
            raise Diverged(problem)

    def _plan_steps(self) -> None:
        """Plan the steps that fit into the time budget; a change is stored and reported."""
        self._cadences.expect_validations()
        change = self._clock.plan_steps(self.step, self._estimate_overhead)
        if change is not None:
            self._config = self._config.replace(steps=change.total_steps)
            plan = dataclasses.replace(self._plan, config=self._config)
            self._saving.write("settings", lambda: self._saving.prepare_settings(plan), step=self.step)
            self._sink(change)

    def _estimate_overhead(self, left: float, planned: float) -> float:
        """Estimate the seconds beside the steps, arguments as in `Cadences.estimate_overhead`."""
        return self._cadences.estimate_overhead(left, planned) + self._saving.seconds

    # -- tasks beside the steps ----------------------------------------------------------------

    def _perform(self, tasks: frozenset[RunRequest]) -> None:
        if tasks:
            self._report_step()  # so that no task waits for the steps, and no exploded weights are saved
            self._sharing.compare_weights()
        if RunRequest.VALIDATE in tasks:
            self._validate(with_preview=RunRequest.PREVIEW in tasks)
        if RunRequest.SAVE in tasks and self.step:
            self._save()  # with what the validation found, and before previews, which may take minutes
        if RunRequest.PREVIEW in tasks and RunRequest.VALIDATE not in tasks:
            self._preview()

    def _show_start(self) -> None:
        """Preview the first weights; those of a warm start are also measured, before training changes them."""
        if self._plan.warm_start is not None:
            self._validate()
        else:
            self._preview()

    def _preview(self) -> None:
        during, timing = self._control.during(Activity.PREVIEWING), self._cadences.timing(RunRequest.PREVIEW)
        with during, timing, self._threads.released():
            self._evaluator.preview(self.step)

    def _validate(self, *, with_preview: bool = True, with_test: bool = False) -> None:
        tasks = (RunRequest.VALIDATE, RunRequest.PREVIEW) if with_preview else (RunRequest.VALIDATE,)
        with self._control.during(Activity.VALIDATING), self._cadences.timing(*tasks), self._threads.released():
            is_best = self._evaluator.validate(self.step, with_preview=with_preview, with_test=with_test)
        if is_best:  # also at step 0, of a run whose first weights nothing beats
            state = self._state()  # kept until it is written
            self._saving.write("best", lambda: self._saving.saver.prepare_best(state), step=self.step)

    def _save(self) -> None:
        with self._cadences.timing(RunRequest.SAVE):
            self._saving.write("checkpoint", self._prepare_checkpoint, step=self.step)

    def _save_at_end(self, *, final: bool = False) -> None:
        """Save the last step and whatever could not be saved before, however long it takes.

        Raises:
            NotSaved: the disk cannot be written, and the wait for it has ended.
        """
        with self._clock.pause():
            self._saving.collect(step=self.step, leave=0)
            is_saved = self._saved_step == self.step and not final and not self._saving.is_behind
            if self.step and not is_saved:
                self._saving.insist("checkpoint", lambda: self._prepare_checkpoint(final=final), step=self.step)

    def _prepare_checkpoint(self, *, final: bool = False) -> Write:
        self._report_step()  # no exploded weights may be saved
        write = self._saving.saver.prepare_step(self._state(), final=final)
        self._saved_step = self.step
        return write

    def _state(self) -> TrainingState:
        config = dataclasses.asdict(self._config)
        return TrainingState(
            **self._learner.state(),
            step=self.step,
            samples=self._samples,
            run_id=self._run_id,
            workspace_id=self._plan.stored.workspace_id or "",
            spec=self._plan.spec.as_dict(),
            config={name: list(value) if isinstance(value, tuple) else value for name, value in config.items()},
            photos=[photo.name for photo in self._plan.splits.train],
            best=self.record.as_dict(),
            plan={
                "total_steps": self._clock.total_steps,
                "plan_changes": self._clock.plan_changes,
                "max_minutes": self._config.max_minutes,
                "seconds": self._clock.total_seconds,
                "micro_batch": self.micro_batch,
                "divergence": {"rollbacks": self._rollbacks, **self._evaluator.detector.state()},
                **self._run_record,
            },
            versions=collect_versions(self._plan.hardware.kind, self._sharing.world.size, threads=self._threads.chosen),
        )

    # -- the end -------------------------------------------------------------------------------

    def _complete(self) -> str:
        self._sharing.compare_weights()
        if self.record.last.get("step") != self.step and not has_final_checkpoint(self._plan.workspace, self.step):
            self._validate(with_test=True)
        self._save_at_end(final=True)
        return "completed"

    def rescue(self, failure: Exception) -> None:
        """Save a checkpoint after a failure, unless the weights are not those of a whole, healthy step."""
        self._saving.collect(step=self.step, leave=0)
        is_broken = self._learner.is_mid_update or self._is_diverged or isinstance(failure, WeightsDiffer)
        if self.step and not is_broken:
            self._learner.discard_gradients()
            try:
                self._save_at_end()
            except NotSaved as error:
                self._sink(Notice("error", str(error)))
            except Exception:  # the weights may be what failed
                pass
