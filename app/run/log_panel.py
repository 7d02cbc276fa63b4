"""Log tab: the same lines as `trainer.log`, with a filter by level."""

from __future__ import annotations

from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.help.sections import TROUBLE, set_section
from app.widgets.plain_text import PlainLabel
from app.widgets.theme import SPACING
from trainer_core.events import Event, Notice, RunFinished, RunStarted, StepDone
from trainer_core.sinks.event_text import EventFormatter
from trainer_core.sinks.throttle import LineSchedule

_LEVELS = ("info", "warning", "error")
_CHOICES = ("Everything", "Warnings and errors", "Errors")
_MAX_LINES = 5000
_STEPS_BETWEEN_LINES = 100


class LogPanel(QWidget):
    """Panel that shows the events of a run as lines of text."""

    def __init__(self) -> None:
        super().__init__()
        set_section(self, TROUBLE)
        self._lines: list[tuple[int, str]] = []
        self._formatter = EventFormatter()
        self._schedule = LineSchedule(_STEPS_BETWEEN_LINES)
        self._filter = QComboBox()
        self._filter.addItems(_CHOICES)
        self._filter.setAccessibleName("Level of the log")
        self._filter.currentIndexChanged.connect(self._rebuild)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setMaximumBlockCount(_MAX_LINES)
        self._text.setAccessibleName("Log")
        self._text.setPlaceholderText("Messages about the run appear here and in the workspace's trainer.log.")
        self._text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self._text.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        row = QHBoxLayout()
        row.addWidget(PlainLabel("Show"))
        row.addWidget(self._filter)
        row.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, SPACING, 0, 0)
        layout.addLayout(row)
        layout.addWidget(self._text, 1)

    def on_event(self, event: Event) -> None:
        """Add the lines of an event; for steps, add only about every hundredth one."""
        if isinstance(event, RunStarted):
            self._formatter = EventFormatter()
            self._schedule.start(event.start_step)
        if isinstance(event, StepDone) and not self._schedule.is_due(event.step, event.total_steps):
            return
        for line in self._formatter.format_event(event):
            self._add(_event_level(event), line)

    def clear(self) -> None:
        """Remove all lines."""
        self._lines.clear()
        self._text.clear()

    @property
    def text(self) -> str:
        """The visible lines."""
        return self._text.toPlainText()

    def _add(self, level: int, line: str) -> None:
        self._lines.append((level, line))
        del self._lines[:-_MAX_LINES]
        if level >= self._filter.currentIndex():
            self._text.appendPlainText(line)

    def _rebuild(self) -> None:
        min_level = self._filter.currentIndex()
        self._text.setPlainText("\n".join(line for level, line in self._lines if level >= min_level))
        self._text.verticalScrollBar().setValue(self._text.verticalScrollBar().maximum())


def _event_level(event: Event) -> int:
    if isinstance(event, Notice):
        return _LEVELS.index(event.level) if event.level in _LEVELS else 0
    return 2 if isinstance(event, RunFinished) and event.outcome == "failed" else 0
