"""The one bridge between the window and torch: a `QThread` that lives as long as the window.

It waits for work, trains, and serves small requests while idle, between steps and while paused. Nothing else calls
torch. Facts leave through signals, which Qt delivers in the window's thread; stop and pause are the `RunControl`'s.
"""

from __future__ import annotations

import queue
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Callable, Optional

from PySide6.QtCore import QObject, QThread, Signal, Slot

from trainer_core import environment
from trainer_core.control import RunControl
from trainer_core.events import Event, StepDone

_STACK = 16 << 20  # bytes; Qt's default for threads is too little for torch on macOS


@dataclass(frozen=True)
class Ended:
    """A training is over: with a result, or with the error that kept it from starting."""

    outcome: str  # "completed", "stopped", "discarded", "failed", or "refused" before the first step
    error: Optional[Exception] = None
    details: str = ""


@dataclass(frozen=True)
class _Request:
    work: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]


@dataclass(frozen=True)
class _Training:
    given: Mapping[str, Any]
    control: RunControl


class _ServingControl(RunControl):
    """Lets the thread serve requests while a run is paused, and say that it waits."""

    def __init__(self, serve: Callable[[], None], waits: Callable[[], None]) -> None:
        super().__init__()
        self._serve, self._waits = serve, waits

    def wait_while_paused(self, timeout: float | None = None) -> bool:
        if self.paused:
            super().wait_while_paused(0)  # marks the pause as reached before it is told
            self._waits()
            self._serve()
        return super().wait_while_paused(timeout)


class TrainingThread(QThread):
    """Start it once, `close` it once. All methods are for the window's thread."""

    happened = Signal(object)  # every Event of a run
    ended = Signal(object)  # Ended
    waiting = Signal()  # a paused run has come to a step boundary; may be repeated
    _answered = Signal(object)  # a callable to run in the window's thread

    def __init__(self, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self.setObjectName("training")
        self.setStackSize(_STACK)
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._answered.connect(self._deliver)

    # -- for the window's thread ---------------------------------------------------------------

    def ask(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Run `work` in the training thread as soon as it is free between two steps; the answer comes back here."""
        self._jobs.put(_Request(work, done, failed))

    def train(self, given: Mapping[str, Any]) -> RunControl:
        """Begin a training with these settings; the control steers it. `ended` follows in every case."""
        control = _ServingControl(self._serve, self.waiting.emit)
        self._jobs.put(_Training(dict(given), control))
        return control

    def close(self) -> None:
        """Finish what is queued and end the thread; stop a training before."""
        self._jobs.put(None)
        self.wait()

    @Slot(object)
    def _deliver(self, answer: Callable[[], None]) -> None:
        answer()

    # -- in the thread itself ------------------------------------------------------------------

    def run(self) -> None:
        """Wait for work until `close`."""
        while True:
            job = self._jobs.get()
            if job is None:
                return
            if isinstance(job, _Training):
                self.ended.emit(self._train(job))
                environment.give_back_memory()
            else:
                self._answer(job)

    def _train(self, job: _Training) -> Ended:
        try:
            from trainer_core.planning.plan import make_plan
            from trainer_core.training.trainer import Trainer

            result = Trainer(make_plan(job.given), self._hear, job.control).run()
            return Ended(result.outcome)
        except Exception as error:
            return Ended("refused", error, traceback.format_exc())

    def _hear(self, event: Event) -> None:
        self.happened.emit(event)
        if isinstance(event, StepDone):
            self._serve()

    def _serve(self) -> None:
        """Answer the small requests that wait; everything else stays in the queue."""
        later = []
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if isinstance(job, _Request):
                self._answer(job)
            else:
                later.append(job)
        for job in later:
            self._jobs.put(job)

    def _answer(self, request: _Request) -> None:
        try:
            value = request.work()
        except Exception as error:
            self._answered.emit(lambda error=error: request.failed(error))
        else:
            self._answered.emit(lambda: request.done(value))
