"""Bar below the form: checklist and Start button while idle, progress and run controls while training."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, Signal, SignalInstance
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.form.checklist import Checklist
from app.form.project import Project
from app.help.sections import RUNNING, set_section
from app.run.estimate import Estimate
from app.run.progress_line import FINAL_CHECK
from app.run.session import CONTROLLABLE_STATES, SessionState
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.progress_bar import ProgressBar
from app.widgets.theme import SPACING
from trainer_core.control import RunRequest
from trainer_core.events import CheckpointSaved, PreviewReady, StepDone
from trainer_core.planning.readiness import Check

_START_TIP = "Start a new training. If the folder has an unfinished one, you can choose to resume that instead."
_RESUME_TIP = "Continue from the chosen checkpoint."
_REQUEST_TEXTS = {  # of the button, and of the button while the run serves the request
    RunRequest.SAVE: ("Save now", "Saving …"),
    RunRequest.PREVIEW: ("Preview now", "Previewing …"),
}


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
        set_section(self, RUNNING)
        self._project = project
        self._can_resume = False
        self._estimate = Estimate()
        self._continuation: tuple[Check, ...] = ()
        self._steps_since: dict[RunRequest, int] = {}  # steps since each request that the run has not served yet
        self.checklist = Checklist()
        self.checklist.clicked.connect(self.go_to)
        self._pages = QStackedWidget()
        self._running_page = self._make_running_page()
        for page in (self._make_idle_page(), self._running_page):
            page.installEventFilter(self)
            self._pages.addWidget(page)
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
        self._time = PlainLabel()
        self._time.setProperty("role", "heading")
        self._details = PlainLabel()
        self._details.setProperty("role", "muted")
        for label in (self._time, self._details):
            label.setWordWrap(True)
            label.hide()
        self.start_button = _make_button("Start training", "start", self.start_requested, "on_accent")
        self.start_button.setProperty("role", "primary")
        self.show_start(resumes=False)
        self.demo_button = _make_button("Demo", "try", self.demo, "accent")
        self.demo_button.setToolTip("Load the built-in scenes for a two-minute demo.")
        row = QHBoxLayout()
        row.addWidget(self.start_button, 1)
        row.addWidget(self.demo_button)
        texts = QVBoxLayout()
        texts.setSpacing(SPACING // 4)
        texts.addWidget(self.checklist)
        texts.addSpacing(SPACING // 2)
        texts.addWidget(self._time)
        texts.addWidget(self._details)
        layout.addLayout(texts)
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
        self.save_button = _make_button(_REQUEST_TEXTS[RunRequest.SAVE][0], "save", self.save)
        self.preview_button = _make_button(_REQUEST_TEXTS[RunRequest.PREVIEW][0], "preview", self.preview)
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
        """Show the checklist, what a resume would mean, and the warnings of the estimate."""
        self.checklist.show_checks((*self._project.build_checklist(), *self._continuation, *self._warnings()))
        self.checklist.updateGeometry()  # else the height is that of the checks before
        self._fit_height()

    def emphasize_problems(self) -> dict[str, str]:
        """Emphasize what keeps a training from starting; return it as texts by the names of their settings."""
        problems = self.checklist.emphasize_problems()
        self.checklist.updateGeometry()  # bold texts may need more lines
        self._fit_height()
        return problems

    @property
    def estimate(self) -> str:
        """The estimate of the run, the time first; "" while there is none."""
        return ". ".join(filter(None, (self._time.text(), self._details.text())))

    def show_start(self, *, resumes: bool) -> None:
        """Show whether the start button resumes from a chosen checkpoint or starts a new training."""
        self.start_button.setText("Resume training" if resumes else "Start training")
        self.start_button.setToolTip(plain_tooltip(_RESUME_TIP if resumes else _START_TIP))

    def show_estimate(self, estimate: Estimate) -> None:
        """Show the estimate of the run and its warnings."""
        for label, text in ((self._time, estimate.time), (self._details, estimate.details)):
            label.setText(text)
            label.setVisible(bool(text))
        self._details.setToolTip(plain_tooltip(f"Network: {estimate.network}." if estimate.network else ""))
        self._estimate = estimate
        self.refresh()

    def _warnings(self) -> tuple[Check, ...]:
        """Return the warnings of the estimate; those about a new run only where no run can be resumed."""
        return (*self._estimate.warnings, *(() if self._can_resume else self._estimate.new_run_warnings))

    def show_continuation(self, checks: tuple[Check, ...], can_resume: bool = False) -> None:
        """Show what a resume would mean, none where there is no run to resume."""
        if (checks, can_resume) != (self._continuation, self._can_resume):
            self._continuation, self._can_resume = checks, can_resume
            self.refresh()

    def show_state(self, state: SessionState) -> None:
        """Show the page and the buttons of this state."""
        focus = self.window().focusWidget()
        ended = state is SessionState.IDLE and focus is not None and self._running_page.isAncestorOf(focus)
        self._pages.setCurrentIndex(0 if state is SessionState.IDLE else 1)
        self._fit_height()
        self._status.setText(state.value)
        if state is SessionState.PAUSED and self._bar.is_busy:
            self._bar.set_progress(0, 1)  # nothing moves in a pause
        controllable, paused = state in CONTROLLABLE_STATES, state in (SessionState.PAUSING, SessionState.PAUSED)
        for button in (self.pause_button, self.save_button, self.preview_button):
            button.setEnabled(controllable)
        if not controllable:
            self._steps_since.clear()
        self._show_requests()
        for button in (self.stop_button, self.discard_button):
            button.setEnabled(state is not SessionState.STOPPING)
        self.pause_button.setText("Resume" if paused else "Pause")
        set_icon(self.pause_button, "start" if paused else "pause")
        self._is_stopping = state is SessionState.STOPPING
        if state in (SessionState.STARTING, SessionState.STOPPING):
            self._bar.set_busy()
        if state is SessionState.STARTING:
            self._bar.setFocus(Qt.FocusReason.OtherFocusReason)  # Qt would give it to the next button: Stop
        elif ended:
            self.checklist.setFocus(Qt.FocusReason.OtherFocusReason)  # not Start: a key would start the next run

    def on_event(self, event: object) -> None:
        """Update the progress bar and the requests; after the last step, show that the run is validated and saved."""
        if not self._is_stopping:  # else a full bar would seem to be the end
            self._bar.on_event(event, time_limit=self._project.draft.config.max_minutes)
        self._follow_requests(event)
        if isinstance(event, StepDone) and event.step == event.total_steps:
            self._status.setText(FINAL_CHECK)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the height to the texts, which need more lines in a narrower bar."""
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self._fit_height()

    def showEvent(self, event: QShowEvent) -> None:
        """Fit the height to the style, which may have changed since the checks did."""
        super().showEvent(event)
        self._fit_height()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit the height to a page whose contents have changed, such as a new text that has just got its style."""
        if event.type() is QEvent.Type.LayoutRequest:
            self._fit_height()
        return super().eventFilter(watched, event)

    def set_start_primary(self, is_primary: bool) -> None:
        """Let Start stand out, or leave that to the action of a card."""
        role = "primary" if is_primary else "secondary"
        if role != self.start_button.property("role"):
            self.start_button.setProperty("role", role)
            set_icon(self.start_button, "start", "on_accent" if is_primary else "accent")
            self.start_button.style().unpolish(self.start_button)
            self.start_button.style().polish(self.start_button)

    # -- requests --------------------------------------------------------------------------------

    def show_request(self, request: RunRequest) -> None:
        """Show at once that the run was asked for a save or a preview, until it is made."""
        self._steps_since[request] = 0
        self._show_requests()

    @property
    def is_saving(self) -> bool:
        """Whether the run was asked for a save that is not made yet."""
        return RunRequest.SAVE in self._steps_since

    def _follow_requests(self, event: object) -> None:
        if not self._steps_since:
            return
        if isinstance(event, StepDone):
            self._steps_since = {request: steps + 1 for request, steps in self._steps_since.items()}
        # A run without pictures makes no preview, but it has tried after one step.
        has_preview = isinstance(event, PreviewReady) or self._steps_since.get(RunRequest.PREVIEW, 0) > 1
        has_save = isinstance(event, CheckpointSaved) and event.kind != "best"
        for request, is_served in ((RunRequest.PREVIEW, has_preview), (RunRequest.SAVE, has_save)):
            if is_served:
                self._steps_since.pop(request, None)
        self._show_requests()

    def _show_requests(self) -> None:
        """Name what is under way on the buttons; they stay enabled, because a disabled one passes its focus on."""
        buttons = {RunRequest.SAVE: self.save_button, RunRequest.PREVIEW: self.preview_button}
        for request, button in buttons.items():
            button.setText(_REQUEST_TEXTS[request][request in self._steps_since])

    def _fit_height(self) -> None:
        """Set the height that the visible page needs."""
        page = self._pages.currentWidget()
        layout = page.layout() if page is not None else None
        if page is not None and layout is not None:
            layout.activate()  # else the layouts in it remember the heights of earlier texts
            height = page.heightForWidth(self.width()) if page.hasHeightForWidth() else page.sizeHint().height()
            self._pages.setFixedHeight(height)
        for widget in (self, self.parentWidget()):  # at once: a frame drawn before would show the buttons too low
            layout = widget.layout() if widget is not None else None
            if layout is not None:
                layout.activate()


def _make_page() -> tuple[QWidget, QVBoxLayout]:
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(2 * SPACING, SPACING // 2, 2 * SPACING, SPACING)
    layout.setSpacing(SPACING)
    return page, layout


def _make_button(text: str, icon: str, clicked: SignalInstance, role: str = "text") -> QPushButton:
    button = QPushButton(text)
    button.setAutoDefault(True)  # Enter presses it, as Space does
    set_icon(button, icon, role)
    button.clicked.connect(lambda: clicked.emit())
    return button
