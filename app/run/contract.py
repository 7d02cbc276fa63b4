"""What the controller of a run asks of the window, on one screen; `app.window.Window` implements it."""

from __future__ import annotations

from typing import Protocol

from PySide6.QtWidgets import QWidget

from app.form.form import SettingsForm
from app.form.project import Project
from app.form.watch_card import WatchCard
from app.run.bar import RunBar
from app.run.last_run import LastRunCard
from app.run.log_panel import LogPanel
from app.run.notifier import Notifier
from app.run.session import Session, SessionState
from app.run.status_line import StatusLine
from app.run.training_thread import TrainingThread
from app.runs.workspace_contents import WorkspaceContents
from app.widgets.cards import MessageStrip, ResumeCard
from trainer_core.events import Event, RunFinished


class RunViews(Protocol):
    """The views of a run: those that are steered one by one, and all together."""

    training: TrainingThread
    session: Session
    project: Project
    form: SettingsForm
    run_bar: RunBar
    status_line: StatusLine
    log: LogPanel
    message_strip: MessageStrip
    resume_card: ResumeCard
    last_run_card: LastRunCard
    watch_card: WatchCard
    notifier: Notifier

    @property
    def dialog_parent(self) -> QWidget:
        """The widget that dialogs belong to."""

    @property
    def result_text(self) -> str:
        """The text of the card about the run of the workspace, or ""."""

    def on_event(self, event: Event) -> None:
        """Show an event in curves, pictures, log and status line."""

    def show_state(self, state: SessionState) -> None:
        """Show the state of this window's run: what is enabled, what is locked, the title."""

    def show_title(self, state: str) -> None:
        """Show a state in the window's title; "" shows none."""

    def show_run(self, has_run: bool) -> None:
        """Show the views of a run, or the simulation and the start page without one."""

    def show_contents(self, contents: WorkspaceContents) -> None:
        """Show the curves and pictures of a workspace, without a card."""

    def show_result(self, finished: RunFinished, loads_in: str, *, resumable: bool) -> None:
        """Show the card of a run that has ended; `loads_in` says which programs load its model."""

    def show_last_run(self, contents: WorkspaceContents) -> None:
        """Show the card of the finished run of a workspace, if there is one."""

    def hide_cards(self) -> None:
        """Hide the cards about the run of the workspace."""

    def clear_pictures(self) -> None:
        """Clear the pictures."""

    def clear_run(self) -> None:
        """Clear everything that is shown of a run."""

    def choose_captures(self) -> None:
        """Choose photos of the watch to pin."""

    def on_run_ended(self) -> None:
        """Close the window if it waited for the end of the run, else show it."""
