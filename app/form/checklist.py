"""The checklist beside Start: each check of the settings; a click on one leads to the setting it concerns."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.widgets.icons import set_icon
from app.widgets.plain_text import button_text, plain_tooltip, visible
from app.widgets.theme import SPACING
from app.widgets.wording import with_form_labels
from trainer_core.planning.readiness import ERROR, OK, PENDING, WARNING, Check

_STATE_ICONS = {
    OK: ("ok", "success"),
    PENDING: ("waiting", "muted"),
    ERROR: ("wrong", "warning"),
    WARNING: ("info", "warning"),
}
_STATE_TEXTS = {OK: "ok", PENDING: "checking", ERROR: "error", WARNING: "warning"}
_ICON_WIDTH = 36  # pixels of a line that its icon and its margins take
_MAX_LINES = 4  # of a text that says what to do


class Checklist(QWidget):
    """List of checks."""

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
        self._layout.addWidget(line)
        QWidget.setTabOrder(self.lines[-1] if self.lines else self, line)  # else Tab reaches it after all else
        self.lines.append(line)
        self.setFocusProxy(self.lines[0])

    def _update_line(self, line: ChecklistLine, check: Check) -> None:
        text = with_form_labels(check.text)
        line.set_text(text, max_lines=_MAX_LINES if check.state in (ERROR, WARNING) else 1)
        line.setProperty("setting", check.setting)
        line.set_emphasized(False)
        line.setAccessibleName(f"{_STATE_TEXTS[check.state]}: {text}")
        set_icon(line, *_STATE_ICONS[check.state])

    def emphasize_problems(self) -> dict[str, str]:
        """Emphasize the checks in error until they change; return their texts by the names of their settings."""
        for line, check in zip(self.lines, self._shown):
            line.set_emphasized(check.state == ERROR)
        return {check.setting: with_form_labels(check.text) for check in self._shown if check.state == ERROR}


class ChecklistLine(QPushButton):
    """Clickable check, whose text continues in the next line where it is too long; the tooltip holds the full text.

    A text that exceeds the lines that it may have ends with "…".

    Attributes:
        full_text: the whole text.
    """

    def __init__(self) -> None:
        super().__init__()
        self.full_text, self._max_lines = "", 1
        self.setProperty("role", "line")
        policy = QSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)

    def set_text(self, text: str, *, max_lines: int = 1) -> None:
        """Show `text` in at most so many lines."""
        self.full_text, self._max_lines = visible(text), max_lines
        self.setToolTip(plain_tooltip(text))
        self._fit()
        self.updateGeometry()

    def set_emphasized(self, is_emphasized: bool) -> None:
        """Let the check stand out, because it keeps a training from starting, or show it like the others."""
        if is_emphasized != bool(self.property("emphasized")):
            self.setProperty("emphasized", is_emphasized)
            self.style().unpolish(self)
            self.style().polish(self)
            self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Break the text for the new width."""
        super().resizeEvent(event)
        self._fit()

    def sizeHint(self) -> QSize:
        """Return the size of a text of one line."""
        return QSize(super().sizeHint().width(), self._height_of(1))

    def hasHeightForWidth(self) -> bool:
        """Whether the height follows from the width: yes."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines at a width."""
        return self._height_of(len(self._break_text(width)))

    def _height_of(self, lines: int) -> int:
        def height(count: int) -> int:
            return self.fontMetrics().size(0, "\n".join(["X"] * count)).height()

        return super().sizeHint().height() + height(lines) - height(self.text().count("\n") + 1)

    def _fit(self) -> None:
        self.setText("\n".join(map(button_text, self._break_text(self.width()))))

    def _break_text(self, width: int) -> list[str]:
        """Return the lines of the text; the last one may end with "…"."""
        metrics, room = self.fontMetrics(), width - _ICON_WIDTH
        rest = self.full_text
        lines: list[str] = []
        while len(lines) + 1 < self._max_lines and metrics.horizontalAdvance(rest) > room:
            words = rest.split(" ")
            count = next((n for n in range(len(words), 0, -1) if _advance(metrics, words[:n]) <= room), 0)
            if not count or count == len(words):
                break  # a word that is wider than the line
            lines.append(" ".join(words[:count]))
            rest = " ".join(words[count:])
        return [*lines, metrics.elidedText(rest, Qt.TextElideMode.ElideRight, room)]


def _advance(metrics: QFontMetrics, words: list[str]) -> int:
    return metrics.horizontalAdvance(" ".join(words))
