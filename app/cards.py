"""Cards above the views that do not interrupt the user: the message strip and the offer to resume."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

from PySide6.QtCore import Qt, QTimer, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QToolButton, QVBoxLayout

from app.form.wording import with_form_labels
from app.icons import set_icon
from app.plain_text import PlainLabel
from app.theme import SPACING
from trainer_core.workspace.unfinished import UnfinishedRun

_ICONS = {"info": ("info", "accent"), "warning": ("wrong", "warning"), "error": ("wrong", "error")}
_INFO_SECONDS = 12
_OUTCOME_TEXTS = {
    "interrupted": "the run was interrupted",
    "stopped": "the run was stopped",
    "discarded": "the run was later stopped without saving",
    "failed": "the run failed",
}


class Card(QFrame):
    """Box with an icon, texts and buttons, hidden until it gets content."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self._icon_label = PlainLabel()
        self._title, self._text = PlainLabel(), PlainLabel()
        self._title.setProperty("role", "heading")
        for label in (self._title, self._text):
            label.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close = QToolButton()
        set_icon(self._close, "close", "muted")
        self._close.setAccessibleName("Close this message")
        self._close.clicked.connect(self.hide)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(SPACING)
        self.texts = QVBoxLayout()
        self.texts.setSpacing(SPACING // 2)
        self.texts.addWidget(self._title)
        self.texts.addWidget(self._text)
        self.texts.addLayout(self.buttons)
        self._row = row = QHBoxLayout(self)
        row.setContentsMargins(SPACING + SPACING // 2, SPACING, SPACING, SPACING)
        row.setSpacing(SPACING + SPACING // 2)
        row.addWidget(self._icon_label)
        row.addLayout(self.texts, 1)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        self.hide()

    def set_content(self, icon: str, color_role: str, title: str, text: str) -> None:
        """Show the card with an icon, a title and a text; an empty title or text takes no room."""
        set_icon(self._icon_label, icon, color_role, 20)
        self._row.setAlignment(self._icon_label, Qt.AlignmentFlag.AlignTop if title else Qt.AlignmentFlag.AlignVCenter)
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self.show()

    @property
    def text(self) -> str:
        """The title and the text, "" while the card is hidden."""
        return "" if self.isHidden() else f"{self._title.text()} {self._text.text()}".strip()

    def _button(self, text: str, icon: str, clicked: Callable[[], object], *, primary: bool = False) -> QPushButton:
        button = QPushButton(text)
        if primary:
            button.setProperty("role", "primary")
        set_icon(button, icon, "on_accent" if primary else "text")
        button.clicked.connect(lambda: clicked())
        self.buttons.setContentsMargins(0, SPACING // 2, 0, 0)
        self.buttons.addWidget(button)
        return button


class MessageStrip(Card):
    """Card with the newest message; an info message disappears after a few seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.buttons.addStretch(1)  # an empty row would keep the text narrow
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.hide)

    def show_message(self, level: str, text: str) -> None:
        """Show a message of level "info", "warning" or "error"; option names become labels of the form."""
        self.set_content(*_ICONS.get(level, _ICONS["info"]), "", with_form_labels(text))
        self._timer.stop()
        if level == "info":
            self._timer.start(1000 * _INFO_SECONDS)


class ResumeCard(Card):
    """Card that offers to resume an unfinished run."""

    resume = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path()
        self.resume_button = self._button("Resume", "start", self.resume.emit, primary=True)
        self._button("Show folder", "folder", lambda: open_folder(self._folder))
        self.buttons.addStretch(1)

    def show_run(self, found: UnfinishedRun) -> None:
        """Show the step, age, outcome and best PSNR of the unfinished run."""
        self._folder = found.checkpoint.parent
        of = f" of {found.total_steps}" if found.total_steps else ""
        best = f" Best PSNR so far {found.best_psnr:.2f} dB." if found.best_psnr else ""
        outcome = _OUTCOME_TEXTS.get(found.outcome, found.outcome)
        text = f"Saved {format_age(time.time() - found.saved_at)}; {outcome}.{best} "
        text += "Starting over moves the files of this run to previous_runs."
        self.set_content("waiting", "accent", f"There is an unfinished run at step {found.step}{of}", text)


def format_age(seconds: float) -> str:
    """Return a text such as "3 hours ago"."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        count = int(seconds // length)
        if count >= 1:
            return f"{count} {unit}{'s' * (count != 1)} ago"
    return "just now"


def open_folder(folder: Path) -> None:
    """Open a folder in the system's file manager."""
    QDesktopServices.openUrl(QUrl.fromLocalFile(str(folder)))
