"""The learning rate over the steps, and when it is time to validate, save and preview."""

from __future__ import annotations

import math

from trainer_core.settings.config import Interval
from trainer_core.settings.schema import AUTO

WARM_UP_STEPS = 100
_MAX_PERIOD = 600.0
_MIN_SECONDS_FOR_FOUR = 30.0  # seconds


def learning_rate_at(step: int, *, peak: float, schedule: str, total_steps: int | None) -> float:
    """The rate for the update that follows `step` finished ones.

    Linear warm-up over 100 steps (a twentieth of a shorter cosine run), then constant, or half a cosine down to
    zero at `total_steps`. With "constant" neither part depends on `total_steps`. While `total_steps` is
    unknown (a time budget not yet measured) only the warm-up applies.
    """
    if schedule == "constant" or total_steps is None:
        return peak * min(1.0, (step + 1) / WARM_UP_STEPS)
    warm_up = max(1, min(WARM_UP_STEPS, total_steps // 20))
    if step < warm_up:
        return peak * (step + 1) / warm_up
    progress = min(1.0, (step - warm_up) / max(1, total_steps - warm_up))
    return peak * 0.5 * (1 + math.cos(math.pi * progress))


class Cadence:
    """Says when something recurring is due: every so many steps, or ("auto") after a while.

    Args:
        interval: steps, or "auto".
        share: with "auto", the fraction of the planned time between two.
        shortest: with "auto", seconds that must lie between two at least.
    """

    def __init__(self, interval: Interval, *, fraction: float, min_period: float) -> None:
        self._steps = None if interval == AUTO else int(interval)
        self._share = fraction
        self._shortest = min_period
        self._last = 0.0
        self.cost = 0.0  # seconds the last one took

    def is_due(self, step: int, elapsed: float, planned: float | None) -> bool:
        """Whether it is time, `elapsed` seconds into the session, with training planned to last `planned` seconds."""
        if self._steps is not None:
            return step % self._steps == 0
        return elapsed - self._last >= self.period(planned)

    def period(self, planned: float | None) -> float:
        """Seconds between two, in a training planned to last `planned` seconds.

        The share of it, not below the shortest, stretched while one costs over 5 %; but a run of half a
        minute or more shows at least four, and none waits longer than ten minutes.
        """
        if planned is None:
            return self._shortest
        wanted = max(self._shortest, self._share * planned, 20 * self.cost)
        if planned >= _MIN_SECONDS_FOR_FOUR:
            wanted = min(wanted, planned / 4.5)
        return min(wanted, _MAX_PERIOD)

    def start(self, elapsed: float) -> None:
        """Count from `elapsed`: what was prepared before the first step is not waiting time."""
        self._last = elapsed

    def record(self, elapsed: float, cost: float) -> None:
        """Note that one was finished at `elapsed` and took `cost` seconds."""
        self._last = elapsed
        self.cost = cost


def make_validation_cadence(interval: Interval) -> Cadence:
    """auto: every 30 s or 5 % of the planned time, whichever is longer, at most 10 minutes apart."""
    return Cadence(interval, fraction=0.05, min_period=30.0)


def make_checkpoint_cadence(interval: Interval) -> Cadence:
    """auto: a fifth of the planned time, from 24 s to 10 minutes."""
    return Cadence(interval, fraction=0.2, min_period=24.0)
