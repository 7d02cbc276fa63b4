"""Cards that do not interrupt the user: the message strip and the offer to resume; `CardSlot` shows them."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Callable

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.system.file_manager import open_folder
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.scrolling_page import ScrollingPage
from app.widgets.theme import SPACING
from app.widgets.wording import with_form_labels
from trainer_core.sinks.event_text import format_step
from trainer_core.workspace.unfinished import UnfinishedRun

_ICONS = {"info": ("info", "accent"), "warning": ("wrong", "warning"), "error": ("wrong", "error")}
_INFO_SECONDS = 12
_MIN_TEXT_WIDTH = 120  # pixels
_ICON_BUTTON_WIDTH = 48  # pixels, with the arrow of a menu
_OUTCOME_TEXTS = {
    "interrupted": "Saved {age}; the run was interrupted.",
    "stopped": "Saved {age}; the run was stopped.",
    "discarded": "Saved {age}; the run was later stopped without saving.",
    "failed": "Saved {age}; the run failed.",
}
_AGES = (  # seconds, text for one, text for more
    (86400, "1 day ago", "{count} days ago"),
    (3600, "1 hour ago", "{count} hours ago"),
    (60, "1 minute ago", "{count} minutes ago"),
)


class Card(QFrame):
    """Row with an icon, texts and buttons, closed until it gets content; texts that do not fit scroll.

    Where there is no room for all buttons, only the primary ones have a text.
    `CardSlot` gives it room and shows one open card at a time.

    Attributes:
        is_open: whether it has content, even while another card covers it.
    """

    opened = Signal()  # also when a message of an open card is new
    closed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.is_open = False
        self.setProperty("role", "card")
        self._full_widths: dict[QPushButton, int] = {}  # of the buttons without their text, with it
        self._icon_label = PlainLabel()
        self._title, self._text = PlainLabel(), PlainLabel()
        self._title.setProperty("role", "heading")
        for label in (self._title, self._text):
            label.setWordWrap(True)
        self._text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._close = QToolButton()
        set_icon(self._close, "close", "muted")
        self._close.setAccessibleName("Close this message")
        self._close.clicked.connect(self.dismiss)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(SPACING // 2)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACING + SPACING // 2, SPACING // 2, SPACING // 2, SPACING // 2)
        row.setSpacing(SPACING)
        row.addWidget(self._icon_label)
        self.texts_page = self._make_texts()
        row.addWidget(self.texts_page, 1)
        row.addLayout(self.buttons)
        row.addWidget(self._close)
        self.hide()

    def _make_texts(self) -> ScrollingPage:
        column = QWidget()
        self.texts = QVBoxLayout(column)
        self.texts.setContentsMargins(0, 0, 0, 0)
        self.texts.setSpacing(0)
        self.texts.addStretch(1)
        self.texts.addWidget(self._title)
        self.texts.addWidget(self._text)
        self.texts.addStretch(1)
        page = ScrollingPage(column)
        page.setMinimumSize(_MIN_TEXT_WIDTH, 1)  # else as high as its scroll bar
        page.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        return page

    def set_content(self, icon: str, color_role: str, title: str, text: str) -> None:
        """Open the card with an icon, a title and a text; an empty title or text takes no room."""
        set_icon(self._icon_label, icon, color_role, 20)
        self._title.setText(title)
        self._title.setVisible(bool(title))
        self._text.setText(text)
        self._text.setVisible(bool(text))
        if not self.is_open:
            self.open()

    def open(self) -> None:
        """Show the card in front of the others."""
        self.is_open = True
        self.show()
        self.opened.emit()

    def dismiss(self) -> None:
        """Close the card."""
        if self.is_open:
            self.is_open = False
            self.hide()
            self.closed.emit()

    # -- narrow windows ------------------------------------------------------------------------

    def minimumSizeHint(self) -> QSize:
        """Return the size of the card with a text on the primary buttons alone."""
        size = super().minimumSizeHint()
        texts = sum(b.sizeHint().width() - _ICON_BUTTON_WIDTH for b in self._secondary_buttons() if b.text())
        return QSize(size.width() - texts, size.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the texts of the other buttons where there is room for them."""
        super().resizeEvent(event)
        self._fit_buttons()

    def _fit_buttons(self) -> None:
        hidden = sum(width - button.sizeHint().width() for button, width in self._full_widths.items())
        if super().minimumSizeHint().width() + hidden <= self.width():
            for button in self._full_widths:
                button.setText(button.accessibleName())
            self._full_widths = {}
            return
        for button in self._secondary_buttons():
            if button.text():
                self._full_widths[button] = button.sizeHint().width()
                button.setText("")

    def _secondary_buttons(self) -> list[QPushButton]:
        buttons = self.findChildren(QPushButton)
        return [b for b in buttons if b.property("role") != "primary" and not b.isHidden()]

    @property
    def has_primary_action(self) -> bool:
        """Whether it is open with the action that the user most likely wants."""
        buttons = self.findChildren(QPushButton)
        return self.is_open and any(b.property("role") == "primary" and not b.isHidden() for b in buttons)

    @property
    def text(self) -> str:
        """The title and the text, "" while the card is closed."""
        return f"{self._title.text()} {self._text.text()}".strip() if self.is_open else ""

    def _button(self, text: str, icon: str, clicked: Callable[[], object], *, primary: bool = False) -> QPushButton:
        button = QPushButton(text)
        button.setAccessibleName(text)
        button.setToolTip(plain_tooltip(text))
        if primary:
            button.setProperty("role", "primary")
        set_icon(button, icon, "on_accent" if primary else "text")
        button.clicked.connect(lambda: clicked())
        self.buttons.addWidget(button)
        return button


class MessageStrip(Card):
    """Card with the newest message; an info message disappears after a few seconds."""

    def __init__(self) -> None:
        super().__init__()
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self.dismiss)

    def show_message(self, level: str, text: str) -> None:
        """Show a message of level "info", "warning" or "error"; option names become labels of the form."""
        self.set_content(*_ICONS.get(level, _ICONS["info"]), "", with_form_labels(text))
        self.open()  # the newest message comes to the front
        self._timer.stop()
        if level == "info":
            self._timer.start(1000 * _INFO_SECONDS)


class ResumeCard(Card):
    """Card about the run of a workspace that ended too early: it offers to resume it, if it was ever saved."""

    resume = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path()
        self.resume_button = self._button("Resume", "start", self.resume.emit, primary=True)
        self._folder_button = self._button("Show folder", "folder", lambda: open_folder(self._folder))

    def show_run(self, found: UnfinishedRun) -> None:
        """Show the step, age and outcome of the unfinished run."""
        self._folder = found.checkpoint.parent
        self._offer_to_resume(True)
        step = format_step(found.step, found.total_steps)
        text = _OUTCOME_TEXTS.get(found.outcome, "Saved {age}.").format(age=format_age(time.time() - found.saved_at))
        self.set_content("waiting", "accent", f"There is an unfinished run at {step}", text)

    def show_lost_run(self, step: int) -> None:
        """Show that a run ended before its first save, and what to do."""
        self._offer_to_resume(False)
        what_happened = f"It had reached step {step}." if step else "It had not finished a step."
        text = f"{what_happened} It cannot be resumed. Press Start training to train again with these settings."
        self.set_content("wrong", "warning", "The last training ended before its first save", text)

    @property
    def offers_to_resume(self) -> bool:
        """Whether the card is open with the offer to resume."""
        return self.is_open and not self.resume_button.isHidden()

    def _offer_to_resume(self, can_resume: bool) -> None:
        for button in (self.resume_button, self._folder_button):
            button.setVisible(can_resume)


def format_age(seconds: float) -> str:
    """Return a text such as "3 hours ago"."""
    for length, one, many in _AGES:
        count = int(seconds // length)
        if count >= 1:
            return one if count == 1 else many.format(count=count)
    return "just now"
