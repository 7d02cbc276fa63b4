"""The schedule of a run: the learning rate of each step and the cadences of validations, previews and checkpoints."""

from __future__ import annotations

import math

from trainer_core.settings.config import NumberOrAuto
from trainer_core.settings.schema import AUTO

WARM_UP_STEPS, _SHORT_WARM_UP_STEPS = 100, 30
_MAX_PERIOD = 600.0  # seconds
_FIRST_CHECKPOINT = 60.0  # seconds, so that even a short session leaves something to resume
_FIRST_VALIDATION = 2 * 60.0  # seconds, so that the user soon sees how good the network is
_MIN_SECONDS_FOR_FOUR = 30.0  # seconds
_MAX_SHARE, _MAX_SHARE_OF_FOUR = 0.05, 0.2  # of the time, of one task


def learning_rate_at(step: int, *, peak: float, schedule: str, total_steps: int | None) -> float:
    """Return the learning rate of the step after `step` completed ones.

    The rate rises linearly over 100 steps, then stays constant or falls along half a cosine to zero at `total_steps`.
    With "constant", `total_steps` has no effect. A cosine run of less than 2000 steps warms up over a twentieth of its
    steps, but over 30 of them at least, or over a quarter of less than 120. As long as `total_steps` is unknown (a time
    budget not yet measured), the rate rises over 30 steps.
    """
    if schedule == "constant":
        return peak * min(1.0, (step + 1) / WARM_UP_STEPS)
    if total_steps is None:
        return peak * min(1.0, (step + 1) / _SHORT_WARM_UP_STEPS)
    warm_up = _count_warm_up(total_steps)
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = min(1.0, (step - warm_up) / max(1, total_steps - warm_up))
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


def _count_warm_up(total_steps: int) -> int:
    shortest = min(_SHORT_WARM_UP_STEPS, total_steps // 4)
    return max(1, min(WARM_UP_STEPS, max(total_steps // 20, shortest)))


class Cadence:
    """Cadence of one recurring task: due every `interval` steps or, with "auto", by time.

    Args:
        interval: steps, or "auto".
        fraction: with "auto", the period as a fraction of the planned time.
        min_period: with "auto", the shortest period in seconds.
        first: with "auto", the most seconds until the task is due for the first time; more if it would take more than
            20 % of them.

    Attributes:
        cost: seconds that the task takes; 0 if unknown.
    """

    def __init__(self, interval: NumberOrAuto, *, fraction: float, min_period: float, first: float = math.inf) -> None:
        self._steps = None if interval == AUTO else int(interval)
        self._fraction = fraction
        self._min_period = min_period
        self._first: float | None = first  # None after the first time
        self._last = 0.0
        self.cost = 0.0

    def is_due(self, step: int, elapsed: float, planned: float | None) -> bool:
        """Whether the task is due, `elapsed` seconds into the session, in a run of `planned` seconds."""
        if self._steps is not None:
            return step % self._steps == 0
        return self._next_time(planned) <= elapsed

    def seconds_left(self, step: int, elapsed: float, planned: float | None, steps_per_second: float) -> float:
        """Return the seconds until the task is due, 0 if it is; arguments as in `is_due` and `count`."""
        if self._steps is not None:
            return (self._steps - step % self._steps) / steps_per_second if steps_per_second else math.inf
        return max(0.0, self._next_time(planned) - elapsed)

    def _next_time(self, planned: float | None) -> float:
        period = self.period(planned)
        if self._first is not None:
            period = min(period, max(self._first, self.cost / _MAX_SHARE_OF_FOUR))
        return self._last + period

    def period(self, planned: float | None) -> float:
        """Return the seconds from one task to the next, in a run of `planned` seconds.

        The period is the fraction of the planned time, at least the minimum, and long enough that the task takes at
        most 5 % of the time. A run of 30 seconds or more does the task at least four times, unless that takes more than
        20 % of the time. No period exceeds ten minutes, as long as the task takes at most 20 % of them.
        """
        shortest = max(self._min_period, self.cost / _MAX_SHARE)
        if planned is None:
            return shortest
        period = max(self._fraction * planned, shortest)
        if planned >= _MIN_SECONDS_FOR_FOUR:
            period = min(period, planned / 4.5)
        return max(min(period, _MAX_PERIOD), self.cost / _MAX_SHARE_OF_FOUR)

    def count(self, seconds: float, planned: float, steps_per_second: float) -> int:
        """Return how often the task is due within `seconds` of a run of `planned` seconds, at this speed."""
        if self._steps is not None:
            return int(seconds * steps_per_second / self._steps)
        return int(seconds / self.period(planned))

    @property
    def is_automatic(self) -> bool:
        """Whether the task is due by time."""
        return self._steps is None

    def start(self, elapsed: float) -> None:
        """Count the time to the first task from `elapsed`."""
        self._last = elapsed

    def record(self, elapsed: float) -> None:
        """Record that the task ended at `elapsed`."""
        self._first, self._last = None, elapsed


def make_validation_cadence(interval: NumberOrAuto) -> Cadence:
    """Make the cadence of validations; "auto": after two minutes, then 5 % of the planned time, 30 s to 10 minutes."""
    return Cadence(interval, fraction=0.05, min_period=30.0, first=_FIRST_VALIDATION)


def make_checkpoint_cadence(interval: NumberOrAuto) -> Cadence:
    """Make the cadence of checkpoints; "auto": after a minute, then a fifth of the planned time, 24 s to 10 minutes."""
    return Cadence(interval, fraction=0.2, min_period=24.0, first=_FIRST_CHECKPOINT)
