"""The tab "What the watch sees": the pairs, one of them in full size, and the user's own captures below.

Takes photos of a watch that are dropped on it; whatever else is dropped is left to the window.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from PySide6.QtCore import QMimeData, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QScrollArea,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.background import Background
from app.drops import paths_of
from app.file_filters import offering
from app.icons import dress, pixmap
from app.theme import SPACE, colours, theme
from app.watch_view.captures import MOST, CaptureRow
from app.watch_view.grid import PairGrid
from app.watch_view.pair_page import LargePair
from app.watch_view.simulator import PairMaker
from trainer_core.data.captures import CAPTURE_SUFFIXES, Capture, read_captures
from trainer_core.errors import UserError
from trainer_core.planning.recognition import WEIGHTS
from trainer_core.training.simulated_view import COUNT, WatchCamera, WatchPair

_LEGEND = "Left as the watch takes it, right what the network learns to make of it."
_PARTLY = "Small photos fill only a part of the frame."
_MOST_TOLD = 3
_Unread = list[tuple[Path, UserError]]


class WatchView(QWidget):
    """Shows what a `PairMaker` makes. `told` is for the message strip, `left_over` for the window's own drops."""

    told = Signal(str, str)  # level, text
    left_over = Signal(object)  # list of paths
    dropped = Signal(object)  # list of paths with captures

    def __init__(self, maker: PairMaker, background: Background) -> None:
        super().__init__()
        self._maker, self._background = maker, background
        self._reads = 0
        self._open = -1  # the pair in full size
        self.grid, self.large, self.row = PairGrid(), LargePair(), CaptureRow()
        self.others_button = QPushButton("Show others")
        self.others_button.setToolTip("Other photos, and other accidents of the camera")
        dress(self.others_button, "others")
        self.setAcceptDrops(True)
        self._lay_out()
        self._connect()
        self._show_reason(maker.reason)

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._pages = QStackedWidget()
        for page in (self._empty_page(), self._grid_page(), self.large):
            self._pages.addWidget(page)
        line = QFrame()
        line.setProperty("role", "line")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addWidget(self._pages, 1)
        layout.addWidget(line)
        layout.addWidget(self.row)

    def _empty_page(self) -> QWidget:
        page = QWidget()
        self._sign, self._reason = QLabel(), QLabel()
        self._reason.setWordWrap(True)
        self._reason.setProperty("role", "muted")
        layout = QVBoxLayout(page)
        layout.setSpacing(2 * SPACE)
        layout.addStretch(1)
        for label in (self._sign, self._reason):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(label)
        layout.addStretch(1)
        theme().changed.connect(self._tint)
        self._tint()
        return page

    def _tint(self) -> None:
        self._sign.setPixmap(pixmap("preview", colours().muted, 40))

    def _grid_page(self) -> QWidget:
        page = QWidget()
        self._title, self._legend = QLabel(), QLabel(_LEGEND)
        self._title.setProperty("role", "heading")
        self._legend.setProperty("role", "muted")
        self._legend.setWordWrap(True)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self._title)
        words.addWidget(self._legend)
        head = QHBoxLayout()
        head.addLayout(words, 1)
        head.addWidget(self.others_button, 0, Qt.AlignmentFlag.AlignTop)
        scroll = QScrollArea()
        scroll.setWidget(self.grid)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)  # else the columns would jump
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addLayout(head)
        layout.addWidget(scroll, 1)
        return page

    def _connect(self) -> None:
        self._maker.began.connect(self._begin)
        self._maker.made.connect(self._put)
        self._maker.ended.connect(self._end)
        self._maker.failed.connect(self._show_reason)
        self.others_button.clicked.connect(lambda: self._maker.others())
        self.grid.clicked.connect(self.open_pair)
        self.grid.fitted.connect(self.row.fit)
        self.large.back.connect(self.close_pair)
        self.large.step.connect(self._step)
        self.row.choose.connect(self._choose)
        self.row.clicked.connect(self._open_beside)
        self.row.removed.connect(self._show_open_pair)

    # -- pairs ---------------------------------------------------------------------------------

    def _begin(self, camera: WatchCamera) -> None:
        self.grid.prepare(COUNT, camera.spec)
        self._title.setText(camera.description)
        self._legend.setText(_LEGEND)
        if self._pages.currentIndex() == 0:
            self._pages.setCurrentIndex(1)

    def _put(self, place: int, pair: WatchPair) -> None:
        self.grid.put(place, pair)
        if not self.grid.is_whole(pair):
            self._legend.setText(f"{_LEGEND} {_PARTLY}")
        if place == self._open:
            self._show_open_pair()

    def _end(self, count: int) -> None:
        self.grid.keep(count)
        if self._open >= count:
            self.close_pair()
        if count == 0:
            self._show_reason("None of these photos can be read.")

    def _show_reason(self, reason: str) -> None:
        self._open = -1
        self._reason.setText(reason)
        self._pages.setCurrentIndex(0)

    @property
    def reason(self) -> str:
        """What stands where the pairs would be, "" if they are there."""
        return self._reason.text() if self._pages.currentIndex() == 0 else ""

    def set_idle(self, idle: bool) -> None:
        """Other pictures can be asked for while nothing trains."""
        self.others_button.setEnabled(idle)
        self._maker.set_idle(idle)

    def open_pair(self, place: int) -> None:
        """Show one in full size."""
        if place in self.grid.pairs:
            self._open = place
            self._pages.setCurrentWidget(self.large)
            self._show_open_pair()
            self.large.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_pair(self) -> None:
        """Back to all of them."""
        before, self._open = self._open, -1
        self._pages.setCurrentIndex(1)
        if 0 <= before < len(self.grid.cells):
            self.grid.cells[before].setFocus(Qt.FocusReason.OtherFocusReason)

    def _step(self, by: int) -> None:
        if self._open in self.grid.pairs:
            places = sorted(self.grid.pairs)
            self.open_pair(places[(places.index(self._open) + by) % len(places)])

    def _show_open_pair(self) -> None:
        pair = self.grid.pairs.get(self._open)
        if pair is not None:
            self.large.show_pair(pair, self.row.like(pair.lr))

    def _open_beside(self, capture: int) -> None:
        """Show a capture in full size, beside the pair looked at last."""
        self.row.chosen = capture
        self.open_pair(max(0, self._open))

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._maker.set_in_sight(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._maker.set_in_sight(False)

    # -- captures ------------------------------------------------------------------------------

    def add_captures(self, paths: Sequence[Path]) -> None:
        """Show the watch photos in these files; what cannot be read is told."""
        self._read(paths, self._tell)

    def _tell(self, unread: _Unread) -> None:
        if unread:
            self.told.emit("error", "\n".join(error.message for _, error in unread[:_MOST_TOLD]))

    def _choose(self) -> None:
        kinds = offering("Watch photos", CAPTURE_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self, "Photos from your watch", "", kinds)
        if names:
            self.add_captures([Path(name) for name in names])

    def _read(self, paths: Sequence[Path], done: Callable[[_Unread], object]) -> None:
        self._reads += 1  # each its own job: a second drop does not replace the first

        def show(found: tuple[list[Capture], _Unread]) -> None:
            captures, unread = found
            if self.row.add(captures):
                self.told.emit("info", f"The first {MOST} captures are shown.")
            self._show_open_pair()
            done(unread)

        def escaped(error: Exception) -> None:
            raise error

        self._background.run(f"captures {self._reads}", lambda: _read_all(paths), show, escaped)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _may_be_captures(event.mimeData()):
            event.acceptProposedAction()
        else:
            event.ignore()  # the window knows what to do

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        paths = paths_of(event.mimeData())
        self._read(paths, lambda unread: self._hand_on(paths, [path for path, _ in unread]))

    def _hand_on(self, paths: Sequence[Path], unread: Sequence[Path]) -> None:
        """Watch photos can be used elsewhere too; the rest is for the window alone."""
        captures = [path for path in paths if path not in unread]
        if captures:
            self.dropped.emit(captures)
        if unread:
            self.left_over.emit(list(unread))


def _may_be_captures(data: QMimeData) -> bool:
    """Whether all are files that a watch photo could be in."""
    paths = paths_of(data)
    return bool(paths) and all(path.is_file() and path.suffix.lower() not in WEIGHTS for path in paths)


def _read_all(paths: Sequence[Path]) -> tuple[list[Capture], _Unread]:
    captures: list[Capture] = []
    unread: _Unread = []
    for path in paths:
        try:
            captures += read_captures(path)
        except UserError as error:
            unread.append((path, error))
    return captures, unread
