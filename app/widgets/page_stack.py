"""A stack of pages that asks for the room of the visible page, not for that of the largest one."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QStackedWidget


class PageStack(QStackedWidget):
    """Stack of pages of which a large one does not make the others scroll."""

    def __init__(self) -> None:
        super().__init__()
        self.currentChanged.connect(lambda index: self.updateGeometry())

    def minimumSizeHint(self) -> QSize:
        """Return the minimum size of the visible page."""
        page = self.currentWidget()
        return QSize() if page is None else page.minimumSizeHint()
