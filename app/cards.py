"""What the window has to say, without interrupting: a message strip, the offer to resume."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout

from app.form.wording import sentence
from app.icons import dress
from app.theme import SPACE
from trainer_core.workspace.unfinished import Resumable

_ICONS = {"info": ("info", "accent"), "warning": ("wrong", "warn"), "error": ("wrong", "bad")}
_INFO_SECONDS = 12
_ENDINGS = {
    "interrupted": "it was interrupted", "stopped": "it was stopped", "discarded": "it was stopped without saving",
    "failed": "it failed",
}  # fmt: skip


class Card(QFrame):
    """A box with a sign, texts and buttons; hidden until there is something to say."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._sign = QLabel()
        self._title, self._text = QLabel(), QLabel()
        self._title.setProperty("role", "heading")
        for label in (self._title, self._text):
            label.setWordWrap(True)
            label.setTextFormat(Qt.TextFormat.PlainText)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close = QToolButton()
        dress(self._close, "close", "muted")
        self._close.setAccessibleName("Close this message")
        self._close.clicked.connect(self.hide)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(SPACE)
        self.texts = QVBoxLayout()
        self.texts.setSpacing(SPACE // 2)
        self.texts.addWidget(self._title)
        self.texts.addWidget(self._text)
        self.texts.addLayout(self.buttons)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(SPACE + SPACE // 2, SPACE, SPACE, SPACE)
        row.setSpacing(SPACE + SPACE // 2)
        row.addWidget(self._sign)
        row.addLayout(self.texts, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def say(self, icon: str, role: str, title: str, text: str) -> None:
        """Show this."""
        dress(self._sign, icon, role, 20)
        self._row.setAlignment(self._sign, Qt.AlignmentFlag.AlignTop if title else Qt.AlignmentFlag.AlignVCenter)
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self.show()

    @property
    def text(self) -> str:
        """Title and text, "" while hidden."""
        return "" if self.isHidden() else f"{self._title.text()} {self._text.text()}".strip()

    def _button(self, text: str, icon: str, clicked: Callable[[], object], *, primary: bool = False) -> QPushButton:
        button = QPushButton(text)
        if primary:
            button.setProperty("role", "primary")
        dress(button, icon, "on_accent" if primary else "text")
        button.clicked.connect(lambda: clicked())
        self.buttons.setContentsMargins(0, SPACE // 2, 0, 0)
        self.buttons.addWidget(button)
        return button


class MessageStrip(Card):
    """The newest message; information goes by itself after a while."""

    def __init__(self) -> None:
        super().__init__()
        self.buttons.addStretch(1)  # an empty row would keep the text narrow
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)

    def tell(self, level: str, text: str) -> None:
        """Show a message of the level "info", "warning" or "error", with the form's names for options."""
        self.say(*_ICONS.get(level, _ICONS["info"]), "", sentence(text))
        self._timer.stop()
        if level == "info":
            self._timer.start(1000 * _INFO_SECONDS)


class ResumeCard(Card):
    """The offer to go on with an unfinished run."""

    resume = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path()
        self.resume_button = self._button("Resume", "start", self.resume.emit, primary=True)
        self._button("Show folder", "folder", lambda: show_folder(self._folder))
        self.buttons.addStretch(1)

    def offer(self, found: Resumable) -> None:
        """Say what there is; Start asks whether to begin anew instead."""
        self._folder = found.checkpoint.parent
        of = f" of {found.total_steps}" if found.total_steps else ""
        best = f" Best PSNR so far {found.best_psnr:.2f} dB." if found.best_psnr else ""
        text = f"Saved {_ago(time.time() - found.saved)}; {_ENDINGS.get(found.ending, found.ending)}.{best} "
        text += "Starting anew puts these files into previous_runs."
        self.say("waiting", "accent", f"There is an unfinished run at step {found.step}{of}", text)


def _ago(seconds: float) -> str:
    """Such as "3 hours ago"."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return "just now"


def show_folder(folder: Path) -> None:
    """Open a folder in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
