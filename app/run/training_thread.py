"""Bridge between the window and torch: a `QThread` that lives as long as the window and is the only caller of torch.

It trains, and serves small requests while idle, between steps and while paused. Its signals arrive in the window's
thread; the `RunControl` of a run stops and pauses it.

It begins with a low priority, which Linux does not let a thread leave without special rights. A run that asks for the
normal one then begins in a new thread of the system, which has the priority of the window's; the old one ends first.
"""

from __future__ import annotations

import math
import queue
import traceback
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable

from PySide6.QtCore import QDeadlineTimer, QObject, QThread, Signal, Slot

from trainer_core import environment
from trainer_core.control import RunControl, SaveAnswer, Stopped
from trainer_core.events import Event, Notice, StepDone
from trainer_core.priority import set_priority

if TYPE_CHECKING:
    from trainer_core.planning.plan import RunPlan

_CLOSE_TIMEOUT = 30000  # milliseconds
_STACK_BYTES = 16 << 20  # bytes; Qt's default for threads is too little for torch on macOS


@dataclass(frozen=True)
class RunEnded:
    """End of a run: its outcome, or the error that prevented its start."""

    outcome: str  # "completed", "stopped", "discarded", "failed", or "refused" before the first step
    error: Exception | None = None
    details: str = ""


@dataclass(frozen=True)
class _Request:
    work: Callable[[], Any]
    done: Callable[[Any], None]
    failed: Callable[[Exception], None]


@dataclass(frozen=True)
class _TrainingJob:
    given: Mapping[str, Any]
    control: RunControl
    plan: RunPlan | None = None  # of a job that begins in a new thread


class _RequestServingControl(RunControl):
    """Run control that serves requests and reports the pause while a run waits."""

    def __init__(self, serve: Callable[[], None], on_waiting: Callable[[], None]) -> None:
        super().__init__(save_patience=math.inf)  # the window asks what to do
        self._serve, self._on_waiting = serve, on_waiting

    def wait_while_paused(self, timeout: float | None = None) -> bool:
        """Serve requests while paused; return whether the run should continue, as the base class does."""
        if self.is_paused:
            super().wait_while_paused(0)  # marks the pause as reached before it is reported
            self._on_waiting()
            self._serve()
        return super().wait_while_paused(timeout)

    def wait_for_save_answer(self, timeout: float) -> SaveAnswer | None:
        """Serve requests and wait, as the base class does."""
        self._serve()
        return super().wait_for_save_answer(timeout)


class TrainingThread(QThread):
    """Thread that trains and serves requests; start it once and close it once, from the window's thread."""

    event_received = Signal(object)  # every Event of a run
    ended = Signal(object)  # RunEnded
    run_paused = Signal()  # a paused run has reached a step boundary; may be repeated
    _request_finished = Signal(object)  # a callable to run in the window's thread

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("training")
        self.setStackSize(_STACK_BYTES)
        self._jobs: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._first_job: _TrainingJob | None = None  # of a new thread
        self._request_finished.connect(self._deliver)
        self.finished.connect(self._start_first_job)

    # -- for the window's thread ---------------------------------------------------------------

    def submit(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Run `work` between steps or while idle, then call `done(value)` or `failed(error)` in the window's thread."""
        self._jobs.put(_Request(work, done, failed))

    def train(self, given: Mapping[str, Any]) -> RunControl:
        """Start a run with these explicit settings and return its control; `ended` is emitted in every case."""
        control = _RequestServingControl(self._run_pending_requests, self.run_paused.emit)
        self._jobs.put(_TrainingJob(dict(given), control))
        return control

    def close(self, timeout: int | None = None) -> bool:
        """Finish the queued jobs and end the thread; a running training must be stopped before.

        A job that does not end within `timeout` milliseconds (30 seconds by default), because a drive does not answer,
        is not waited for. Returns whether the thread has ended.
        """
        deadline = QDeadlineTimer(_CLOSE_TIMEOUT if timeout is None else timeout)
        self._jobs.put(None)
        while self.wait(deadline):
            if self._first_job is None:
                return True
            self.start()  # the old thread has ended, and `finished` waits until this call returns
        return False

    @Slot(object)
    def _deliver(self, answer: Callable[[], None]) -> None:
        answer()

    @Slot()
    def _start_first_job(self) -> None:
        if self._first_job is not None:
            self.start()

    # -- in the thread itself ------------------------------------------------------------------

    def run(self) -> None:
        """Run the queued jobs until `close`, or until one needs a new thread."""
        job: Any = self._first_job
        self._first_job = None
        if job is None:
            set_priority("low")
            job = self._jobs.get()
        while job is not None:
            if isinstance(job, _Request):
                self._run_request(job)
            else:
                end = self._train(job)
                if end is None:
                    return
                self.ended.emit(end)
                environment.release_memory()
            job = self._jobs.get()

    def _train(self, job: _TrainingJob) -> RunEnded | None:
        """Train, and return how that ended; None if the job needs a new thread, which begins with it."""
        try:
            from trainer_core.planning.plan import make_plan
            from trainer_core.training.trainer import Trainer

            plan = job.plan or make_plan(job.given, lambda: job.control.stop_requested is None)
            problem = set_priority(plan.config.priority)
            if problem and job.plan is None:
                self._first_job = replace(job, plan=plan)
                return None
            if problem:
                self._on_event(Notice("warning", problem))
            return RunEnded(Trainer(plan, self._on_event, job.control).run().outcome)
        except Stopped:
            return RunEnded("stopped")
        except Exception as error:
            return RunEnded("refused", error, traceback.format_exc())

    def _on_event(self, event: Event) -> None:
        self.event_received.emit(event)
        if isinstance(event, StepDone):
            self._run_pending_requests()

    def _run_pending_requests(self) -> None:
        """Run the queued requests; other jobs stay in the queue."""
        later = []
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if isinstance(job, _Request):
                self._run_request(job)
            else:
                later.append(job)
        for job in later:
            self._jobs.put(job)

    def _run_request(self, request: _Request) -> None:
        try:
            value = request.work()
        except Exception as error:
            self._request_finished.emit(lambda error=error: request.failed(error))
        else:
            self._request_finished.emit(lambda: request.done(value))
