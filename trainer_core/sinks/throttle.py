"""How often something may be shown or written: `Throttle` for a rate, `LinePace` for log lines."""

from __future__ import annotations

import time
from typing import Callable

Clock = Callable[[], float]


class Throttle:
    """Says yes at most every `seconds`; the first time at once."""

    def __init__(self, seconds: float, clock: Clock = time.monotonic) -> None:
        self._seconds = seconds
        self._clock = clock
        self._next = float("-inf")

    def is_due(self) -> bool:
        """Whether it is time again; a yes starts the next wait."""
        now = self._clock()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True


class LineSchedule:
    """When a progress line is due: every `steps` steps but at most once a second, and at least every 15 s."""

    MIN_SECONDS, MAX_SECONDS = 1.0, 15.0  # seconds

    def __init__(self, steps: int, clock: Clock = time.monotonic) -> None:
        self._steps = max(1, steps)
        self._clock = clock
        self.start(0)

    def start(self, step: int) -> None:
        """Count from `step` and from now."""
        self._last_step = step
        self._last_time = self._clock()

    def is_due(self, step: int, total: int | None) -> bool:
        """Whether `step` deserves a line; a yes counts as one written. The last step always does."""
        waited = self._clock() - self._last_time
        crossed = step // self._steps > self._last_step // self._steps
        if not (step == total or waited >= self.MAX_SECONDS or (crossed and waited >= self.MIN_SECONDS)):
            return False
        self.start(step)
        return True
