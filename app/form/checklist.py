"""The checklist beside Start: what is there, what is missing; clicking a line goes to the setting that mends it."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.form.wording import sentence
from app.icons import dress
from app.theme import SPACE
from trainer_core.planning.readiness import DOUBTFUL, OK, WAITING, WRONG, Check

_LOOKS = {OK: ("ok", "good"), WAITING: ("waiting", "muted"), WRONG: ("wrong", "warn"), DOUBTFUL: ("info", "warn")}
_WORDS = {OK: "done", WAITING: "being checked", WRONG: "needed", DOUBTFUL: "doubtful"}
_BESIDE_TEXT = 36  # pixels of a line that are its sign and its margins


class Checklist(QWidget):
    """One line a check."""

    clicked = Signal(str)  # the setting's name

    def __init__(self) -> None:
        super().__init__()
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(SPACE // 4)
        self._shown: tuple[Check, ...] = ()
        self.lines: list[Line] = []

    def show_checks(self, checks: tuple[Check, ...]) -> None:
        """Show these, in this order."""
        if checks == self._shown:
            return
        self._shown = checks
        while len(self.lines) < len(checks):
            self._add_line()
        for number, line in enumerate(self.lines):
            line.setVisible(number < len(checks))
            if number < len(checks):
                self._tell(line, checks[number])

    def _add_line(self) -> None:
        line = Line()
        line.clicked.connect(lambda: self.clicked.emit(line.property("setting")))
        self.lines.append(line)
        self._layout.addWidget(line)

    def _tell(self, line: Line, check: Check) -> None:
        text = sentence(check.text)
        line.say(text)
        line.setProperty("setting", check.setting)
        line.setAccessibleName(f"{_WORDS[check.state]}: {text}")
        dress(line, *_LOOKS[check.state])

    def first_wrong(self) -> str:
        """The setting of the first line that is not done, or ""."""
        return next((check.setting for check in self._shown if check.state == WRONG), "")


class Line(QPushButton):
    """A sentence, cut with "…" where it is too long; the tooltip has all of it."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "line")
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)

    def say(self, text: str) -> None:
        """Show this."""
        self.setToolTip(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.width() - _BESIDE_TEXT
        self.setText(self.fontMetrics().elidedText(self.toolTip(), Qt.TextElideMode.ElideRight, room))
