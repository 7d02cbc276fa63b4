"""A training of another process, live in this window: its charts, previews and log, and a card that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Optional

from PySide6.QtCore import QObject, Signal

from app.cards import Card
from app.progress_bar import ProgressBar
from app.questions import ask_question
from app.runs.run_follower import RunFollower
from app.runs.workspace_contents import WorkspaceContents
from trainer_core.workspace.other_process import can_stop, request_stop
from trainer_core.errors import UserError
from trainer_core.events import Event, PlanChanged, RunFinished, RunStarted, StepDone
from trainer_core.workspace.layout import Workspace

if TYPE_CHECKING:
    from app.window import Window

STATUS_TEXT = "Training elsewhere"
_MAX_LINES = 200  # events of the past that the log shows


class OtherProcessCard(Card):
    """How far the other process is, and the wish that it stops."""

    stop_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._process = 0
        self.bar = ProgressBar("Progress of the other training")
        self.buttons.addWidget(self.bar, 1)
        self.stop_button = self._button("Stop and save …", "stop", self.stop_requested.emit)
        self._close.hide()  # it is a state, not a message

    def show_process(self, process: int, *, can_stop: bool) -> None:
        """A process trains; nothing is known of its steps yet."""
        self._process = process
        self.bar.set_busy()
        self.stop_button.setVisible(can_stop)
        self._set_progress_text("preparing")

    def on_event(self, event: Event) -> None:
        """Follow its steps."""
        if isinstance(event, (RunStarted, PlanChanged, StepDone)):
            step = event.start_step if isinstance(event, RunStarted) else event.step
            self.bar.set_progress(step, event.total_steps)
            self._set_progress_text(f"step {step}" + (f" of {event.total_steps}" if event.total_steps else ""))

    def show_stopping(self, stopping: bool) -> None:
        """Whether it was asked to stop; a second time would make it leave without saving."""
        self.stop_button.setEnabled(not stopping)
        self.stop_button.setText("Stopping …" if stopping else "Stop and save …")

    def _set_progress_text(self, progress: str) -> None:
        text = f"Process {self._process} trains in this workspace. Charts, previews and log follow it."
        self.set_content("waiting", "accent", f"{STATUS_TEXT}: {progress}", text)


class OtherProcess(QObject):
    """Made by the conductor, which gives it every workspace that is opened."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self.process: Optional[int] = None  # whose training is shown
        self._workspace: Optional[Workspace] = None
        self._has_ended = False
        self._stop_requested: set[int] = set()  # processes that were asked to stop
        self._follow = RunFollower(window.project.background, self)
        self._follow.events_read.connect(self._on_events)
        self._follow.ended.connect(self._reload)
        window.other_process_card.stop_requested.connect(self._confirm_stop)
        window.project.changed.connect(self._stop_if_workspace_changed)

    def follow_workspace(self, opened: WorkspaceContents) -> bool:
        """Follow the process that trains in this workspace; False if there is none, and then the next is noticed."""
        self._has_ended = self.process is not None and opened.process is None
        self._workspace = opened.workspace
        self._follow.follow_workspace(opened)
        if opened.process is None:
            self._clear()
            return False
        window, self.process = self._window, opened.process
        window.project.lock_workspace(self.process)
        window.other_process_card.show_process(self.process, can_stop=can_stop(self.process))
        window.other_process_card.show_stopping(self.process in self._stop_requested)
        window.status_line.show_other_state(STATUS_TEXT)
        window.setWindowTitle(f"{STATUS_TEXT} – {window.TITLE}")
        window.show_run(True)
        self._replay_events(opened.events)
        return True

    def notify_ended(self) -> None:
        """Say that the training is over which was followed until now, after what it left is in sight."""
        if self._has_ended:
            self._has_ended = False
            cards = (self._window.result_card, self._window.resume_card)
            self._window.notifier.notify("The training has ended", next((card.text for card in cards if card.text), ""))

    def close(self) -> None:
        """Follow no more."""
        self._follow.stop()

    # -- what the other process does -----------------------------------------------------------

    def _replay_events(self, events: Sequence[Event]) -> None:
        """What its present session has told so far."""
        begins = max((n for n, event in enumerate(events) if isinstance(event, RunStarted)), default=len(events))
        session = events[begins:]
        if any(isinstance(event, RunFinished) for event in session):
            return  # of the run before; the new one prepares itself
        for event in (*session[:1], *session[1:][-_MAX_LINES:]):
            for part in (self._window.log, self._window.status_line, self._window.other_process_card):
                part.on_event(event)

    def _on_events(self, events: Iterable[Event]) -> None:
        window = self._window
        for event in events:
            for part in (window.charts, window.preview, window.log, window.status_line, window.other_process_card):
                part.on_event(event)

    def _reload(self) -> None:
        """It ended, or another began."""
        if not self._window.session.is_active:
            self._window.project.reload_workspace()

    # -- what the user does --------------------------------------------------------------------

    def _stop_if_workspace_changed(self) -> None:
        if self._workspace in (None, self._window.project.workspace):
            return
        self._workspace = None
        self._follow.stop()
        if self.process is not None:
            self._clear()
            self._window.charts.clear()
            self._window.preview.clear()
            self._window.show_run(False)

    def _clear(self) -> None:
        if self.process is None:
            return
        self.process, window = None, self._window
        window.other_process_card.hide()
        window.status_line.clear_run()
        window.status_line.show_state(window.session.state)
        window.setWindowTitle(window.TITLE)

    def _confirm_stop(self) -> None:
        ask_question(
            self._window, "Stop the other training?",
            f"Process {self.process} finishes its step, saves a checkpoint and ends, as after Ctrl+C in its terminal.",
            [("Stop and save", self._stop)], cancel="Let it train",
        )

    def _stop(self) -> None:
        process, workspace, project = self.process, self._workspace, self._window.project
        if process is None or workspace is None or process in self._stop_requested:
            return
        self._stop_requested.add(process)
        self._window.other_process_card.show_stopping(True)
        project.background.run_job("stop", lambda: request_stop(workspace, process), lambda done: None, self._on_stop_failed)

    def _on_stop_failed(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self._stop_requested.clear()
        self._window.other_process_card.show_stopping(False)
        self._window.message_strip.show_message("error", error.message)
