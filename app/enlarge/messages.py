"""The messages of the window "Enlarge photos", some with a button, in a room of fixed height, so that nothing moves."""

from __future__ import annotations

import math
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QStackedWidget, QWidget

from app.system.file_manager import open_folder
from app.widgets.cards import MessageStrip
from app.widgets.theme import SPACING, theme

_LINES = 2  # of a message; a longer one scrolls


class TrialMessages(MessageStrip):
    """Message strip with buttons that open a folder and bring back a photo."""

    undo_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._folder = Path()
        self.folder_button = self._button("Open folder", "folder", lambda: open_folder(self._folder))
        self.undo_button = self._button("Undo", "back", self.undo_requested.emit)
        for button in (self.folder_button, self.undo_button):
            button.setAutoDefault(False)
            button.hide()

    def show_message(self, level: str, text: str) -> None:
        """Show a message as `MessageStrip` does."""
        self.folder_button.hide()
        self.undo_button.hide()
        super().show_message(level, text)

    def show_saved(self, level: str, text: str, folder: Path) -> None:
        """Show what was saved, with a button that opens the folder, until something else is done."""
        self._folder = folder
        self.show_message(level, text)
        self._timer.stop()
        self.folder_button.show()

    def show_removal(self, text: str) -> None:
        """Show what was removed, with a button that takes it back."""
        self.show_message("info", text)
        self.undo_button.show()


class StatusRoom(QStackedWidget):
    """Room for the status of the work and, in front of it, an open message; as high without a message as with one."""

    def __init__(self, status: QWidget, messages: TrialMessages) -> None:
        super().__init__()
        for page in (status, messages):
            self.addWidget(page)
        messages.opened.connect(lambda: self.setCurrentWidget(messages))
        messages.closed.connect(lambda: self.setCurrentWidget(status))
        theme().changed.connect(self._fit_height)
        self._fit_height()

    def _fit_height(self) -> None:
        line = math.ceil(QFontMetricsF(theme().font()).height())
        self.setFixedHeight(_LINES * line + SPACING + 2)  # the margins and the border of a card
