"""Live view of a run in another process: its charts, previews and log, and a card with its progress.

The run controller creates `OtherProcess` and passes it the contents of every workspace that the user opens.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from PySide6.QtCore import QObject, Signal

from app.run.contract import RunViews
from app.runs.run_follower import RunFollower
from app.runs.workspace_contents import WorkspaceContents
from app.widgets.cards import Card
from app.widgets.progress_bar import ProgressBar
from app.widgets.questions import ask_question
from app.widgets.theme import scale_width
from trainer_core.errors import UserError
from trainer_core.events import Event, PlanChanged, RunFinished, RunStarted, StepDone
from trainer_core.sinks.event_text import format_step, format_time_left
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.other_process import can_stop, request_stop

STATUS_TEXT = "Another process is training"
_MAX_LINES = 200  # past events that the log shows
_BAR_WIDTH = 120  # pixels


class OtherProcessCard(Card):
    """Card with the progress of the other process and a button to stop it."""

    stop_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._process = 0
        self.bar = ProgressBar("Progress of the other process")
        self.bar.setFixedWidth(scale_width(_BAR_WIDTH))
        self.buttons.addWidget(self.bar)
        self.stop_button = self._button("Stop and save …", "stop", self.stop_requested.emit)
        self._close.hide()  # the card shows a state, which cannot be dismissed like a message

    def show_process(self, process: int, *, can_stop: bool) -> None:
        """Show that a process is training; its step is unknown until its first event."""
        self._process = process
        self.bar.set_busy()
        self.stop_button.setVisible(can_stop)
        self._set_progress_text("preparing")

    def on_event(self, event: Event) -> None:
        """Show the step of the event, and the time left."""
        self.bar.on_event(event)
        if isinstance(event, (RunStarted, PlanChanged, StepDone)):
            step = event.start_step if isinstance(event, RunStarted) else event.step
            progress = format_step(step, event.total_steps)
            left = event.seconds_left if isinstance(event, StepDone) else None
            self._set_progress_text(progress if left is None else f"{progress} · {format_time_left(left)}")

    def show_stopping(self, stopping: bool) -> None:
        """Disable the stop button while the process stops: a second request would make it quit without saving."""
        self.stop_button.setEnabled(not stopping)
        self.stop_button.setText("Stopping …" if stopping else "Stop and save …")

    def _set_progress_text(self, progress: str) -> None:
        text = f"Process {self._process} is training in this workspace; charts, previews and log update live."
        self.set_content("waiting", "accent", f"{STATUS_TEXT}: {progress}", text)


class OtherProcess(QObject):
    """Live view of the other process that trains in the open workspace, for as long as it trains there."""

    def __init__(self, views: RunViews, card: OtherProcessCard) -> None:
        super().__init__(views.dialog_parent)
        self._views, self._card = views, card
        self.process: int | None = None  # the process whose run is shown
        self._workspace: Workspace | None = None
        self._run_ended = False
        self._stop_requested: set[int] = set()  # ids of processes
        self._follower = RunFollower(views.project.background, self)
        self._follower.events_read.connect(self._on_events)
        self._follower.ended.connect(self._reload)
        card.stop_requested.connect(self._confirm_stop)
        views.project.changed.connect(self._stop_if_workspace_changed)

    def follow_workspace(self, contents: WorkspaceContents) -> bool:
        """Follow the process that trains in this workspace, or wait for one to start there.

        Returns:
            Whether a process is training there now.
        """
        self._run_ended = self.process is not None and contents.process is None
        self._workspace = contents.workspace
        self._follower.follow_workspace(contents)
        if contents.process is None:
            self._clear()
            return False
        views, self.process = self._views, contents.process
        views.project.lock_workspace(self.process)
        self._card.show_process(self.process, can_stop=can_stop(self.process))
        self._card.show_stopping(self.process in self._stop_requested)
        views.status_line.show_other_state(STATUS_TEXT)
        views.show_title(STATUS_TEXT)
        views.show_run(True)
        self._replay_events(contents.events)
        return True

    def notify_ended(self) -> None:
        """Notify the user that the followed run ended; call this once its results are shown."""
        if self._run_ended:
            self._run_ended = False
            self._views.notifier.notify("Training has ended", self._views.result_text)

    def close(self) -> None:
        """Stop following."""
        self._follower.stop()

    # -- events of the other process -----------------------------------------------------------

    def _replay_events(self, events: Sequence[Event]) -> None:
        """Show the past events of its current session in the log, the status line and the card."""
        start = max((n for n, event in enumerate(events) if isinstance(event, RunStarted)), default=len(events))
        session = events[start:]
        if any(isinstance(event, RunFinished) for event in session):
            return  # these events are of the previous run; the new one is still preparing
        for event in (*session[:1], *session[1:][-_MAX_LINES:]):
            for part in (self._views.log, self._views.status_line, self._card):
                part.on_event(event)

    def _on_events(self, events: Iterable[Event]) -> None:
        for event in events:
            self._views.on_event(event)
            self._card.on_event(event)

    def _reload(self) -> None:
        """Read the workspace again, because the followed run ended or another one began."""
        if not self._views.session.is_active:
            self._views.project.reload_workspace()

    # -- actions of the user -------------------------------------------------------------------

    def _stop_if_workspace_changed(self) -> None:
        if self._workspace in (None, self._views.project.workspace):
            return
        self._workspace = None
        self._follower.stop()
        if self.process is not None:
            self._clear()
            self._views.clear_run()
            self._views.show_run(False)

    def _clear(self) -> None:
        if self.process is None:
            return
        self.process, views = None, self._views
        self._card.dismiss()
        views.status_line.clear_run()
        views.status_line.show_state(views.session.state)
        views.show_title("")

    def _confirm_stop(self) -> None:
        ask_question(
            self._views.dialog_parent,
            "Stop the other process?",
            f"Process {self.process} finishes its step, saves and exits, as after Ctrl+C in its terminal.",
            [("Stop and save", self._stop)],
            cancel="Keep training",
        )

    def _stop(self) -> None:
        process, workspace, project = self.process, self._workspace, self._views.project
        if process is None or workspace is None or process in self._stop_requested:
            return
        self._stop_requested.add(process)
        self._card.show_stopping(True)
        project.background.run_job(
            "stop", lambda: request_stop(workspace, process), lambda done: None, self._on_stop_failed
        )

    def _on_stop_failed(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self._stop_requested.clear()
        self._card.show_stopping(False)
        self._views.message_strip.show_message("error", error.message)
