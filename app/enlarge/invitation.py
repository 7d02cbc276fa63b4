"""What the window shows in place of photos while there is none: where to drop them, and buttons to choose them."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.widgets.buttons import make_button
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel
from app.widgets.theme import SPACING, theme_colors

_ICON, _CORNER = 48, 8  # pixels
_KINDS = "Pictures, photos and dumps of a watch, Palm databases. Your files are never changed."


class Invitation(QWidget):
    """Page that asks for photos; the window receives what is dropped."""

    photos_requested = Signal()
    folder_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        picture, heading, kinds = PlainLabel(), PlainLabel("Drop photos or a folder here"), PlainLabel(_KINDS)
        set_icon(picture, "picture", "muted", _ICON)
        heading.setProperty("role", "subtitle")
        kinds.setProperty("role", "muted")
        kinds.setWordWrap(True)
        self.photos_button = make_button("Add photos …", "add", self.photos_requested.emit)
        self.photos_button.setProperty("role", "primary")
        set_icon(self.photos_button, "add", "on_accent")
        self.folder_button = make_button("Add folder …", "folder", self.folder_requested.emit)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING)
        buttons.addStretch(1)
        buttons.addWidget(self.photos_button)
        buttons.addWidget(self.folder_button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(*[3 * SPACING] * 4)
        column.setSpacing(2 * SPACING)
        column.addStretch(1)
        for label in (picture, heading, kinds):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            column.addWidget(label)
        column.addLayout(buttons)
        column.addStretch(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the place for the photos, with a dashed edge."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setBrush(QColor(theme_colors().base))
        painter.setPen(QPen(QColor(theme_colors().muted), 1, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(QRect(self.rect()).adjusted(1, 1, -2, -2), _CORNER, _CORNER)
        painter.end()
