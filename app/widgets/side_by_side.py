"""Widgets beside each other, or below each other where they have no room for that."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QWidget

_ROW, _COLUMN = QBoxLayout.Direction.LeftToRight, QBoxLayout.Direction.TopToBottom


class SideBySide(QWidget):
    """Row of widgets, which becomes a column where it is narrower than they need.

    Args:
        spacing: pixels between two widgets.
        is_whole: whether they need the width that they prefer, instead of their minimum.
    """

    too_narrow = Signal()  # it has become a column

    def __init__(self, spacing: int, *, is_whole: bool = False) -> None:
        super().__init__()
        self._is_whole = is_whole
        self._box = QBoxLayout(_ROW, self)
        self._box.setContentsMargins(0, 0, 0, 0)
        self._box.setSpacing(spacing)

    def add(self, widget: QWidget, stretch: int = 1) -> None:
        """Add a widget at the end, with its share of the width that is left."""
        self._box.addWidget(widget, stretch)

    def minimumSizeHint(self) -> QSize:
        """Return the width of the widest widget, and the height that they need as they stand."""
        return QSize(max(map(_min_width, self._widgets()), default=0), self._box.totalMinimumSize().height())

    def hasHeightForWidth(self) -> bool:
        """Whether the height depends on the width: that of a widget does."""
        return self._box.hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        """Return the height at a width; both in pixels."""
        widgets = self._widgets()
        if not self._is_row(width):
            return sum(_height(each, width) for each in widgets) + self._box.spacing() * (len(widgets) - 1)
        room = (width - self._box.spacing() * (len(widgets) - 1)) // max(1, len(widgets))
        heights = (each.sizeHint().height() if self._is_whole else _height(each, room) for each in widgets)
        return max(heights, default=0)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Put the widgets beside or below each other."""
        super().resizeEvent(event)
        self._choose_direction()

    def event(self, event: QEvent) -> bool:
        """Choose again when a widget needs another width, or appears."""
        if event.type() == QEvent.Type.LayoutRequest:
            self._choose_direction()
        return super().event(event)

    def _choose_direction(self) -> None:
        direction = _ROW if self._is_row(self.width()) else _COLUMN
        if direction != self._box.direction():
            self._box.setDirection(direction)
            self.updateGeometry()
            if direction is _COLUMN:
                self.too_narrow.emit()

    @property
    def lacking(self) -> int:
        """The pixels that are missing for a row."""
        return max(0, self._row_width() - self.width())

    def _is_row(self, width: int) -> bool:
        return self._row_width() <= width

    def _row_width(self) -> int:
        widgets = self._widgets()
        needed = sum(each.sizeHint().width() if self._is_whole else _min_width(each) for each in widgets)
        return needed + self._box.spacing() * (len(widgets) - 1)

    def _widgets(self) -> list[QWidget]:
        items = (self._box.itemAt(index) for index in range(self._box.count()))
        widgets = (item.widget() for item in items if item is not None)
        return [widget for widget in widgets if widget is not None and not widget.isHidden()]


def _min_width(widget: QWidget) -> int:
    return max(widget.minimumSizeHint().width(), widget.minimumWidth())


def _height(widget: QWidget, width: int) -> int:
    return widget.heightForWidth(width) if widget.hasHeightForWidth() else widget.minimumSizeHint().height()
