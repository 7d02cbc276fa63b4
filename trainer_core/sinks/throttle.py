"""Limits on how often a sink shows or writes: `Throttle` limits a rate, `LineSchedule` paces log lines."""

from __future__ import annotations

import time
from typing import Callable

Clock = Callable[[], float]


class Throttle:
    """Limit of once per `seconds`; the first call is due at once."""

    def __init__(self, seconds: float, clock: Clock = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = float("-inf")

    def is_due(self) -> bool:
        """Whether `seconds` have passed since the last call that returned True."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class LineSchedule:
    """Schedule of progress lines: every `steps` steps, at most once a second and at least every 15 seconds."""

    MIN_SECONDS, MAX_SECONDS = 1.0, 15.0  # seconds

    def __init__(self, steps: int, clock: Clock = time.monotonic) -> None:
        self._steps = max(1, steps)
        self._clock = clock
        self.start(0)

    def start(self, step: int) -> None:
        """Start counting at `step` and the current time."""
        self._last_step = step
        self._last_time = self._clock()

    def is_due(self, step: int, total: int | None) -> bool:
        """Whether a line is due at `step`, which the caller then writes; the last step is always due."""
        waited = self._clock() - self._last_time
        crossed = step // self._steps > self._last_step // self._steps
        if not (step == total or waited >= self.MAX_SECONDS or (crossed and waited >= self.MIN_SECONDS)):
            return False
        self.start(step)
        return True
