"""Status line: state, step, speed, time, loss, memory and device, redrawn once a second.

Between two steps the time goes on, because a step or a validation may take minutes; during a pause it stands still.
"""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QEvent, QSize, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QStatusBar

from app.run.session import SessionState
from app.run.step_clock import StepClock
from app.widgets.elided import ElidedLabel
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.term_label import paint_term_lines
from app.widgets.terms import explain_terms
from app.widgets.theme import SPACING
from trainer_core.events import Event, PlanChanged, RunFinished, RunStarted, StepDone
from trainer_core.sinks.event_text import format_duration, format_photo_wait, format_step

_INTERVAL = 1000  # milliseconds
_SLACK = 24  # pixels that a field may be wider than its text
_RUNNING_STATES = (SessionState.TRAINING, SessionState.PAUSING)
_FIELDS = ("state", "step", "speed", "elapsed", "loss", "memory")
_LEAST_IMPORTANT_FIRST = ("memory", "speed", "elapsed", "loss")  # left out where there is no room for all


class _Field(PlainLabel):
    """Label whose fixed width follows its text with some slack.

    Changing digits then move nothing and do not lay out the window again, which costs more than painting them.
    """

    def __init__(self, slack: int) -> None:
        super().__init__()
        self._slack = slack
        self.setIndent(SPACING)
        self._update_width()

    def setText(self, text: str) -> None:
        """Show a text and widen or narrow the field if needed."""
        super().setText(text)
        if not 0 <= self.width() - self._text_width() <= self._slack:
            self._update_width()

    def clear(self) -> None:
        """Clear the text."""
        self.setText("")

    def changeEvent(self, event: QEvent) -> None:
        """Fit the width to a new font or style."""
        super().changeEvent(event)
        if event.type() in (QEvent.Type.FontChange, QEvent.Type.StyleChange):
            self._update_width()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the text, and a dotted line below each term that the tooltip explains."""
        super().paintEvent(event)
        if self.toolTip():
            painter, metrics = QPainter(self), self.fontMetrics()
            base_line = (self.height() - metrics.height()) / 2 + metrics.ascent()
            paint_term_lines(painter, self.text(), self.indent(), base_line)
            painter.end()

    @property
    def needed_width(self) -> int:
        """The width of the field in pixels, also while it is hidden."""
        return self.minimumWidth()

    def _text_width(self) -> int:
        return self.fontMetrics().horizontalAdvance(self.text()) + 2 * self.indent()

    def _update_width(self) -> None:
        self.setMinimumSize(0, 0)  # a label's size hint is at least its fixed size
        self.setFixedSize(self._text_width(), self.sizeHint().height())


class StatusLine(QStatusBar):
    """Status bar that shows the newest step of a run, at most once per `_INTERVAL`."""

    def __init__(self) -> None:
        super().__init__()
        self.setSizeGripEnabled(False)
        self._device = ElidedLabel(indent=SPACING)
        self._labels = {name: _Field(slack=0 if name == "state" else _SLACK) for name in _FIELDS}
        for name, label in self._labels.items():
            label.setObjectName(name)
            self.addWidget(label)
        self._labels["elapsed"].setToolTip("How long this run has trained, over all its sessions and without pauses.")
        for name in ("step", "loss"):
            self._labels[name].setToolTip(plain_tooltip(explain_terms(name)))
        self._device.setObjectName("device")
        self.addPermanentWidget(self._device)
        self._step: StepDone | None = None
        self._clock = StepClock()
        self._idle_device = self._run_device = ""
        self._total_memory: int | None = None
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._show_step)
        self.show_state(SessionState.IDLE)

    def minimumSizeHint(self) -> QSize:
        """Return the size that shows the state and the step."""
        needed = sum(self._labels[name].needed_width for name in _FIELDS if name not in _LEAST_IMPORTANT_FIRST)
        return QSize(needed, super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Leave out the least important figures where there is no room for all."""
        super().resizeEvent(event)
        self._fit_fields()

    def _fit_fields(self) -> None:
        room = self.width() - self._device.minimumSizeHint().width() - 2 * SPACING
        room -= sum(label.needed_width + SPACING for label in self._labels.values())
        for name in _LEAST_IMPORTANT_FIRST:
            label = self._labels[name]
            if label.isHidden() != (room < 0):
                label.setHidden(room < 0)
            room += (label.needed_width + SPACING) * (room < 0)

    def text(self, field: str) -> str:
        """Return the whole text of a field: "state", "step", "speed", "elapsed", "loss", "memory", "device"."""
        return self._device.full_text if field == "device" else self._labels[field].text()

    def show_state(self, state: SessionState) -> None:
        """Show the state of the session."""
        self._labels["state"].setText(state.value)
        if state is SessionState.PAUSED:
            self._clock.hold()
        elif state in _RUNNING_STATES:
            self._clock.run()
        if state is SessionState.IDLE:
            self._update_device("")
            self._freeze_figures()

    def show_other_state(self, text: str) -> None:
        """Show a state that is not the session's, such as that of a run in another process."""
        self._labels["state"].setText(text)

    def show_device(self, text: str) -> None:
        """Show the device of the next run; a shown run has its own device."""
        self._idle_device = text
        self._update_device(self._run_device)

    def on_event(self, event: Event) -> None:
        """Update the figures from an event; of several steps, show the newest when the interval ends."""
        if isinstance(event, RunStarted):
            self.clear_run()
            self._total_memory = event.memory_total
            devices = f"{event.devices} × " if event.devices > 1 else ""
            self._update_device(f"{devices}{event.device_name or event.device} · {event.precision}")
        if isinstance(event, StepDone):
            self._step = event
            self._clock.restart()
            if not self._timer.isActive():
                self._timer.start(_INTERVAL)
        elif isinstance(event, PlanChanged) and self._step is not None:
            self._step = replace(self._step, total_steps=event.total_steps)
        elif isinstance(event, RunFinished):
            self._freeze_figures()

    def refresh(self) -> None:
        """Show the newest step now, because another view of the run does; it comes back sooner than the interval."""
        if self._timer.isActive():
            self._timer.start(2 * _INTERVAL)
            self._show_step()

    def _freeze_figures(self) -> None:
        """Show the last figures, because the run has ended."""
        self._clock.hold()
        if self._timer.isActive():
            self._timer.stop()
            self._show_step()

    def clear_run(self) -> None:
        """Remove the figures of the run."""
        self._timer.stop()
        self._step = None
        self._clock.hold()
        for name in ("step", "speed", "elapsed", "loss", "memory"):
            self._labels[name].clear()
        self._update_device("")

    def _update_device(self, of_run: str) -> None:
        self._run_device = of_run
        self._device.set_text(of_run or self._idle_device)

    def _show_step(self) -> None:
        event = self._step
        if event is None:
            return
        texts = {
            "step": format_step(event.step, event.total_steps),
            "speed": " · ".join([f"{event.steps_per_second:.2f} steps/s", *format_photo_wait(event)]),
            "elapsed": f"{format_duration(max(event.elapsed, event.run_seconds) + self._clock.seconds)} elapsed",
            "loss": " · ".join(
                [
                    f"loss {event.losses.get('total', float('nan')):.4f}",
                    *([f"{event.skipped_steps} skipped"] if event.skipped_steps else []),
                ]
            ),
            "memory": _format_memory(event.memory_bytes, self._total_memory),
        }
        for name, text in texts.items():
            self._labels[name].setText(text)
        self._fit_fields()


def _format_memory(used: int, total: int | None) -> str:
    return f"{used / 1e9:.2f} GB" if total is None else f"{used / 1e9:.1f} of {total / 1e9:.0f} GB"
