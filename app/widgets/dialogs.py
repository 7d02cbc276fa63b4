"""Base class of the dialogs: never lower than their texts need, never larger than their screen, where they scroll."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QDialog, QLayout, QVBoxLayout, QWidget

from app.widgets.placement import fit_size
from app.widgets.scrolling_page import ScrollingPage


class Dialog(QDialog):
    """Dialog whose minimum height follows its contents.

    Qt's own minimum ignores how texts wrap at the present width, and a dialog that was sized before its layout was
    complete would stay as low as it was.

    Attributes:
        contents: the widget whose layout holds the fields.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.contents = QWidget()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(ScrollingPage(self.contents))

    def open_and_delete(self) -> None:
        """Open the dialog, which is deleted when it closes."""
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.open()

    def minimumSizeHint(self) -> QSize:
        """Return the smallest size that shows all fields and all lines of wrapped texts."""
        layout = self._fields()
        hint = layout.totalMinimumSize()
        width = max(self.width(), hint.width(), self.minimumWidth())
        return hint.expandedTo(QSize(0, layout.totalHeightForWidth(width)))  # -1 where no text wraps

    def sizeHint(self) -> QSize:
        """Return the preferred size, at least `minimumSizeHint`."""
        return self._fields().totalSizeHint().expandedTo(self.minimumSizeHint())

    def _fields(self) -> QLayout:
        layout = self.contents.layout()
        assert layout is not None
        return layout

    def showEvent(self, event: QShowEvent) -> None:
        """Fit the dialog; sizes of icons and bold texts are known only now."""
        super().showEvent(event)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Fit the height to how the texts wrap at the new width."""
        super().resizeEvent(event)
        self._fit()

    def event(self, event: QEvent) -> bool:
        """Fit the dialog after a text has changed or a field has appeared."""
        handled = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:
            self._fit()
        return handled

    def _fit(self) -> None:
        least = fit_size(self.minimumSizeHint().expandedTo(QSize(self.minimumWidth(), 0)), self.screen())
        self.setMinimumSize(least)
        fitted = fit_size(self.size(), self.screen()).expandedTo(least)
        if fitted != self.size():
            self.resize(fitted)
