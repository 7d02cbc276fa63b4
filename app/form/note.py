"""The note below an entry of the form: as high without a text as with one, so that nothing moves when it appears."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QRect, Qt
from PySide6.QtGui import QResizeEvent

from app.widgets.plain_text import PlainLabel, plain_tooltip, visible

_FRAME = 2  # pixels: the border of the button beside it
_ENDLESS = 10_000  # pixels, more than any note is high


class NoteLabel(PlainLabel):
    """Label with room for some lines: a longer text ends with "…".

    Args:
        lines: number of lines.
    """

    def __init__(self, lines: int) -> None:
        super().__init__()
        self._lines = lines
        self._whole_text = ""
        self.setWordWrap(True)
        self.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        self._fit()

    def show_text(self, text: str, *, tooltip: str) -> None:
        """Show a text, shortened to the room, and a tooltip with all of it."""
        self._whole_text = visible(text)
        self.setToolTip(plain_tooltip(tooltip))
        self.setAccessibleName(tooltip)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Shorten the text to the new width."""
        super().resizeEvent(event)
        self._fit()

    def changeEvent(self, event: QEvent) -> None:
        """Follow the size of the font."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def _fit(self) -> None:
        self.setFixedHeight(self._room() + _FRAME)
        if not self._whole_text or self._fits(self._whole_text):
            self.setText(self._whole_text)
            return
        fitting, too_long = 0, len(self._whole_text)  # numbers of characters
        while too_long - fitting > 1:
            middle = (fitting + too_long) // 2
            fitting, too_long = (middle, too_long) if self._fits(self._cut(middle)) else (fitting, middle)
        self.setText(self._cut(fitting))

    def _cut(self, count: int) -> str:
        return f"{self._whole_text[:count].rstrip()}…"

    def _fits(self, text: str) -> bool:
        needed = self._measure(text, self.width())
        return needed.width() <= self.width() and needed.height() <= self._room()

    def _room(self) -> int:
        """Return the height of all lines."""
        return self._measure("\n".join("X" * self._lines), _ENDLESS).height()

    def _measure(self, text: str, width: int) -> QRect:
        return self.fontMetrics().boundingRect(QRect(0, 0, width, _ENDLESS), Qt.TextFlag.TextWordWrap, text)
