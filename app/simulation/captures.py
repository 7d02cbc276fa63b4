"""The row of the user's own captures below the simulated pairs, at the same pixel size."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.simulation.cells import PictureCell, to_qimage
from app.widgets.flow_layout import FlowLayout
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.theme import SPACING
from trainer_core.data.captures import Capture

MAX_CAPTURES = 48
_MAX_HEIGHT = 200  # pixels of a capture, so that the row never fills the panel
_EMPTY_TEXT = "Drop photos from your watch to compare them."


class CaptureRow(QWidget):
    """Row of the user's own captures, with buttons to add and remove some."""

    choose_requested = Signal()
    folder_requested = Signal()
    clicked = Signal(int)  # index of a capture
    remove_requested = Signal()
    calibration_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.captures: list[Capture] = []
        self.cells: list[PictureCell] = []
        self.chosen = 0  # index of the capture to compare in full size
        self._factor = 1.0
        self._title = PlainLabel()
        self._title.setWordWrap(True)
        self.choose_button = QPushButton("Add files …")
        self.choose_button.setAccessibleName("Choose photos from your watch")
        self.choose_button.setToolTip("Choose PNG, JPEG, BMP or Palm files as they came from the watch.")
        set_icon(self.choose_button, "add")
        self.choose_button.clicked.connect(lambda: self.choose_requested.emit())
        self.folder_button = QPushButton("Add folder …")
        self.folder_button.setAccessibleName("Add a folder of photos from your watch")
        tip = (
            "Show the photos of the watch in a folder and its subfolders; previews show the first twelve of your watch."
        )
        self.folder_button.setToolTip(plain_tooltip(tip))
        set_icon(self.folder_button, "folder")
        self.folder_button.clicked.connect(lambda: self.folder_requested.emit())
        self.remove_button = QPushButton("Remove")
        self.remove_button.setAccessibleName("Remove your watch photos")
        self.remove_button.setToolTip("Remove your watch photos from this view; their files are kept.")
        set_icon(self.remove_button, "close")
        self.remove_button.clicked.connect(self.remove_all)
        self.calibrate_button = QPushButton("Measure my watch …")
        tip = "Fit a camera profile to your watch photos, so that the training learns to undo what your own watch does."
        self.calibrate_button.setToolTip(plain_tooltip(tip))
        set_icon(self.calibrate_button, "try")
        self.calibrate_button.clicked.connect(lambda: self.calibration_requested.emit())
        self._lay_out()
        self._refresh()

    def _lay_out(self) -> None:
        buttons = QWidget()
        flow = FlowLayout(buttons, SPACING // 2)
        # the first one comes and goes
        for button in (self.remove_button, self.calibrate_button, self.choose_button, self.folder_button):
            flow.addWidget(button)
        head = QHBoxLayout()
        head.addWidget(self._title, 1)
        head.addWidget(buttons)
        content = QWidget()
        self._row = QHBoxLayout(content)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(SPACING)
        self._row.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setWidget(content)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING // 2)
        layout.addLayout(head)
        layout.addWidget(self._scroll)

    def add(self, captures: Sequence[Capture]) -> int:
        """Add captures, each once, and return how many exceed `MAX_CAPTURES`."""
        new: list[Capture] = []
        for capture in captures:
            if not any(_equal_captures(capture, other) for other in (*self.captures, *new)):
                new.append(capture)
        room = MAX_CAPTURES - len(self.captures)
        for capture in new[:room]:
            self._add_cell(capture)
        self._refresh()
        return max(0, len(new) - room)

    def _add_cell(self, capture: Capture) -> None:
        number = len(self.cells)
        cell = PictureCell(1)
        cell.show_pictures(capture.name, to_qimage(capture.pixels))
        cell.setToolTip(plain_tooltip(f"{capture.name}\nClick to compare at full size"))
        cell.setAccessibleName(f"Your watch photo {capture.name}")
        cell.clicked.connect(lambda: self.clicked.emit(number))
        self.captures.append(capture)
        self.cells.append(cell)
        self._row.insertWidget(self._row.count() - 1, cell)

    def set_pixel_size(self, factor: float) -> None:
        """Show each watch pixel `factor` screen pixels large, or smaller where a capture would be too tall."""
        self._factor = factor
        self._fit_cells()

    def matching_capture(self, pixels: np.ndarray) -> QImage | None:
        """Return the capture to compare with a watch photo: the chosen one, else the first, of the same size."""
        candidates = (*self.captures[self.chosen : self.chosen + 1], *self.captures)
        first = next((c for c in candidates if c.pixels.shape[:2] == pixels.shape[:2]), None)
        return None if first is None else to_qimage(first.pixels)

    def remove_all(self) -> None:
        """Remove all captures from the row."""
        for cell in self.cells:
            self._row.removeWidget(cell)
            cell.hide()
            cell.deleteLater()
        self.captures, self.cells, self.chosen = [], [], 0
        self._refresh()
        self.remove_requested.emit()

    def _refresh(self) -> None:
        has_captures = bool(self.captures)
        self._title.setText("Your watch photos" if has_captures else _EMPTY_TEXT)
        self._title.setProperty("role", "heading" if has_captures else "muted")
        self._title.style().unpolish(self._title)
        self._title.style().polish(self._title)
        self.remove_button.setVisible(has_captures)
        self._scroll.setVisible(has_captures)
        self._fit_cells()

    def _fit_cells(self) -> None:
        for capture, cell in zip(self.captures, self.cells):
            height, width = capture.pixels.shape[:2]
            cell.set_pixel_size(QSize(width, height), min(self._factor, _MAX_HEIGHT / height))
            cell.setFixedSize(cell.sizeHint())
        if self.cells:
            bar = self._scroll.horizontalScrollBar().sizeHint().height()
            self._scroll.setFixedHeight(max(cell.height() for cell in self.cells) + bar)


def _equal_captures(one: Capture, other: Capture) -> bool:
    return one.pixels.shape == other.pixels.shape and bool((one.pixels == other.pixels).all())
