"""A door of the start page: a card with a picture, a title, a sentence and buttons, on which files can be dropped."""

from __future__ import annotations

from importlib import resources

from PySide6.QtCore import QRect, QSize, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent, QDropEvent, QPainter, QPainterPath, QPaintEvent, QPixmap
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from app.widgets.dropped_files import paths_of
from app.widgets.plain_text import PlainLabel
from app.widgets.theme import SPACING

_CORNER = 6  # pixels
_ASPECT = 2  # width of a picture by its height
_MAX_HEIGHT, _MIN_HEIGHT = 180, 80  # pixels of a picture


class Door(QFrame):
    """Card of one thing to do, with an accented edge while files are dragged over it.

    Args:
        picture: name of a file in `resources/pictures`.
        meaning: what the picture shows, for screen readers.
    """

    files_dropped = Signal(list)  # of paths

    def __init__(self, title: str, sentence: str, picture: str, meaning: str) -> None:
        super().__init__()
        self.setProperty("role", "card")
        self.setAcceptDrops(True)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(*[2 * SPACING] * 4)
        self._layout.setSpacing(SPACING)
        image = _Picture(picture)
        image.setAccessibleName(meaning)
        heading = PlainLabel(title)
        heading.setProperty("role", "subtitle")
        text = PlainLabel(sentence)
        for label in (heading, text):
            label.setWordWrap(True)
        for part in (image, heading, text):
            self._layout.addWidget(part)
        self._layout.addStretch(1)

    def add_buttons(self, *buttons: QPushButton) -> None:
        """Add a row of buttons at the bottom."""
        row = QHBoxLayout()
        for button in buttons:
            button.setAutoDefault(True)  # Enter presses it, as Space does
            row.addWidget(button)
        row.addStretch(1)
        self._layout.addLayout(row)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders of other programs."""
        if paths_of(event.mimeData()) and event.source() is None:
            event.acceptProposedAction()
            self._show_drag(True)

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:
        """Remove the accent."""
        self._show_drag(False)

    def dropEvent(self, event: QDropEvent) -> None:
        """Report the dropped files and folders."""
        event.acceptProposedAction()
        self._show_drag(False)
        self.files_dropped.emit(paths_of(event.mimeData()))

    def _show_drag(self, is_over: bool) -> None:
        self.setProperty("dragged", is_over)
        self.style().unpolish(self)
        self.style().polish(self)


class _Picture(QWidget):
    """Picture that fills the width of the card, cut at the sides or above and below where the shape differs."""

    def __init__(self, name: str) -> None:
        super().__init__()
        path = str(resources.files("resources") / "pictures" / name)
        self._pixmap = QPixmap(path, "PNG")  # type: ignore[call-overload]  # the stub asks for bytes, PySide for text
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setMinimumHeight(_MIN_HEIGHT)
        self.setMaximumHeight(_MAX_HEIGHT)

    def hasHeightForWidth(self) -> bool:
        """Whether the height follows the width: yes."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height at a width; both in pixels."""
        return min(width // _ASPECT, _MAX_HEIGHT)

    def sizeHint(self) -> QSize:
        """Return the size on a card of usual width."""
        return QSize(_ASPECT * _MAX_HEIGHT, _MAX_HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Draw the middle of the picture with round corners."""
        painter = QPainter(self)
        painter.setRenderHints(QPainter.RenderHint.Antialiasing | QPainter.RenderHint.SmoothPixmapTransform)
        corners = QPainterPath()
        corners.addRoundedRect(self.rect(), _CORNER, _CORNER)
        painter.setClipPath(corners)
        part = self.size().scaled(self._pixmap.size(), Qt.AspectRatioMode.KeepAspectRatio)
        source = QRect(self._pixmap.rect())
        source.setSize(part)
        source.moveCenter(self._pixmap.rect().center())
        painter.drawPixmap(self.rect(), self._pixmap, source)
        painter.end()
