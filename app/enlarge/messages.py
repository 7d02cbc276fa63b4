"""The messages of the window "Enlarge photos": as high as their text, up to some lines."""

from __future__ import annotations

from PySide6.QtGui import QResizeEvent

from app.widgets.cards import MessageStrip

_MAX_LINES = 6  # a longer message scrolls


class TrialMessages(MessageStrip):
    """Message strip that takes the height that its text needs."""

    def show_message(self, level: str, text: str) -> None:
        """Show a message as `MessageStrip` does."""
        super().show_message(level, text)
        self._fit_height()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the height to how the text wraps at the new width."""
        super().resizeEvent(event)
        self._fit_height()

    def _fit_height(self) -> None:
        page = self.texts_page
        needed = self.texts.totalHeightForWidth(page.maximumViewportSize().width())  # -1 without a text
        page.setMinimumHeight(min(max(1, needed), _MAX_LINES * self.fontMetrics().lineSpacing()))
