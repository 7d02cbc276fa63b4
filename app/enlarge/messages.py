"""The messages of the window "Enlarge photos": as high as their text, up to some lines, some with a button."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent

from app.system.file_manager import open_folder
from app.widgets.cards import MessageStrip

_MAX_LINES = 6  # a longer message scrolls


class TrialMessages(MessageStrip):
    """Message strip that takes the height that its text needs."""

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
        self._fit_height()

    def show_saved(self, level: str, text: str, folder: Path) -> None:
        """Show what was saved, with a button that opens the folder, until something else is done."""
        self._folder = folder
        self.show_message(level, text)
        self._timer.stop()
        self.folder_button.show()
        self._fit_height()

    def show_removal(self, text: str) -> None:
        """Show what was removed, with a button that takes it back."""
        self.show_message("info", text)
        self.undo_button.show()
        self._fit_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the height to how the text wraps at the new width."""
        super().resizeEvent(event)
        self._fit_height()

    def _fit_height(self) -> None:
        page = self.texts_page
        needed = self.texts.totalHeightForWidth(page.maximumViewportSize().width())  # -1 without a text
        page.setMinimumHeight(min(max(1, needed), _MAX_LINES * self.fontMetrics().lineSpacing()))
