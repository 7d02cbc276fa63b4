"""A training of another process, live in this window: its charts, previews and log, and a card that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Optional

from PySide6.QtCore import QObject, Signal

from app.cards import Card
from app.progress_bar import ProgressBar
from app.questions import ask
from app.runs.run_follower import Follow
from app.runs.workspace_contents import Opened
from trainer_core.workspace.other_process import can_be_stopped, stop
from trainer_core.errors import UserError
from trainer_core.events import Event, PlanChanged, RunFinished, RunStarted, StepDone
from trainer_core.workspace.layout import Workspace

if TYPE_CHECKING:
    from app.window import Window

WORD = "Training elsewhere"
_MOST_LINES = 200  # events of the past that the log shows


class ElsewhereCard(Card):
    """How far the other process is, and the wish that it stops."""

    stop = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._process = 0
        self.bar = ProgressBar("Progress of the other training")
        self.buttons.addWidget(self.bar, 1)
        self.stop_button = self._button("Stop and save …", "stop", self.stop.emit)
        self._close.hide()  # it is a state, not a message

    def present(self, process: int, *, stoppable: bool) -> None:
        """A process trains; nothing is known of its steps yet."""
        self._process = process
        self.bar.show_busy()
        self.stop_button.setVisible(stoppable)
        self._tell("preparing")

    def hear(self, event: Event) -> None:
        """Follow its steps."""
        if isinstance(event, (RunStarted, PlanChanged, StepDone)):
            step = event.start_step if isinstance(event, RunStarted) else event.step
            self.bar.show_part(step, event.total_steps)
            self._tell(f"step {step}" + (f" of {event.total_steps}" if event.total_steps else ""))

    def show_stopping(self, stopping: bool) -> None:
        """Whether it was asked to stop; a second time would make it leave without saving."""
        self.stop_button.setEnabled(not stopping)
        self.stop_button.setText("Stopping …" if stopping else "Stop and save …")

    def _tell(self, how_far: str) -> None:
        text = f"Process {self._process} trains in this workspace. Charts, previews and log follow it."
        self.say("waiting", "accent", f"{WORD}: {how_far}", text)


class Elsewhere(QObject):
    """Made by the conductor, which gives it every workspace that is opened."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self.process: Optional[int] = None  # whose training is shown
        self._workspace: Optional[Workspace] = None
        self._has_ended = False
        self._asked: set[int] = set()  # processes that were asked to stop
        self._follow = Follow(window.project.background, self)
        self._follow.news.connect(self._hear)
        self._follow.over.connect(self._open_again)
        window.elsewhere_card.stop.connect(self._ask_to_stop)
        window.project.changed.connect(self._leave_if_another_is_chosen)

    def show(self, opened: Opened) -> bool:
        """Follow the process that trains in this workspace; False if there is none, and then the next is noticed."""
        self._has_ended = self.process is not None and opened.elsewhere is None
        self._workspace = opened.workspace
        self._follow.watch(opened)
        if opened.elsewhere is None:
            self._show_nothing()
            return False
        window, self.process = self._window, opened.elsewhere
        window.project.occupy(self.process)
        window.elsewhere_card.present(self.process, stoppable=can_be_stopped(self.process))
        window.elsewhere_card.show_stopping(self.process in self._asked)
        window.status.show_word(WORD)
        window.setWindowTitle(f"{WORD} – {window.TITLE}")
        window.show_run(True)
        self._catch_up(opened.events)
        return True

    def tell_end(self) -> None:
        """Say that the training is over which was followed until now, after what it left is in sight."""
        if self._has_ended:
            self._has_ended = False
            cards = (self._window.result_card, self._window.resume_card)
            self._window.notifier.tell("The training has ended", next((card.text for card in cards if card.text), ""))

    def close(self) -> None:
        """Follow no more."""
        self._follow.stop()

    # -- what the other process does -----------------------------------------------------------

    def _catch_up(self, events: Sequence[Event]) -> None:
        """What its present session has told so far."""
        begins = max((n for n, event in enumerate(events) if isinstance(event, RunStarted)), default=len(events))
        session = events[begins:]
        if any(isinstance(event, RunFinished) for event in session):
            return  # of the run before; the new one prepares itself
        for event in (*session[:1], *session[1:][-_MOST_LINES:]):
            for part in (self._window.log, self._window.status, self._window.elsewhere_card):
                part.hear(event)

    def _hear(self, events: Iterable[Event]) -> None:
        window = self._window
        for event in events:
            for part in (window.charts, window.preview, window.log, window.status, window.elsewhere_card):
                part.hear(event)

    def _open_again(self) -> None:
        """It ended, or another began."""
        if not self._window.session.active:
            self._window.project.open_again()

    # -- what the user does --------------------------------------------------------------------

    def _leave_if_another_is_chosen(self) -> None:
        if self._workspace in (None, self._window.project.workspace):
            return
        self._workspace = None
        self._follow.stop()
        if self.process is not None:
            self._show_nothing()
            self._window.charts.clear()
            self._window.preview.clear()
            self._window.show_run(False)

    def _show_nothing(self) -> None:
        if self.process is None:
            return
        self.process, window = None, self._window
        window.elsewhere_card.hide()
        window.status.clear_run()
        window.status.show_state(window.session.state)
        window.setWindowTitle(window.TITLE)

    def _ask_to_stop(self) -> None:
        ask(
            self._window, "Stop the other training?",
            f"Process {self.process} finishes its step, saves a checkpoint and ends, as after Ctrl+C in its terminal.",
            [("Stop and save", self._stop)], cancel="Let it train",
        )  # fmt: skip

    def _stop(self) -> None:
        process, workspace, project = self.process, self._workspace, self._window.project
        if process is None or workspace is None or process in self._asked:
            return
        self._asked.add(process)
        self._window.elsewhere_card.show_stopping(True)
        project.background.run("stop", lambda: stop(workspace, process), lambda done: None, self._not_stopped)

    def _not_stopped(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self._asked.clear()
        self._window.elsewhere_card.show_stopping(False)
        self._window.messages.tell("error", error.message)
