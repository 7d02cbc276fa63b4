"""The state of the training in this window, and the few words that change it: start, pause, stop, discard.

Always comes back to idle, however a run ends. Buttons, menus and the close question all go through here.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, Optional

from PySide6.QtCore import QObject, Signal, Slot

from app.training_thread import Ended, TrainingThread
from trainer_core.control import Request, RunControl, Stop
from trainer_core.events import RunStarted, StepDone


class State(Enum):
    """What the window is doing; the value is the word shown."""

    IDLE = "Ready"
    STARTING = "Preparing …"
    TRAINING = "Training"
    PAUSING = "Pausing …"
    PAUSED = "Paused"
    STOPPING = "Stopping …"


STEERABLE = (State.TRAINING, State.PAUSING, State.PAUSED)
"""A training that can be paused or resumed, and asked for a checkpoint or a preview."""


class Session(QObject):
    """Steers the thread's trainings; `happened` repeats their events, `ended` comes when the state is idle again."""

    changed = Signal(object)  # State
    happened = Signal(object)  # Event
    ended = Signal(object)  # Ended

    def __init__(self, thread: TrainingThread, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._thread = thread
        self._control: Optional[RunControl] = None
        self.state = State.IDLE
        self.step = 0
        thread.happened.connect(self._hear)
        thread.ended.connect(self._end)
        thread.waiting.connect(self._waits)

    @property
    def active(self) -> bool:
        """Whether a training is under way, from the click on Start to the last file written."""
        return self.state is not State.IDLE

    def start(self, given: Mapping[str, Any]) -> None:
        """Begin a training; without effect while one is under way."""
        if not self.active:
            self.step = 0
            self._control = self._thread.train(given)
            self._become(State.STARTING)

    def pause_or_resume(self) -> None:
        """Wait at the next step boundary, or go on."""
        if self._control is None or self.state not in STEERABLE:
            return
        if self.state is State.TRAINING:
            self._control.pause()
            self._become(State.PAUSING)
        else:
            self._control.resume()
            self._become(State.TRAINING)

    def stop(self, *, discard: bool = False) -> None:
        """Finish the step and leave: with a checkpoint, or without one."""
        if self._control is not None and self.active:
            self._control.stop(Stop.DISCARD if discard else Stop.SAVE)
            self._become(State.STOPPING)

    def request(self, what: Request) -> None:
        """Save, validate or preview at the next step boundary."""
        if self._control is not None:
            self._control.request(what)

    @Slot()
    def _waits(self) -> None:
        reached = self._control is not None and self._control.waiting  # of an earlier pause the word may come late
        if self.state is State.PAUSING and reached:
            self._become(State.PAUSED)

    @Slot(object)
    def _hear(self, event: Any) -> None:
        if isinstance(event, RunStarted) and self.state is State.STARTING:
            self._become(State.TRAINING)
        if isinstance(event, (RunStarted, StepDone)):
            self.step = event.start_step if isinstance(event, RunStarted) else event.step
        self.happened.emit(event)

    @Slot(object)
    def _end(self, ended: Ended) -> None:
        self._control = None
        self._become(State.IDLE)
        self.ended.emit(ended)

    def _become(self, state: State) -> None:
        self.state = state
        self.changed.emit(state)
