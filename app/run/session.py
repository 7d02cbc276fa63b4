"""State of the training in this window and its transitions: start, pause, resume, stop, discard.

The state returns to idle after every run, even a failed one. Buttons, menus and the question on closing all use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

from PySide6.QtCore import QObject, Signal, Slot

from app.run.training_thread import RunEnded, TrainingThread
from trainer_core.control import Activity, RunControl, RunRequest, SaveAnswer, StopMode
from trainer_core.events import RunStarted, StepDone


class SessionState(Enum):
    """State of the session; the value is the text that the window shows."""

    IDLE = "Ready"
    STARTING = "Preparing …"
    TRAINING = "Training"
    PAUSING = "Pausing …"
    PAUSED = "Paused"
    STOPPING = "Stopping …"


_SAVE_TIMEOUT = 600_000  # milliseconds for a step of a large network and the save
CONTROLLABLE_STATES = (SessionState.TRAINING, SessionState.PAUSING, SessionState.PAUSED)
"""States in which a run can be paused or resumed and accepts requests."""


class Session(QObject):
    """Control of the training thread; it forwards the events of a run and emits `ended` once the state is idle."""

    state_changed = Signal(object)  # SessionState
    event_received = Signal(object)  # Event
    ended = Signal(object)  # RunEnded

    def __init__(self, thread: TrainingThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread = thread
        self._control: RunControl | None = None
        self.state = SessionState.IDLE
        self.step = 0
        thread.event_received.connect(self._on_event)
        thread.ended.connect(self._on_ended)
        thread.run_paused.connect(self._on_paused)

    @property
    def is_active(self) -> bool:
        """Whether a run is under way, from the click on Start to the last file written."""
        return self.state is not SessionState.IDLE

    @property
    def activity(self) -> Activity | None:
        """What the run does in place of steps, None while it does steps or there is no run."""
        return self._control.activity if self._control is not None else None

    @property
    def activity_seconds(self) -> float:
        """Seconds since that began."""
        return self._control.activity_seconds if self._control is not None else 0.0

    @property
    def activity_count(self) -> tuple[int, int] | None:
        """The part of that activity, from 1, and how many it has; None where they are not counted."""
        return self._control.activity_count if self._control is not None else None

    @property
    def is_discarding(self) -> bool:
        """Whether the run stops without a checkpoint."""
        return self._control is not None and self._control.stop_requested is StopMode.DISCARD

    def start(self, given: Mapping[str, Any]) -> None:
        """Start a run with these explicit settings; do nothing while one is under way."""
        if not self.is_active:
            self.step = 0
            self._control = self._thread.train(given)
            self._set_state(SessionState.STARTING)

    def pause_or_resume(self) -> None:
        """Pause at the next step boundary, or resume."""
        if self._control is None or self.state not in CONTROLLABLE_STATES:
            return
        if self.state is SessionState.TRAINING:
            self._control.pause()
            self._set_state(SessionState.PAUSING)
        else:
            self._control.resume()
            self._set_state(SessionState.TRAINING)

    def stop(self, *, discard: bool = False) -> None:
        """Stop after the current step, with a checkpoint unless `discard` is set."""
        if self._control is not None and self.is_active:
            self._control.stop(StopMode.DISCARD if discard else StopMode.SAVE)
            self._set_state(SessionState.STOPPING)

    def end_without_signals(self) -> bool | None:
        """Save and end the run, and the thread with it, while no widget can be used.

        Returns whether they ended in time, None if there was no run.
        """
        if self._control is None or not self.is_active:
            return None
        if not self.is_discarding:
            self._control.stop(StopMode.SAVE)
        return self._thread.close(_SAVE_TIMEOUT)

    def request(self, request: RunRequest) -> None:
        """Request a checkpoint, a validation or a preview at the next step boundary."""
        if self._control is not None:
            self._control.request(request)

    def answer_save(self, answer: SaveAnswer) -> None:
        """Answer a run that waits because it cannot be saved."""
        if self._control is not None:
            self._control.answer_save(answer)

    @Slot()
    def _on_paused(self) -> None:
        reached = (
            self._control is not None and self._control.is_waiting
        )  # the signal of an earlier pause may arrive late
        if self.state is SessionState.PAUSING and reached:
            self._set_state(SessionState.PAUSED)

    @Slot(object)
    def _on_event(self, event: Any) -> None:
        if isinstance(event, RunStarted) and self.state is SessionState.STARTING:
            self._set_state(SessionState.TRAINING)
        if isinstance(event, (RunStarted, StepDone)):
            self.step = event.start_step if isinstance(event, RunStarted) else event.step
        self.event_received.emit(event)

    @Slot(object)
    def _on_ended(self, ended: RunEnded) -> None:
        self._control = None
        self._set_state(SessionState.IDLE)
        self.ended.emit(ended)

    def _set_state(self, state: SessionState) -> None:
        self.state = state
        self.state_changed.emit(state)
