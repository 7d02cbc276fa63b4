"""The time of a run: how long it has taken, how long it will, how many steps fit, and which tasks are due."""

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
_WARM_UP_STEPS = 3  # the first ones pay for allocations and kernel choices
_MIN_STEPS, _MIN_SECONDS = 12, 5.0
_SAFETY_FACTOR = 0.98  # machines slow down more often than they speed up
_CHECKPOINT_SECONDS = 1.0  # a first guess at what a checkpoint with its models costs


class StepTiming:
    """Collects the durations of steps until they allow a forecast."""

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
        """Whether 12 steps over 5 seconds were timed, or a tenth of the budget was spent on timing."""
        total = sum(self._durations)
        return (len(self._durations) >= _MIN_STEPS and total >= _MIN_SECONDS) or total > 0.1 * budget_seconds

    def steps_in(self, seconds: float) -> int:
        """Return how many more steps fit into `seconds`; at least one."""
        return max(1, int(_SAFETY_FACTOR * seconds / statistics.median(self._durations)))  # a hiccup must not decide


class RunClock:
    """The time of one session of a run, without its pauses.

    Args:
        config: its steps are the total, unless a time budget (`max_minutes`) has yet to become a number of steps.
        started: `time.monotonic()` at the start of the session.
        previous_seconds: time of the sessions before a resume.

    Attributes:
        total_steps: None until a time budget has become a number of steps.
    """

    def __init__(self, config: TrainerConfig, *, started: float, previous_seconds: float = 0.0) -> None:
        self.total_steps = None if config.max_minutes else config.steps
        self._budget = (config.max_minutes or 0) * 60
        self._started = started
        self._previous_seconds = previous_seconds
        self._paused = 0.0
        self._training_started = 0.0  # seconds into the session
        self._durations: deque[float] = deque(maxlen=_SPEED_WINDOW)
        self._timing = StepTiming()

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
        """The speed of the latest steps."""
        return len(self._durations) / max(1e-9, sum(self._durations))

    def is_over(self, step: int) -> bool:
        """Whether `step` is the last one."""
        return self.total_steps is not None and step >= self.total_steps

    def seconds_left(self, step: int) -> float:
        """Seconds until the end of the run, after `step` steps."""
        if self.total_steps is None:
            return max(0.0, self._budget - self.elapsed)
        return (self.total_steps - step) / self.steps_per_second

    def planned_seconds(self, step: int) -> float | None:
        """Seconds that this session will train in all; None while the speed is not known."""
        if self.total_steps is None or len(self._durations) >= min(5, self.total_steps):
            return self.elapsed - self._training_started + self.seconds_left(step)
        return None

    def start_training(self) -> None:
        """Note that the first step begins now."""
        self._training_started = self.elapsed

    def add_step(self, seconds: float) -> None:
        """Add the duration of a step."""
        self._durations.append(seconds)
        if self.total_steps is None:
            self._timing.add(seconds)

    @contextmanager
    def pause(self) -> Iterator[None]:
        """Leave out of the run's time what passes inside."""
        started = time.monotonic()
        yield
        self._paused += time.monotonic() - started

    # -- the time budget -----------------------------------------------------------------------

    @property
    def can_plan_steps(self) -> bool:
        """Whether there is a time budget that can become a number of steps now."""
        return self.total_steps is None and self._timing.is_sufficient(self._budget)

    def plan_steps(self, step: int, overhead: Callable[[float, float], float]) -> int:
        """Turn the time budget into `total_steps`; from then on only this number counts.

        Args:
            step: steps done.
            overhead: seconds that tasks beside the steps take, from those left and those of the whole training.
        """
        left = self._budget - self.elapsed
        left -= overhead(left, self._budget - self._training_started)
        self.total_steps = step + self._timing.steps_in(left)
        return self.total_steps


class Cadences:
    """The recurring tasks of a run, validation, preview and checkpoint: which are due, and what they cost."""

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
        """Count the time to the first tasks from now."""
        self._clock.start_training()
        for cadence in self._by_task.values():
            cadence.start(self._clock.elapsed)

    def due(self, step: int, requested: frozenset[RunRequest]) -> frozenset[RunRequest]:
        """Return the tasks after `step` steps: the requested ones and, but for the last step, those of the cadences.

        A requested validation comes with a preview, and every validation where previews have no interval of their own.
        """
        tasks = set(requested)
        if RunRequest.VALIDATE in requested:
            tasks.add(RunRequest.PREVIEW)
        if step == self._clock.total_steps:
            return frozenset(tasks)  # the end validates and saves anyway
        elapsed, planned = self._clock.elapsed, self._clock.planned_seconds(step)
        tasks |= {task for task in self._recurring if self._by_task[task].is_due(step, elapsed, planned)}
        if RunRequest.VALIDATE in tasks and self._previews_with_validations:
            tasks.add(RunRequest.PREVIEW)
        return frozenset(tasks)

    @contextmanager
    def timing(self, *tasks: RunRequest) -> Iterator[None]:
        """Record that `tasks` were done inside, and the time that they took."""
        started = time.monotonic()
        yield
        for task in tasks:
            self._by_task[task].record(self._clock.elapsed, time.monotonic() - started)

    def estimate_overhead(self, left: float, planned: float) -> float:
        """Estimate the seconds, of the `left` ones, that validations and checkpoints take, the last ones included.

        Args:
            planned: seconds of the whole training, on which the cadences depend.
        """
        validations = int(left / self.validation.period(planned)) + 1
        checkpoints = int(left / self.checkpoint.period(planned)) + 1
        # nearly every early validation is a new best, which is saved as well
        return validations * (self.validation.cost + _CHECKPOINT_SECONDS) + checkpoints * _CHECKPOINT_SECONDS
