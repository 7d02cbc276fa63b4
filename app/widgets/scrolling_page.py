"""A scroll area whose page fills it, and scrolls only where it is smaller than the page's minimum size."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QWidget


class ScrollingPage(QScrollArea):
    """Scroll area around a page with a layout.

    `QScrollArea` with a resizable page scrolls as soon as it is smaller than the preferred height of wrapped texts;
    this one shrinks the page down to its minimum first.
    """

    too_narrow = Signal()  # the page scrolls to the side

    def __init__(self, page: QWidget) -> None:
        super().__init__()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._page = page
        self.setWidget(page)
        page.installEventFilter(self)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the page to the new size."""
        super().resizeEvent(event)
        self._fit()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Fit the page when its contents need another minimum size."""
        if watched is self._page and event.type() == QEvent.Type.LayoutRequest:
            self._fit()
            self.updateGeometry()  # a window that follows the page's size sees only this
        return super().eventFilter(watched, event)

    def _fit(self) -> None:
        room, bar = self.maximumViewportSize(), self.verticalScrollBar().sizeHint().width()
        size = self._page_size(room)
        if size.height() > room.height():
            size = self._page_size(room - QSize(bar, 0))
        if size.width() > room.width():
            self.too_narrow.emit()
            size = self._page_size(QSize(size.width(), room.height() - bar))
        self._page.resize(size)

    def _page_size(self, room: QSize) -> QSize:
        layout = self._page.layout()
        assert layout is not None
        size = room.expandedTo(layout.totalMinimumSize())
        return size.expandedTo(QSize(0, layout.totalMinimumHeightForWidth(size.width())))
