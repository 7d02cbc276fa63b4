"""The schedule of a run: the learning rate of each step and the cadences of validations, previews and checkpoints."""

from __future__ import annotations

import math

from trainer_core.settings.config import NumberOrAuto
from trainer_core.settings.schema import AUTO

WARM_UP_STEPS = 100
_MAX_PERIOD = 600.0  # seconds
_MIN_SECONDS_FOR_FOUR = 30.0  # seconds


def learning_rate_at(step: int, *, peak: float, schedule: str, total_steps: int | None) -> float:
    """Return the learning rate of the step after `step` completed ones.

    The rate rises linearly over 100 steps (over a twentieth of a cosine run of less than 2000 steps), then stays
    constant or falls along half a cosine to zero at `total_steps`. With "constant", `total_steps` has no effect. While
    it is unknown (a time budget not yet measured), only the warm-up applies.
    """
    if schedule == "constant" or total_steps is None:
        return peak * min(1.0, (step + 1) / WARM_UP_STEPS)
    warm_up = max(1, min(WARM_UP_STEPS, total_steps // 20))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = min(1.0, (step - warm_up) / max(1, total_steps - warm_up))
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


class Cadence:
    """Cadence of one recurring task: due every `interval` steps or, with "auto", by time.

    Args:
        interval: steps, or "auto".
        fraction: with "auto", the period as a fraction of the planned time.
        min_period: with "auto", the shortest period in seconds.

    Attributes:
        cost: seconds that the task took last.
    """

    def __init__(self, interval: NumberOrAuto, *, fraction: float, min_period: float) -> None:
        self._steps = None if interval == AUTO else int(interval)
        self._fraction = fraction
        self._min_period = min_period
        self._last = 0.0
        self.cost = 0.0

    def is_due(self, step: int, elapsed: float, planned: float | None) -> bool:
        """Whether the task is due, `elapsed` seconds into the session, in a run of `planned` seconds."""
        if self._steps is not None:
            return step % self._steps == 0
        return elapsed - self._last >= self.period(planned)

    def period(self, planned: float | None) -> float:
        """Return the seconds from one task to the next, in a run of `planned` seconds.

        The period is the fraction of the planned time, at least the minimum, and long enough that the task takes at
        most 5 % of the time. A run of 30 seconds or more does the task at least four times, and no period exceeds ten
        minutes.
        """
        if planned is None:
            return self._min_period
        period = max(self._min_period, self._fraction * planned, 20 * self.cost)
        if planned >= _MIN_SECONDS_FOR_FOUR:
            period = min(period, planned / 4.5)
        return min(period, _MAX_PERIOD)

    def start(self, elapsed: float) -> None:
        """Start the first period at `elapsed`, so that preparation before the first step does not count."""
        self._last = elapsed

    def record(self, elapsed: float, cost: float) -> None:
        """Record that the task ended at `elapsed` and took `cost` seconds."""
        self._last = elapsed
        self.cost = cost


def make_validation_cadence(interval: NumberOrAuto) -> Cadence:
    """Make the cadence of validations; "auto": 5 % of the planned time, from 30 s to 10 minutes."""
    return Cadence(interval, fraction=0.05, min_period=30.0)


def make_checkpoint_cadence(interval: NumberOrAuto) -> Cadence:
    """Make the cadence of checkpoints; "auto": a fifth of the planned time, from 24 s to 10 minutes."""
    return Cadence(interval, fraction=0.2, min_period=24.0)
