"""The time since the newest step of a run: it goes on while a step or a validation takes minutes, not in a pause."""

from __future__ import annotations

import time


class StepClock:
    """Clock that counts the seconds since the newest step, without pauses; it stands still until it is started."""

    def __init__(self) -> None:
        self._counted = 0.0  # seconds up to the last pause
        self._running_since: float | None = None  # time.monotonic(); None while it stands still

    def restart(self) -> None:
        """Count from zero, because a step has ended."""
        self._counted, self._running_since = 0.0, time.monotonic()

    def run(self) -> None:
        """Count on after a pause."""
        if self._running_since is None:
            self._running_since = time.monotonic()

    def hold(self) -> None:
        """Stand still."""
        self._counted = self.seconds
        self._running_since = None

    @property
    def seconds(self) -> float:
        """Seconds since the newest step."""
        running = 0.0 if self._running_since is None else time.monotonic() - self._running_since
        return self._counted + running
