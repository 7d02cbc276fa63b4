"""Bar below the form: checklist and Start button while idle, progress and run controls while training."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal, SignalInstance
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.form.checklist import Checklist
from app.icons import set_icon
from app.plain_text import PlainLabel
from app.progress_bar import ProgressBar
from app.project import Project
from app.session import CONTROLLABLE_STATES, SessionState
from app.status_line import FINAL_CHECK
from app.theme import SPACING
from trainer_core.events import StepDone
from trainer_core.planning.readiness import Check


class RunBar(QFrame):
    """Bar below the form, whose signals report the clicked buttons to `RunController`."""

    start_requested = Signal()
    demo = Signal()
    pause = Signal()
    stop = Signal()
    discard = Signal()
    save = Signal()
    preview = Signal()
    go_to = Signal(str)

    def __init__(self, project: Project) -> None:
        super().__init__()
        self._project = project
        self._warnings: tuple[Check, ...] = ()
        self.checklist = Checklist()
        self.checklist.clicked.connect(self.go_to)
        self._pages = QStackedWidget()
        self._pages.addWidget(self._make_idle_page())
        self._running_page = self._make_running_page()
        self._pages.addWidget(self._running_page)
        line = QFrame()
        line.setProperty("role", "line")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(line)
        layout.addWidget(self._pages)
        project.changed.connect(self.refresh)
        self.refresh()
        self.show_state(SessionState.IDLE)

    def _make_idle_page(self) -> QWidget:
        page, layout = _make_page()
        self._estimate = PlainLabel()
        self._estimate.setProperty("role", "muted")
        self._estimate.setWordWrap(True)
        self.start_button = _make_button("Start training", "start", self.start_requested, "on_accent")
        self.start_button.setProperty("role", "primary")
        self.demo_button = _make_button("Try it", "try", self.demo, "accent")
        self.demo_button.setToolTip("Load the built-in scenes for a two-minute demo")
        row = QHBoxLayout()
        row.addWidget(self.start_button, 1)
        row.addWidget(self.demo_button)
        layout.addWidget(self.checklist)
        layout.addWidget(self._estimate)
        layout.addLayout(row)
        return page

    def _make_running_page(self) -> QWidget:
        page, layout = _make_page()
        self._status = PlainLabel()
        self._status.setProperty("role", "heading")
        self._bar = ProgressBar("Training progress")
        self._bar.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # takes the focus of Start; a key does nothing there
        self.pause_button = _make_button("Pause", "pause", self.pause)
        self.stop_button = _make_button("Stop and save", "stop", self.stop)
        self.discard_button = _make_button("Stop without saving …", "discard", self.discard)
        self.save_button = _make_button("Save now", "save", self.save)
        self.preview_button = _make_button("Preview now", "preview", self.preview)
        layout.addWidget(self._status)
        layout.addWidget(self._bar)
        for buttons in (
            (self.pause_button, self.stop_button),
            (self.save_button, self.preview_button),
            (self.discard_button,),
        ):
            row = QHBoxLayout()
            row.setSpacing(SPACING // 2)
            for button in buttons:
                button.setProperty("role", "segment")
                row.addWidget(button, 1)
            layout.addLayout(row)
        return page

    def refresh(self) -> None:
        """Show the checklist and the warnings of the estimate."""
        self.checklist.show_checks((*self._project.build_checklist(), *self._warnings))
        self._fit_height()

    @property
    def estimate(self) -> str:
        """The estimate of the run as a sentence, "" while there is none."""
        return self._estimate.text()

    def show_estimate(self, text: str, warnings: tuple[Check, ...]) -> None:
        """Show the estimate of the run and its warnings."""
        self._estimate.setText(text)
        self._estimate.setVisible(bool(text))
        self._warnings = warnings
        self.refresh()

    def show_state(self, state: SessionState) -> None:
        """Show the page and the buttons of this state."""
        focus = self.window().focusWidget()
        ended = state is SessionState.IDLE and focus is not None and self._running_page.isAncestorOf(focus)
        self._pages.setCurrentIndex(0 if state is SessionState.IDLE else 1)
        self._fit_height()
        self._status.setText(state.value)
        controllable, paused = state in CONTROLLABLE_STATES, state in (SessionState.PAUSING, SessionState.PAUSED)
        for button in (self.pause_button, self.save_button, self.preview_button):
            button.setEnabled(controllable)
        for button in (self.stop_button, self.discard_button):
            button.setEnabled(state is not SessionState.STOPPING)
        self.pause_button.setText("Resume" if paused else "Pause")
        set_icon(self.pause_button, "start" if paused else "pause")
        if state is SessionState.STARTING:
            self._bar.set_busy()
            self._bar.setFocus(Qt.FocusReason.OtherFocusReason)  # Qt would give it to the next button: Stop
        elif ended:
            self.checklist.setFocus(Qt.FocusReason.OtherFocusReason)  # not Start: a key would start the next run

    def on_event(self, event: object) -> None:
        """Update the progress bar; after the last step, show that the run is validated and saved."""
        self._bar.on_event(event)
        if isinstance(event, StepDone) and event.step == event.total_steps:
            self._status.setText(FINAL_CHECK)

    def _fit_height(self) -> None:
        """Set the height that the visible page needs."""
        page = self._pages.currentWidget()
        if page is not None:
            self._pages.setFixedHeight(max(page.sizeHint().height(), page.heightForWidth(self._pages.width())))


def _make_page() -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(2 * SPACING, SPACING, 2 * SPACING, SPACING + SPACING // 2)
    layout.setSpacing(SPACING)
    return page, layout


def _make_button(text: str, icon: str, clicked: SignalInstance, role: str = "text") -> QPushButton:
    button = QPushButton(text)
    set_icon(button, icon, role)
    button.clicked.connect(lambda: clicked.emit())
    return button
