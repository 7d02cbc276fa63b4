"""A label that gives way: where there is no room its text is cut with "…", and the tooltip has all of it."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QLabel

_LEAST = 60  # pixels


class ElidedLabel(QLabel):
    """Say its text with `say`. `indent` is the room beside it, in pixels."""

    def __init__(self, indent: int = 0) -> None:
        super().__init__()
        self._whole = ""
        self.setIndent(indent)
        self.setTextFormat(Qt.TextFormat.PlainText)

    def say(self, text: str) -> None:
        """Show this."""
        self._whole = text
        self.setToolTip(text)
        self.setAccessibleName(text)
        self.updateGeometry()
        self._fit()

    def sizeHint(self) -> QSize:
        needed = self.fontMetrics().horizontalAdvance(self._whole) + 2 * self.indent()
        return QSize(needed + 1, super().sizeHint().height())  # elidedText cuts what fits to the pixel

    def minimumSizeHint(self) -> QSize:
        return QSize(min(_LEAST, self.sizeHint().width()), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        room = self.width() - 2 * self.indent()
        self.setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, room))
