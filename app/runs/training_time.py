"""The training time of a run at its steps, across sessions and without pauses."""

from __future__ import annotations

import numpy as np

from app.runs.points import Points
from trainer_core.events import Event, RolledBack, RunStarted, StepDone


class TrainingTime:
    """Seconds that a run had trained at each step, filled event by event; between known steps they are interpolated.

    A resumed run continues with the time of its start step; a rollback stays in its session, whose time runs on.
    """

    def __init__(self) -> None:
        self._seconds = Points()  # over steps
        self._earlier = 0.0  # seconds of the sessions before the present one
        self._is_rolled_back = False  # the next `RunStarted` belongs to the present session

    def add_event(self, event: Event) -> None:
        """Add the time of one event."""
        if isinstance(event, StepDone):
            self._seconds.append(event.step, self._earlier + event.elapsed)
        elif isinstance(event, RolledBack):
            self._is_rolled_back = True
        elif isinstance(event, RunStarted):
            start = float(self.seconds_at(np.array([event.start_step]))[0])
            if not self._is_rolled_back:
                self._earlier = start
            self._is_rolled_back = False
            self._seconds.rewind(event.start_step - 1)
            self._seconds.append(event.start_step, start)

    def seconds_at(self, steps: np.ndarray) -> np.ndarray:
        """Return the seconds at these steps [n], 0 before the first known one."""
        return self._interpolate(steps, self._seconds.x, self._seconds.y)

    def step_at(self, seconds: float) -> float:
        """Return the step at which the run had trained for so long."""
        return float(self._interpolate(np.array([seconds]), self._seconds.y, self._seconds.x)[0])

    def place(self, points: Points) -> Points:
        """Return the points of a curve over steps as points over seconds."""
        placed = Points()
        placed.extend(self.seconds_at(points.x), points.y)
        return placed

    def _interpolate(self, at: np.ndarray, known: np.ndarray, values: np.ndarray) -> np.ndarray:
        found: np.ndarray = np.interp(at, known, values) if len(known) else np.zeros(len(at))
        return found
