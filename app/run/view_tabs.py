"""The tabs with the views of a run, and beside them the way to enlarge photos, which needs no run."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QTabWidget, QWidget

from app.widgets.buttons import make_button

_ENLARGE = "Enlarge photos …"
_ICON_WIDTH = 48  # pixels of the button without its text


class ViewTabs(QTabWidget):
    """Tabs with a button in their corner.

    Args:
        pages: each view with the title of its tab.
    """

    enlarging_requested = Signal()
    too_narrow = Signal()  # the button has no text

    def __init__(self, pages: Sequence[tuple[QWidget, str]]) -> None:
        super().__init__()
        self.setDocumentMode(True)
        self.setAccessibleName("Views of the run")
        for page, title in pages:
            self.addTab(page, title)
        tip = "Enlarge photos from your watch with a built-in model, or with any other one."
        self._button = make_button(_ENLARGE, "picture", self.enlarging_requested.emit, tip=tip)
        self._button.setAccessibleName(_ENLARGE)
        self.setCornerWidget(self._button)
        self._full_width = self._button.sizeHint().width()

    def minimumSizeHint(self) -> QSize:
        """Return the size with the icon of the button alone."""
        size, has_text = super().minimumSizeHint(), bool(self._button.text())
        return QSize(size.width() - (self._full_width - _ICON_WIDTH) * has_text, size.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Show the text of the button where the tabs leave room for it."""
        if self._button.text():
            self._full_width = self._button.sizeHint().width()
        self._button.setText("" if self.lacking else _ENLARGE)
        super().resizeEvent(event)
        if self.lacking:
            self.too_narrow.emit()

    @property
    def lacking(self) -> int:
        """The pixels that are missing for the text of the button."""
        return max(0, self.tabBar().sizeHint().width() + self._full_width - self.width())
