"""The page that shows one pair in full size, beside one of the user's captures."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.preview.compare import FLIP_KEYS, SIDE_BY_SIDE, SLIDER, CompareView
from app.preview.mode_buttons import ModeButtons
from app.preview.pictures import HR, LR, Pictures
from app.simulation.cells import to_qimage
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.theme import SPACING
from trainer_core.training.simulated_view import WatchPair

CAPTURE = "Your watch photo"


class PairCompare(CompareView):
    """View of a watch photo and its target, and of a capture if there is one of the same size."""

    EMPTY_TEXT = ""
    right_view = HR
    offers_cut_outs = False

    def __init__(self) -> None:
        super().__init__()
        self.left = LR
        self.mode = SIDE_BY_SIDE
        self.views = self.side_by_side_views = (LR, HR)
        self.setAccessibleName("Synthetic watch photo and original")
        self.setAccessibleDescription(
            f"Keys: 1 watch photo, 2 original, S slider, B side by side, {FLIP_KEYS}, F full screen, "
            "+ and - zoom, 0 fits, arrows move, N and P other pairs, Page Up and Page Down as well, Escape back."
        )

    def show_pair(self, pair: WatchPair, capture: QImage | None) -> None:
        """Show a pair and leave zoom and center unchanged; a capture of another size is not shown."""
        watch, target = to_qimage(pair.lr), to_qimage(pair.target)
        # Enlarged to the target's size, so that fitting the images into the view leaves hard edges.
        images = {LR: watch.scaled(target.size()), HR: target}
        if capture is not None and capture.size() == watch.size():
            images[CAPTURE] = capture.scaled(target.size())
        self.views = self.side_by_side_views = tuple(images)
        if self.mode not in (SLIDER, SIDE_BY_SIDE, *self.views):
            self.set_mode(SIDE_BY_SIDE)
        self.show_pictures(Pictures(0, pair.name, images))


class PairPage(QWidget):
    """Page that a click on a pair opens, with buttons for the modes and for the previous and next pair."""

    back_requested = Signal()
    step_requested = Signal(int)  # -1: previous pair, 1: next pair

    def __init__(self) -> None:
        super().__init__()
        self.view = PairCompare()
        self.view.neighbor_requested.connect(self.step_requested)
        self.back_button = QPushButton("All pairs")
        self.back_button.setToolTip("Go back to all pairs (Escape).")
        set_icon(self.back_button, "back")
        self.back_button.clicked.connect(lambda: self.back_requested.emit())
        self._name = PlainLabel()
        self._name.setProperty("role", "muted")
        self.mode_buttons = ModeButtons(self.view, (LR, HR, CAPTURE))
        self._lay_out()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(SPACING // 2)
        row.addWidget(self.back_button)
        row.addSpacing(2 * SPACING)
        row.addWidget(self.mode_buttons)
        row.addStretch(1)
        for text, icon, offset in (("Previous pair", "previous", -1), ("Next pair", "next", 1)):
            row.addWidget(self._make_step_button(text, icon, offset))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(row)
        layout.addWidget(self.view, 1)
        layout.addWidget(self._name)

    def _make_step_button(self, text: str, icon: str, offset: int) -> QToolButton:
        button = QToolButton()
        button.setAccessibleName(text)
        button.setToolTip(plain_tooltip(f"{text} (Page Up)" if offset < 0 else f"{text} (Page Down)"))
        set_icon(button, icon)
        button.clicked.connect(lambda: self.step_requested.emit(offset))
        return button

    def show_pair(self, pair: WatchPair, capture: QImage | None) -> None:
        """Show a pair, and a capture if it has the same size."""
        self.view.show_pair(pair, capture)
        self._name.setText(pair.name)
        self.mode_buttons.set_views(self.view.views)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Go back with Escape, and to another pair with Page Up and Page Down."""
        steps = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.back_requested.emit()
        elif key in steps:
            self.step_requested.emit(steps[key])
        else:
            super().keyPressEvent(event)
