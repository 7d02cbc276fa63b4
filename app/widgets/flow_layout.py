"""A row of controls that continues in the next line where there is no room, as words do in a text."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtWidgets import QLayout, QLayoutItem, QWidget


class FlowLayout(QLayout):
    """Layout of one line after the other, each filled from the left and centered on its height.

    Args:
        parent: the widget that it lays out.
        spacing: pixels between two controls, and between two lines.
    """

    def __init__(self, parent: QWidget, spacing: int) -> None:
        super().__init__(parent)
        self.setContentsMargins(0, 0, 0, 0)
        self.setSpacing(spacing)
        self._items: list[QLayoutItem] = []
        self._height = 0  # of all lines at the width of this moment

    def addItem(self, item: QLayoutItem) -> None:
        """Add an item at the end; `addWidget` calls it."""
        self._items.append(item)

    def count(self) -> int:
        """Return the number of items."""
        return len(self._items)

    def itemAt(self, index: int) -> QLayoutItem | None:
        """Return an item, None for an index that has none."""
        return self._items[index] if 0 <= index < len(self._items) else None

    def takeAt(self, index: int) -> QLayoutItem | None:
        """Remove an item and return it, None for an index that has none."""
        return self._items.pop(index) if 0 <= index < len(self._items) else None

    def expandingDirections(self) -> Qt.Orientation:
        """Return that additional room stays empty."""
        return Qt.Orientation(0)

    def hasHeightForWidth(self) -> bool:
        """Return that the height depends on the width."""
        return True

    def heightForWidth(self, width: int) -> int:
        """Return the height of all lines at a width."""
        lines = self._break_lines(width)
        return sum(map(self._line_height, lines)) + self.spacing() * max(0, len(lines) - 1)

    def sizeHint(self) -> QSize:
        """Return the width of a single line, and the height of the lines that there are."""
        items = self._visible_items()
        width = sum(item.sizeHint().width() for item in items) + self.spacing() * max(0, len(items) - 1)
        return QSize(width, max(self._height, self._line_height(items)))

    def minimumSize(self) -> QSize:
        """Return the width of the widest control, and the height of the lines that there are.

        Splitters and scroll areas ask for no height at a width, so they must know it from here.
        """
        size = QSize(0, self._height)
        for item in self._visible_items():
            size = size.expandedTo(item.minimumSize())
        return size

    def setGeometry(self, place: QRect) -> None:
        """Place the controls."""
        super().setGeometry(place)
        y = place.y()
        for line in self._break_lines(place.width()):
            x, height = place.x(), self._line_height(line)
            for item in line:
                size = item.sizeHint()
                item.setGeometry(QRect(QPoint(x, y + (height - size.height()) // 2), size))
                x += size.width() + self.spacing()
            y += height + self.spacing()
        self._set_height(max(0, y - self.spacing() - place.y()))

    def _set_height(self, height: int) -> None:
        if height != self._height:
            self._height = height
            parent = self.parentWidget()
            if parent is not None:
                parent.updateGeometry()

    def _visible_items(self) -> list[QLayoutItem]:
        return [item for item in self._items if not item.isEmpty()]

    def _break_lines(self, width: int) -> list[list[QLayoutItem]]:
        lines: list[list[QLayoutItem]] = []
        room = 0
        for item in self._visible_items():
            needed = item.sizeHint().width()
            if not lines or needed > room:
                lines.append([])
                room = width
            lines[-1].append(item)
            room -= needed + self.spacing()
        return lines

    @staticmethod
    def _line_height(line: list[QLayoutItem]) -> int:
        return max((item.sizeHint().height() for item in line), default=0)
