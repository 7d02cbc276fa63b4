"""The large line above the views: time left and gain of a run with its verdict, and below it what the run does now.

The time left goes on between two steps, because a step or a validation may take minutes. A line that is too long gets
smaller letters, then shorter words.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Callable

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy

from app.run.session import Session, SessionState
from app.run.step_clock import StepClock
from app.widgets.card_slot import SlotPage
from app.widgets.elided import ElidedLabel
from app.widgets.plain_text import plain_tooltip
from app.widgets.term_label import TermLine
from app.widgets.terms import explain_terms
from app.widgets.theme import SPACING, theme
from trainer_core.control import Activity
from trainer_core.events import CheckpointSaved, Event, Notice, PlanChanged, RunStarted, StepDone, Validated
from trainer_core.sinks.event_text import format_duration, format_step, format_threads, format_time_left, format_wait
from trainer_core.verdict import GainRecord

FINAL_CHECK = "Final check …"  # in place of the time left, while the finished run is validated and saved
_PREPARATION = "Checking the photos and setting up the network …"
_STOPPING, _DISCARDING = "Finishing the step, then saving …", "Finishing the step, then ending without saving …"
_FIRST_STEP = "The first step is not finished yet."
_INTERVAL = 1000  # milliseconds
_GAP = SPACING // 2
_LARGE = "subtitle"  # role of the large line
_RUNNING_STATES = (SessionState.TRAINING, SessionState.PAUSING)
_ACTIVITIES = {
    Activity.RENDERING: "Rendering the built-in scenes …",
    Activity.MEASURING: "Measuring the speed …",
    Activity.VALIDATING: "Checking the network on validation photos …",
    Activity.TESTING: "Checking the network on test photos …",
    Activity.PREVIEWING: "Making previews …",
    Activity.SAVING: "Saving …",
    Activity.WAITING: "Waiting for photos …",
}
_GAIN_TOOLTIP = (
    "The gain: how much closer the network's pictures are to the originals\n"
    "than plain enlargement of the same photos, in decibels (dB).\n"
    "With 3 dB more, the errors are about 30 % smaller."
)
_REGULAR_ACTIVITIES = {*Activity} - {Activity.RENDERING, Activity.MEASURING, Activity.WAITING}  # as long each time


class ProgressLine(SlotPage):
    """Two lines on the progress of a run; empty while there is none.

    Args:
        session: asked what its run does in place of steps.
        find_time_limit: returns the minutes that the whole run may take, None without a limit.
    """

    refreshed = Signal()  # the newest step is shown

    def __init__(self, session: Session, find_time_limit: Callable[[], float | None] = lambda: None) -> None:
        super().__init__()
        self._session, self._find_time_limit = session, find_time_limit
        self._state = SessionState.IDLE
        self._text = ""
        self._step: StepDone | None = None
        self._last_step: StepDone | None = None  # also of an earlier session
        self._start_step, self._seconds_before = 0, 0.0  # of the run, before this session
        self._saved_step: int | None = None  # of the newest checkpoint of this session
        self._clock = StepClock()
        self._preparation = _PREPARATION  # what is done before the run starts
        self._gain = GainRecord()
        self._activity: tuple[Activity, float] | None = None  # of the run when it was shown last, and its seconds
        self._durations: dict[Activity, float] = {}  # seconds that each activity took the last time
        self._headline, self._detail = TermLine(), TermLine()
        self._ruler = ElidedLabel()  # measures a text in large letters; never shown
        for label, role in ((self._headline, _LARGE), (self._detail, "muted"), (self._ruler, _LARGE)):
            label.setParent(self)
            label.setProperty("role", role)
        self._ruler.hide()
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        self._timer = QTimer(self)
        self._timer.setInterval(_INTERVAL)
        self._timer.timeout.connect(self._refresh)
        theme().changed.connect(self._place_lines)

    @property
    def text(self) -> str:
        """The large line."""
        return self._text

    @property
    def detail(self) -> str:
        """The line below it."""
        return self._detail.full_text

    @property
    def has_content(self) -> bool:
        """Whether there is anything to show of a run."""
        return bool(self.text or self.detail)

    @property
    def record(self) -> GainRecord:
        """The validations of the shown run."""
        return self._gain

    # -- content -------------------------------------------------------------------------------

    def show_state(self, state: SessionState) -> None:
        """Show the state of the session, and tick until it is idle."""
        if state is SessionState.STARTING and self._state is not state:
            self._preparation = _PREPARATION
            self._clock.restart()
        self._state = state
        if state is SessionState.PAUSED:
            self._clock.hold()
        elif state in _RUNNING_STATES:
            self._clock.run()
        if state is SessionState.IDLE:
            self._step = None
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()
        self._refresh()

    def on_event(self, event: Event) -> None:
        """Follow the run; a new step is shown with the next tick."""
        self._gain.add_event(event)
        if isinstance(event, Notice) and self._state is SessionState.STARTING and event.text.endswith("…"):
            self._preparation = event.text
        elif isinstance(event, RunStarted):
            self._step = self._saved_step = None
            self._start_step, self._seconds_before = event.start_step, _find_seconds(self._last_step, event.start_step)
        elif isinstance(event, PlanChanged) and self._step is not None:
            self._step = replace(self._step, total_steps=event.total_steps)
        elif isinstance(event, CheckpointSaved) and event.kind != "best":
            self._saved_step = event.step
        elif isinstance(event, StepDone):
            is_first = self._step is None
            self._step = self._last_step = event
            self._clock.restart()
            if not is_first:
                return
        elif isinstance(event, Validated) and event.split == "val" and self._step is not None:
            self._step = replace(self._step, check_seconds=None)  # the next step says when the next one comes
        self._refresh()

    def show_run(self, events: Iterable[Event]) -> None:
        """Show the gain of a run in a workspace."""
        events = list(events)
        self._gain = GainRecord(events)
        self._last_step = next((event for event in reversed(events) if isinstance(event, StepDone)), None)
        self._refresh()

    def clear_run(self) -> None:
        """Remove the run."""
        self._step, self._activity, self._durations = None, None, {}
        self.show_run(())

    def _refresh(self) -> None:
        had_content = self.has_content
        text = self._describe(self._gain.text)
        if text != self._text:
            self._text = text
            self._place_lines()
        if _show(self._detail, self._describe_activity()):
            self._detail.setToolTip(plain_tooltip(explain_terms(self.detail, after=self.detail)))
        if self.has_content != had_content:
            self.has_content_changed.emit()
        self.refreshed.emit()

    def _describe(self, gain: str) -> str:
        return " · ".join(part for part in (self._describe_progress(), gain) if part)

    def _describe_progress(self) -> str:
        if self._state in (SessionState.IDLE, SessionState.STARTING, SessionState.STOPPING):
            return "" if self._state is SessionState.IDLE else self._state.value
        step = self._step
        if step is None:
            minutes = self._find_time_limit()
            if minutes is None:
                return "Measuring the time left …"
            return self._describe_time_left(60 * minutes - self._seconds_before)
        if step.step == step.total_steps:
            return FINAL_CHECK
        return self._describe_time_left(step.seconds_left)

    def _describe_time_left(self, seconds: float | None) -> str:
        """Return the time left, from that when the clock was restarted."""
        left = "" if seconds is None else format_time_left(seconds - self._clock.seconds)
        return left if self._state is SessionState.TRAINING or not left else f"{self._state.value} · {left}"

    def _describe_activity(self) -> str:
        if self._state is SessionState.IDLE:
            return ""
        if self._state is SessionState.STARTING:
            return f"{self._preparation} {self._describe_extent(self._clock.seconds)}"
        self._follow_activity()
        if self._activity is not None:
            activity, seconds = self._activity
            last = self._durations.get(activity, 0.0) if activity in _REGULAR_ACTIVITIES else 0.0
            return f"{_ACTIVITIES[activity]} {self._describe_extent(seconds, last)}"
        if self._state is SessionState.STOPPING:
            return _DISCARDING if self._session.is_discarding else _STOPPING
        if self._step is None:
            if self._state is not SessionState.TRAINING:
                return ""
            start = self._start_step
            return f"Resumed at step {start}; the next step is not finished yet." if start else _FIRST_STEP
        return " · ".join([self._describe_steps(self._step), *format_threads(self._step)])

    def _describe_extent(self, seconds: float, last: float = 0.0) -> str:
        """Return how far an activity is and how long it takes, such as "3 of 24, 0:12, 0:40 last time"."""
        count = self._session.activity_count
        parts = [] if count is None else [f"{count[0]} of {count[1]}"]
        parts.append(format_duration(seconds))
        if last >= 1:
            parts.append(f"{format_duration(last)} last time")
        return ", ".join(parts)

    def _describe_steps(self, step: StepDone) -> str:
        if step.total_steps is None:
            return f"Step {step.step} · measuring how many steps fit into the time …"
        parts = [format_step(step.step, step.total_steps).capitalize()]
        if self._saved_step is not None:
            parts.append(f"saved at step {self._saved_step}")
        if step.check_seconds is not None:
            parts.append(f"next check in {format_wait(step.check_seconds - self._clock.seconds)}")
        return " · ".join(parts)

    def _follow_activity(self) -> None:
        """Note what the run does in place of steps, and how long the activity before it took."""
        activity, seconds = self._session.activity, self._session.activity_seconds
        if self._activity is not None and (activity is not self._activity[0] or seconds < self._activity[1]):
            self._durations[self._activity[0]] = self._activity[1]
        self._activity = None if activity is None else (activity, seconds)

    # -- layout --------------------------------------------------------------------------------

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Place the lines in the middle of the height."""
        super().resizeEvent(event)
        self._place_lines()

    def _fit_headline(self) -> None:
        """Use smaller letters, then fewer words, where the line is too long, so that its verdict is not cut."""
        label = self._headline
        self._ruler.ensurePolished()
        is_large = self._ruler.fontMetrics().horizontalAdvance(self.text) < self.width()
        role = _LARGE if is_large else "heading"
        if role != label.property("role"):
            label.setProperty("role", role)
            label.style().unpolish(label)
            label.style().polish(label)
        is_long = role != _LARGE and label.fontMetrics().horizontalAdvance(self.text) >= self.width()
        _show(label, self._describe(self._gain.short_text) if is_long else self.text)

    def _place_lines(self) -> None:
        """Give the labels fixed sizes: a new text then lays out nothing again, which costs more than painting it."""
        labels = (self._headline, self._detail)
        for label in labels:
            label.ensurePolished()  # its font is known only then
        self._fit_headline()
        heights = [label.fontMetrics().height() for label in labels]
        top = max(0, self.height() - sum(heights) - _GAP) // 2
        for label, height in zip(labels, heights):
            label.setFixedSize(self.width(), height)
            label.move(0, top)
            top += height + _GAP
        self._explain_gain()

    def _explain_gain(self) -> None:
        """Explain the gain in the tooltip of the large line, after the whole line where that is cut."""
        is_cut = self._headline.text() != self.text
        parts = (self.text if is_cut else "", _GAIN_TOOLTIP if self._gain.text else "")
        before = "\n".join(filter(None, parts))
        self._headline.setToolTip(plain_tooltip(explain_terms(self.text, after=before)))


def _find_seconds(step: StepDone | None, start_step: int) -> float:
    """Return how long a run had trained when it was at `start_step`, from a step that may be later."""
    if step is None or not start_step:
        return 0.0
    return step.run_seconds * min(1.0, start_step / step.step)


def _show(label: ElidedLabel, text: str) -> bool:
    """Show a text, and return whether it is new."""
    is_new = label.full_text != text
    if is_new:
        label.set_text(text)
    return is_new
