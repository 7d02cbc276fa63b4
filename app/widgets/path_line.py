"""A line edit for a path, which shows the end of a long path while the user does not edit it."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QLineEdit, QStyle, QStyleOptionFrame, QStylePainter

_MARGIN = 2  # pixels that Qt leaves free on both sides of the text


class PathLine(QLineEdit):
    """Line edit that shortens a path at its beginning, because the names at its end tell folders apart."""

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(False)  # the window identifies and handles dropped files

    def set_path(self, path: str) -> None:
        """Show a path; while the user edits it, the cursor is at its end."""
        self.setText(path)
        self.setCursorPosition(len(path))

    @property
    def visible_text(self) -> str:
        """The path as it is drawn without the focus, shortened to fit."""
        return self.fontMetrics().elidedText(self.text(), Qt.TextElideMode.ElideLeft, self._text_room().width())

    def _text_room(self) -> QRect:
        option = QStyleOptionFrame()
        self.initStyleOption(option)
        room = self.style().subElementRect(QStyle.SubElement.SE_LineEditContents, option, self)
        return room.marginsRemoved(self.textMargins()).adjusted(_MARGIN, 0, -_MARGIN, 0)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the shortened path, where it is too long and the user is not editing it."""
        if self.hasFocus() or self.visible_text == self.text():
            super().paintEvent(event)
            return
        option, painter = QStyleOptionFrame(), QStylePainter(self)
        self.initStyleOption(option)
        painter.drawPrimitive(QStyle.PrimitiveElement.PE_PanelLineEdit, option)
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(
            self._text_room(), Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, self.visible_text
        )
        painter.end()
