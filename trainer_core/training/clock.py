"""The time of a run: `RunClock` measures and predicts it, `Cadences` determines which recurring tasks are due."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from trainer_core.control import RunRequest
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.schema import AUTO
from trainer_core.training.schedule import make_checkpoint_cadence, make_validation_cadence

_SPEED_WINDOW = 30  # steps over which the speed is averaged
_WARM_UP_STEPS = 3  # steps that also pay for allocations and the choice of kernels
_MIN_STEPS, _MIN_SECONDS = 12, 5.0
_SAFETY_FACTOR = 0.98  # machines slow down more often than they speed up
_CHECKPOINT_SECONDS = 1.0  # estimated cost of a checkpoint with its models
_READING_INTERVAL = 0.25  # seconds between two readings of a device that works asynchronously


class StepTiming:
    """Durations of steps, collected until they allow a forecast."""

    def __init__(self) -> None:
        self._warm_up_left = _WARM_UP_STEPS
        self._durations: list[float] = []

    def add(self, seconds: float) -> None:
        """Add the duration of one more step."""
        if self._warm_up_left:
            self._warm_up_left -= 1
        else:
            self._durations.append(seconds)

    def is_sufficient(self, budget_seconds: float) -> bool:
        """Whether 12 steps and 5 seconds were timed, or more than a tenth of the budget."""
        total = sum(self._durations)
        return (len(self._durations) >= _MIN_STEPS and total >= _MIN_SECONDS) or total > 0.1 * budget_seconds

    def steps_in(self, seconds: float) -> int:
        """Return how many more steps fit into `seconds`; at least one."""
        return max(
            1, int(_SAFETY_FACTOR * seconds / statistics.median(self._durations))
        )  # the median ignores a single slow step


class RunClock:
    """Clock of one session of a run, without its pauses.

    The processor only queues the steps of an asynchronous device. Their time is known once values are read, which waits
    for the device: each step since the last reading gets an equal share of it.

    Args:
        config: gives the number of steps, or the time budget (`max_minutes`) that becomes one.
        started: `time.monotonic()` at the start of the session.
        previous_seconds: seconds of the run's earlier sessions.
        is_asynchronous: whether the device works asynchronously, so that steps end later than their calls.

    Attributes:
        total_steps: steps of the run; None until a time budget has become a number of steps.
    """

    def __init__(
        self, config: TrainerConfig, *, started: float, previous_seconds: float = 0.0, is_asynchronous: bool = False
    ) -> None:
        self.total_steps = None if config.max_minutes else config.steps
        self._budget = (config.max_minutes or 0) * 60
        self._started = started
        self._previous_seconds = previous_seconds
        self._paused = 0.0
        self._training_started = 0.0  # seconds into the session
        self._durations: deque[float] = deque(maxlen=_SPEED_WINDOW)
        self._timing = StepTiming()
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

    def seconds_left(self, step: int) -> float:
        """Return the seconds until the end of the run, after `step` steps."""
        if self.total_steps is None:
            return max(0.0, self._budget - self.elapsed)
        return (self.total_steps - step) / self.steps_per_second

    def planned_seconds(self, step: int) -> float | None:
        """Return the seconds that this session will train in total; None while the speed is unknown."""
        if self.total_steps is None or len(self._durations) >= min(5, self.total_steps):
            return self.elapsed - self._training_started + self.seconds_left(step)
        return None

    def start_training(self) -> None:
        """Record that the first step begins now."""
        self._training_started = self.elapsed

    def add_step(self, seconds: float) -> None:
        """Add a step whose call took `seconds`; its duration is known after the next reading."""
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
            if self.total_steps is None:
                self._timing.add(each)
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
    def can_plan_steps(self) -> bool:
        """Whether a time budget can become a number of steps now."""
        return self.total_steps is None and self._timing.is_sufficient(self._budget)

    def plan_steps(self, step: int, overhead: Callable[[float, float], float]) -> int:
        """Turn the time budget into `total_steps` and return it; the budget has no effect afterwards.

        Args:
            step: steps done.
            overhead: function of the seconds left and of the seconds of the whole training; returns the seconds that
                validations and checkpoints will take.
        """
        left = self._budget - self.elapsed
        left -= overhead(left, self._budget - self._training_started)
        self.total_steps = step + self._timing.steps_in(left)
        return self.total_steps


class Cadences:
    """Cadences of the recurring tasks of a run (validation, preview, checkpoint), with the cost of each task."""

    def __init__(self, config: TrainerConfig, clock: RunClock) -> None:
        self._clock = clock
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
            cadence.start(self._clock.elapsed)

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
        elapsed, planned = self._clock.elapsed, self._clock.planned_seconds(step)
        tasks |= {task for task in self._recurring if self._by_task[task].is_due(step, elapsed, planned)}
        if RunRequest.VALIDATE in tasks and self._previews_with_validations:
            tasks.add(RunRequest.PREVIEW)
        return frozenset(tasks)

    @contextmanager
    def timing(self, *tasks: RunRequest) -> Iterator[None]:
        """Time the `with` block, which does `tasks`, and record that they were done unless it raises."""
        started = time.monotonic()
        yield
        for task in tasks:
            self._by_task[task].record(self._clock.elapsed, time.monotonic() - started)

    def estimate_overhead(self, left: float, planned: float) -> float:
        """Estimate the seconds that validations and checkpoints will take, the last ones included.

        Args:
            left: seconds left.
            planned: seconds of the whole training, on which the cadences depend.
        """
        validations = int(left / self.validation.period(planned)) + 1
        checkpoints = int(left / self.checkpoint.period(planned)) + 1
        # nearly every early validation is a new best, which is also saved
        return validations * (self.validation.cost + _CHECKPOINT_SECONDS) + checkpoints * _CHECKPOINT_SECONDS
