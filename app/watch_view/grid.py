"""The pairs in two to four columns that fill the width."""

from __future__ import annotations

from PySide6.QtCore import QSize, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QWidget

from app.theme import SPACING
from app.watch_view.cells import PictureCell, to_qimage
from trainer_core.data.frames import FrameSpec
from trainer_core.training.simulated_view import WatchPair
from trainer_core.watches import WQV1

_COLUMNS = (4, 3, 2)
_GAP = 2 * SPACING


class PairGrid(QWidget):
    """Places for pairs; says which one was clicked. `factor` is the size of a watch pixel on the screen."""

    clicked = Signal(int)
    pixel_size_changed = Signal(float)

    def __init__(self) -> None:
        super().__init__()
        self.pairs: dict[int, WatchPair] = {}
        self.cells: list[PictureCell] = []
        self.factor = 1.0
        self._spec = FrameSpec(WQV1.frame_width, WQV1.frame_height, 4)
        self._extent = QSize()  # of the largest picture; small photos fill only a part of the frame
        self._group = QButtonGroup(self)  # arrow keys move through a group by place
        self._group.setExclusive(False)
        self._group.idClicked.connect(self.clicked)

    def reset(self, count: int, spec: FrameSpec) -> None:
        """Places for `count` pairs; pictures of the same camera stay until theirs come."""
        if spec != self._spec:
            self._spec, self._extent = spec, QSize()
            for cell in self.cells:
                cell.clear()
        self.pairs = {}
        self._resize_to(count)

    def show_pair(self, index: int, pair: WatchPair) -> None:
        """Show a pair."""
        self.pairs[index] = pair
        cell = self.cells[index]
        cell.show_pictures(pair.name.rsplit("/", 1)[-1], to_qimage(pair.lr), to_qimage(pair.target))
        cell.setToolTip(f"{pair.name}\nClick to compare in full size")
        cell.setAccessibleName(f"{pair.name}: as the watch takes it, and as it should become")
        extent = self._extent.expandedTo(_size(pair))
        if extent != self._extent:
            self._extent = extent
            self._lay_out_cells()

    @property
    def _frame(self) -> QSize:
        return QSize(self._spec.frame_width, self._spec.frame_height)

    @property
    def _shown(self) -> QSize:
        return self._frame if self._extent.isEmpty() else self._extent

    def fills_frame(self, pair: WatchPair) -> bool:
        """Whether the photo fills the watch's frame."""
        return _size(pair) == self._frame

    def truncate(self, count: int) -> None:
        """There are no more than this."""
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
        self._lay_out_cells()

    def _lay_out_cells(self) -> None:
        columns = self._columns()
        width = self._cell_width(columns)
        shown = self._shown
        self.factor = PictureCell.factor_for(width, shown, 2)
        for cell in self.cells:
            cell.set_pixel_size(shown, self.factor)
        if not self.cells:
            return
        height = self.cells[0].height() + _GAP // 2
        for number, cell in enumerate(self.cells):
            cell.move(number % columns * (width + _GAP), number // columns * height)
        self.setFixedHeight(-(-len(self.cells) // columns) * height)
        self.pixel_size_changed.emit(self.factor)

    def _columns(self) -> int:
        """As many as leave each watch pixel at least one of the screen's."""
        fitting = [n for n in _COLUMNS if PictureCell.factor_for(self._cell_width(n), self._shown, 2) >= 1]
        return fitting[0] if fitting else _COLUMNS[-1]

    def _cell_width(self, columns: int) -> int:
        return (self.width() - (columns - 1) * _GAP) // columns


def _size(pair: WatchPair) -> QSize:
    height, width = pair.lr.shape[:2]
    return QSize(width, height)
