"""The checklist beside Start: one line per check of the settings; clicking a line leads to the setting it concerns."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.form.wording import with_form_labels
from app.icons import set_icon
from app.plain_text import button_text, plain_tooltip, visible
from app.theme import SPACING
from trainer_core.planning.readiness import ERROR, OK, PENDING, WARNING, Check

_STATE_ICONS = {
    OK: ("ok", "success"),
    PENDING: ("waiting", "muted"),
    ERROR: ("wrong", "warning"),
    WARNING: ("info", "warning"),
}
_STATE_TEXTS = {OK: "ok", PENDING: "checking", ERROR: "error", WARNING: "warning"}
_ICON_WIDTH = 36  # pixels of a line that its icon and its margins take


class Checklist(QWidget):
    """List of checks, one line each."""

    clicked = Signal(str)  # name of the setting

    def __init__(self) -> None:
        super().__init__()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(SPACING // 4)
        self._shown: tuple[Check, ...] = ()
        self.lines: list[ChecklistLine] = []

    def show_checks(self, checks: tuple[Check, ...]) -> None:
        """Show these checks, in this order."""
        if checks == self._shown:
            return
        self._shown = checks
        while len(self.lines) < len(checks):
            self._add_line()
        for number, line in enumerate(self.lines):
            line.setVisible(number < len(checks))
            if number < len(checks):
                self._update_line(line, checks[number])

    def _add_line(self) -> None:
        line = ChecklistLine()
        line.clicked.connect(lambda: self.clicked.emit(line.property("setting")))
        if not self.lines:
            self.setFocusProxy(line)
        self.lines.append(line)
        self._layout.addWidget(line)

    def _update_line(self, line: ChecklistLine, check: Check) -> None:
        text = with_form_labels(check.text)
        line.set_text(text)
        line.setProperty("setting", check.setting)
        line.setAccessibleName(f"{_STATE_TEXTS[check.state]}: {text}")
        set_icon(line, *_STATE_ICONS[check.state])

    def first_problem(self) -> str:
        """Return the name of the setting of the first check in error, or "" if there is none."""
        return next((check.setting for check in self._shown if check.state == ERROR), "")


class ChecklistLine(QPushButton):
    """Clickable line whose text is elided with "…" when it is too long; the tooltip holds the full text."""

    def __init__(self) -> None:
        super().__init__()
        self._full_text = ""
        self.setProperty("role", "line")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def set_text(self, text: str) -> None:
        """Show `text`, elided to the width of the line."""
        self._full_text = visible(text)
        self.setToolTip(plain_tooltip(text))
        self._elide()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Elide the text again for the new width."""
        super().resizeEvent(event)
        self._elide()

    def _elide(self) -> None:
        width = self.width() - _ICON_WIDTH
        text = self.fontMetrics().elidedText(self._full_text, Qt.TextElideMode.ElideRight, width)
        self.setText(button_text(text))
