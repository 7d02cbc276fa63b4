"""The time of a run: `RunClock` measures and predicts it, `Cadences` determines which recurring tasks are due."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from trainer_core.control import RunRequest
from trainer_core.events import PlanChanged
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.schema import AUTO
from trainer_core.sinks.event_text import format_duration
from trainer_core.training.schedule import make_checkpoint_cadence, make_validation_cadence
from trainer_core.training.time_budget import TimeBudget

_SPEED_WINDOW = 30  # steps over which the speed is averaged
_CHECKPOINT_SECONDS = 1.0  # estimated cost of a checkpoint with its models
_MIN_OVERRUN, _MIN_OVERRUN_SHARE = 30.0, 0.1  # seconds, and of the time budget; a shorter overrun is not reported
_READING_INTERVAL = 0.25  # seconds between two readings of a device that works asynchronously

Overhead = Callable[[float, float], float]  # seconds left, seconds of this session's training -> see `plan_steps`


class RunClock:
    """Clock of one session of a run, without its pauses.

    The processor only queues the steps of an asynchronous device. Their time is known once values are read, which waits
    for the device: each step since the last reading gets an equal share of it.

    Args:
        config: gives the number of steps, or the time budget (`max_minutes`) that becomes one.
        started: `time.monotonic()` at the start of the session.
        previous_seconds: seconds of the run's earlier sessions.
        is_asynchronous: whether the device works asynchronously, so that steps end later than their calls.
        previous_step: steps of the run's earlier sessions.
        planned_steps: with a time budget, the number of steps that it has become; None before.
        plan_changes: those of earlier sessions.

    Attributes:
        total_steps: steps of the run, which a time budget changes; None until it has become a number of steps.
        plan_changes: step and total of steps of each plan for the time budget, in the order in which they were made.
    """

    def __init__(
        self,
        config: TrainerConfig,
        *,
        started: float,
        previous_seconds: float = 0.0,
        is_asynchronous: bool = False,
        previous_step: int = 0,
        planned_steps: int | None = None,
        plan_changes: Sequence[list[int]] = (),
    ) -> None:
        self.plan_changes = list(plan_changes)
        self._budget: TimeBudget | None = None
        self.total_steps: int | None = config.steps
        if config.max_minutes is not None:
            self._budget = TimeBudget(60 * config.max_minutes, step=previous_step, elapsed=previous_seconds)
            self.total_steps = planned_steps
        self._started = started
        self._previous_seconds = previous_seconds
        self._paused = 0.0
        self._training_started = 0.0  # seconds into the session
        self._durations: deque[float] = deque(maxlen=_SPEED_WINDOW)
        self._waits: deque[float] = deque(maxlen=_SPEED_WINDOW)  # seconds of each step that waited for photos
        self._reading_interval = _READING_INTERVAL if is_asynchronous else 0.0
        self._unread, self._unread_seconds = 0, 0.0  # steps whose end is unknown, and the seconds of their calls
        self._steps_per_reading = 1.0

    @property
    def elapsed(self) -> float:
        """Seconds since the start of the session, without pauses."""
        return time.monotonic() - self._started - self._paused

    @property
    def total_seconds(self) -> float:
        """Seconds of all sessions of the run."""
        return self._previous_seconds + self.elapsed

    @property
    def steps_per_second(self) -> float:
        """Speed, averaged over the latest steps."""
        return len(self._durations) / max(1e-9, sum(self._durations))

    def is_over(self, step: int) -> bool:
        """Whether the run has no steps left after `step` steps."""
        return self.total_steps is not None and step >= self.total_steps

    def seconds_left(self, step: int, overhead: Overhead = lambda left, planned: 0.0) -> float:
        """Return the seconds until the end of the run, after `step` steps: at most those left of a time budget.

        Args:
            step: steps done.
            overhead: as in `plan_steps`; nothing is added to the last step.
        """
        if self.total_steps is None:
            return self._seconds_of_budget_left
        seconds = self._seconds_of_steps_left(step)
        if seconds > 0:
            seconds += overhead(seconds, self.elapsed - self._training_started + seconds)
        return seconds if self._budget is None else min(seconds, self._seconds_of_budget_left)

    def _seconds_of_steps_left(self, step: int) -> float:
        assert self.total_steps is not None, "the number of steps is known"
        return (self.total_steps - step) / self.steps_per_second

    def planned_seconds(self, step: int) -> float | None:
        """Return the seconds that this session will train in total; None while the speed is unknown."""
        trained = self.elapsed - self._training_started
        if self.total_steps is None:
            return trained + self._seconds_of_budget_left
        if len(self._durations) >= min(5, self.total_steps):
            return trained + self._seconds_of_steps_left(step)
        return None

    def start_training(self) -> None:
        """Record that the first step begins now."""
        self._training_started = self.elapsed

    @property
    def photo_wait(self) -> float:
        """Share of the time of the latest steps that was spent waiting for photos, 0 to 1."""
        return min(1.0, sum(self._waits) / max(1e-9, sum(self._durations)))

    def add_step(self, seconds: float, *, waited: float = 0.0) -> None:
        """Add a step whose call took `seconds`; its duration is known after the next reading.

        Args:
            seconds: seconds of the call.
            waited: those of them that were spent waiting for photos.
        """
        self._waits.append(waited)
        self._unread += 1
        self._unread_seconds += seconds

    @property
    def is_reading_due(self) -> bool:
        """Whether to read values now: after every step or, of an asynchronous device, four times a second."""
        return self._unread >= self._steps_per_reading or self._unread_seconds >= self._reading_interval

    def add_reading(self, seconds: float) -> None:
        """Record that values were read, which took `seconds`: the device has completed all steps."""
        if not self._unread:
            return
        each = (self._unread_seconds + seconds) / self._unread
        for _ in range(self._unread):
            self._durations.append(each)
            if self._budget is not None:
                self._budget.add_step(each)
        self._unread, self._unread_seconds = 0, 0.0
        self._steps_per_reading = self._reading_interval / max(each, 1e-9)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Exclude the time inside the `with` block from the run's time."""
        started = time.monotonic()
        try:
            yield
        finally:
            self._paused += time.monotonic() - started

    # -- the time budget -----------------------------------------------------------------------

    @property
    def _seconds_of_budget_left(self) -> float:
        return max(0.0, self._budget.seconds - self.total_seconds) if self._budget is not None else 0.0

    def describe_overrun(self) -> str:
        """Return a sentence for the user if the run took 10 % and 30 s longer than its time budget, else ""."""
        over = self.total_seconds - self._budget.seconds if self._budget is not None else 0.0
        if self._budget is None or over < max(_MIN_OVERRUN, _MIN_OVERRUN_SHARE * self._budget.seconds):
            return ""
        return (
            f"The training took {format_duration(over)} longer than its time limit, because the last checks of the "
            "network took longer than expected or other programs slowed this computer down. Leave more time, or close "
            "other programs."
        )

    def is_plan_due(self, step: int) -> bool:
        """Whether to plan, or check, the number of steps that fit into the time budget, after `step` steps."""
        budget = self._budget
        return budget is not None and budget.is_check_due(step, self.total_steps, self.total_seconds)

    def plan_steps(self, step: int, overhead: Overhead) -> PlanChanged | None:
        """Set `total_steps` so that the run ends at its time budget, and return the change, if there is one.

        Args:
            step: steps done.
            overhead: function of the seconds left and of the seconds of this session's training; returns the seconds
                that validations and checkpoints will take.
        """
        assert self._budget is not None, "only a time budget is planned"
        left = self._seconds_of_budget_left
        left -= overhead(left, self.elapsed - self._training_started + left)
        before, total = self.total_steps, self._budget.plan_steps(step, self.total_steps, left)
        self._budget.record_check(step, self.total_seconds)
        if total == before:
            return None
        self.total_steps = total
        self.plan_changes.append([step, total])
        return PlanChanged(step, total, before)


class Cadences:
    """Cadences of the recurring tasks of a run (validation, preview, checkpoint), with the cost of each task.

    Costs follow the speed of the steps: on a machine that is twice as slow now, a task will take twice as long.

    Args:
        config: gives the intervals.
        clock: clock of the session.
        estimate_validation: returns the estimated seconds of a validation; called before the first one.
    """

    def __init__(
        self, config: TrainerConfig, clock: RunClock, estimate_validation: Callable[[], float] = lambda: 0.0
    ) -> None:
        self._clock = clock
        self._estimate_validation = estimate_validation
        self._costs_in_steps: dict[RunRequest, float] = {}
        self.validation = make_validation_cadence(config.val_interval)
        self.preview = make_validation_cadence(config.image_log_interval)
        self.checkpoint = make_checkpoint_cadence(config.checkpoint_interval)
        self._by_task = {
            RunRequest.VALIDATE: self.validation,
            RunRequest.PREVIEW: self.preview,
            RunRequest.SAVE: self.checkpoint,
        }
        self._previews_with_validations = config.image_log_interval == AUTO
        self._recurring = {*self._by_task} - ({RunRequest.PREVIEW} if self._previews_with_validations else set())

    def start(self) -> None:
        """Start counting the time to the first tasks."""
        self._clock.start_training()
        for cadence in self._by_task.values():
            cadence.start(self._clock.elapsed)  # what came before the first step does not count

    def due(self, step: int, requested: frozenset[RunRequest]) -> frozenset[RunRequest]:
        """Return the tasks to do after `step` steps: those requested and those due by their cadence.

        A requested validation includes a preview; so does every validation if previews have no interval of their own.
        After the last step only requested tasks are due.
        """
        tasks = set(requested)
        if RunRequest.VALIDATE in requested:
            tasks.add(RunRequest.PREVIEW)
        if step == self._clock.total_steps:
            return frozenset(tasks)  # the end of the run validates and saves anyway
        recurring = self._find_due(step)
        if RunRequest.VALIDATE in recurring and self.validation.is_automatic and not self.validation.cost:
            self.expect_validations()
            recurring = self._find_due(step)
        tasks |= recurring
        if RunRequest.VALIDATE in tasks and self._previews_with_validations:
            tasks.add(RunRequest.PREVIEW)
        return frozenset(tasks)

    def _find_due(self, step: int) -> set[RunRequest]:
        self._update_costs()
        elapsed, planned = self._clock.elapsed, self._clock.planned_seconds(step)
        return {task for task in self._recurring if self._by_task[task].is_due(step, elapsed, planned)}

    def seconds_to_validation(self, step: int) -> float | None:
        """Return the seconds until the next validation after `step` steps, None if only that of the end is left."""
        self._update_costs()
        clock = self._clock
        planned = clock.planned_seconds(step)
        seconds = self.validation.seconds_left(step, clock.elapsed, planned, clock.steps_per_second)
        left = clock.seconds_left(step)
        return seconds if seconds < (math.inf if left is None else left) else None

    def _update_costs(self) -> None:
        for task, steps in self._costs_in_steps.items():
            self._by_task[task].cost = steps / self._clock.steps_per_second

    def _record_cost(self, task: RunRequest, seconds: float) -> None:
        self._by_task[task].cost = seconds
        speed = self._clock.steps_per_second
        if speed > 0:
            self._costs_in_steps[task] = seconds * speed

    def expect_validations(self) -> None:
        """Estimate the cost of a validation, unless it is known."""
        if not self.validation.cost:
            self._record_cost(RunRequest.VALIDATE, self._estimate_validation())

    @contextmanager
    def timing(self, *tasks: RunRequest) -> Iterator[None]:
        """Time the `with` block, which does `tasks`, and record that they were done unless it raises."""
        started = time.monotonic()
        yield
        for task in tasks:
            self._by_task[task].record(self._clock.elapsed)
            self._record_cost(task, time.monotonic() - started)

    def estimate_overhead(self, left: float, planned: float) -> float:
        """Estimate the seconds that validations and checkpoints will take, the last ones included.

        Args:
            left: seconds left.
            planned: seconds of the whole training, on which the cadences depend.
        """
        self._update_costs()
        speed = self._clock.steps_per_second
        validations = self.validation.count(left, planned, speed) + 1
        checkpoints = self.checkpoint.count(left, planned, speed) + 1
        # nearly every early validation is a new best, which is also saved
        return validations * (self.validation.cost + _CHECKPOINT_SECONDS) + checkpoints * _CHECKPOINT_SECONDS
