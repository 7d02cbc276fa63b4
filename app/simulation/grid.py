"""The grid of simulated pairs, in two to four columns that fill the width."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QWidget

from app.simulation.cells import PictureCell, to_qimage
from app.widgets.plain_text import plain_tooltip
from app.widgets.theme import SPACING
from trainer_core.data.frames import FrameSpec
from trainer_core.training.simulated_view import WatchPair
from trainer_core.watches import WQV1

_COLUMNS = (4, 3, 2)
_GAP = 2 * SPACING


class PairGrid(QWidget):
    """Grid with one cell per pair; `factor` is the size of a watch pixel in screen pixels."""

    clicked = Signal(int)  # index of a pair
    pixel_size_changed = Signal(float)  # `factor`

    def __init__(self) -> None:
        super().__init__()
        self.pairs: dict[int, WatchPair] = {}
        self.cells: list[PictureCell] = []
        self.factor = 1.0
        self._spec = FrameSpec(WQV1.frame_width, WQV1.frame_height, 4)
        self._max_size = QSize()  # of the watch photos, in their pixels; small ones fill only a part of the frame
        self._group = QButtonGroup(self)  # arrow keys move through a group by position
        self._group.setExclusive(False)
        self._group.idClicked.connect(self.clicked)

    def reset(self, count: int, spec: FrameSpec) -> None:
        """Prepare `count` cells; for the same frame size, the old images stay visible until new ones replace them."""
        if spec != self._spec:
            self._spec, self._max_size = spec, QSize()
            for cell in self.cells:
                cell.clear()
        self.pairs = {}
        self._resize_to(count)

    def show_pair(self, index: int, pair: WatchPair) -> None:
        """Show a pair in the cell `index`."""
        self.pairs[index] = pair
        cell = self.cells[index]
        cell.show_pictures(pair.name.rsplit("/", 1)[-1], to_qimage(pair.lr), to_qimage(pair.target))
        cell.setToolTip(plain_tooltip(f"{pair.name}\nClick to compare at full size"))
        cell.setAccessibleName(f"{pair.name}: watch photo (LR) and original (HR)")
        max_size = self._max_size.expandedTo(_lr_size(pair))
        if max_size != self._max_size:
            self._max_size = max_size
            self._lay_out_cells()

    @property
    def _frame_size(self) -> QSize:
        return QSize(self._spec.frame_width, self._spec.frame_height)

    @property
    def _slot_size(self) -> QSize:
        return self._frame_size if self._max_size.isEmpty() else self._max_size

    def fills_frame(self, pair: WatchPair) -> bool:
        """Whether the photo fills the watch's frame."""
        return _lr_size(pair) == self._frame_size

    def truncate(self, count: int) -> None:
        """Remove the cells beyond the first `count`."""
        self._resize_to(count)

    def _resize_to(self, count: int) -> None:
        while len(self.cells) > count:
            cell = self.cells.pop()
            self._group.removeButton(cell)
            cell.hide()
            cell.deleteLater()
        while len(self.cells) < count:
            cell = PictureCell(2, self)
            cell.show()
            self._group.addButton(cell, len(self.cells))
            self.cells.append(cell)
        self._lay_out_cells()

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lay out the cells for the new width."""
        self._lay_out_cells()

    def _lay_out_cells(self) -> None:
        columns = self._count_columns()
        width = self._cell_width(columns)
        size = self._slot_size
        self.factor = PictureCell.factor_for(width, size, 2)
        for cell in self.cells:
            cell.set_pixel_size(size, self.factor)
        if not self.cells:
            return
        height = self.cells[0].height() + _GAP // 2
        for number, cell in enumerate(self.cells):
            cell.move(number % columns * (width + _GAP), number // columns * height)
        self.setFixedHeight(-(-len(self.cells) // columns) * height)
        self.pixel_size_changed.emit(self.factor)

    def _count_columns(self) -> int:
        """Return the largest number of columns at which a watch pixel is at least one screen pixel large."""
        fitting = [n for n in _COLUMNS if PictureCell.factor_for(self._cell_width(n), self._slot_size, 2) >= 1]
        return fitting[0] if fitting else _COLUMNS[-1]

    def _cell_width(self, columns: int) -> int:
        return (self.width() - (columns - 1) * _GAP) // columns


def _lr_size(pair: WatchPair) -> QSize:
    height, width = pair.lr.shape[:2]
    return QSize(width, height)
