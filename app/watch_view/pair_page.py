"""One pair in full size, with the captures of the user beside it."""

from __future__ import annotations

from typing import Optional

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QImage, QKeyEvent
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from app.icons import dress
from app.preview.compare import BESIDE, SLIDER, CompareView
from app.preview.mode_buttons import ModeButtons
from app.preview.pictures import Pictures
from app.theme import SPACE
from app.watch_view.cells import image
from trainer_core.training.simulated_view import WatchPair

WATCH, TARGET, CAPTURE = "Watch", "Target", "Your capture"


class PairCompare(CompareView):
    """Watch photo and target; a capture as the third picture where there is one of the same size."""

    EMPTY = ""
    right = TARGET

    def __init__(self) -> None:
        super().__init__()
        self.left = WATCH
        self.mode = BESIDE
        self.views = self.beside = (WATCH, TARGET)
        self.setAccessibleName("Watch photo and target")
        self.setAccessibleDescription(
            "Keys: 1 watch photo, 2 target, S slider, B side by side, plus and minus zoom, 0 fit, arrows move, "
            "Page Up and Page Down other pictures, Escape back."
        )

    def show_pair(self, pair: WatchPair, capture: Optional[QImage]) -> None:
        """Show these; zoom and place stay."""
        watch, target = image(pair.lr), image(pair.target)
        images = {
            WATCH: watch.scaled(target.size()),
            TARGET: target,
        }  # enlarged here, so that fitting leaves hard edges
        if capture is not None and capture.size() == watch.size():
            images[CAPTURE] = capture.scaled(target.size())
        self.views = self.beside = tuple(images)
        if self.mode not in (SLIDER, BESIDE, *self.views):
            self.set_mode(BESIDE)
        self.show_pictures(Pictures(0, pair.name, images))


class LargePair(QWidget):
    """The page behind a click on a pair."""

    back = Signal()
    step = Signal(int)  # to another pair

    def __init__(self) -> None:
        super().__init__()
        self.view = PairCompare()
        self.back_button = QPushButton("All pictures")
        self.back_button.setToolTip("Back to all pictures (Escape)")
        dress(self.back_button, "back")
        self.back_button.clicked.connect(lambda: self.back.emit())
        self._name = QLabel()
        self._name.setProperty("role", "muted")
        self.mode_buttons = ModeButtons(self.view, (WATCH, TARGET, CAPTURE))
        self._lay_out()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(SPACE // 2)
        row.addWidget(self.back_button)
        row.addSpacing(2 * SPACE)
        row.addWidget(self.mode_buttons)
        row.addStretch(1)
        for text, name, by in (("Previous picture", "previous", -1), ("Next picture", "next", 1)):
            row.addWidget(self._stepper(text, name, by))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE)
        layout.addLayout(row)
        layout.addWidget(self.view, 1)
        layout.addWidget(self._name)

    def _stepper(self, text: str, icon: str, by: int) -> QToolButton:
        button = QToolButton()
        button.setAccessibleName(text)
        button.setToolTip(f"{text} (Page {'Up' if by < 0 else 'Down'})")
        dress(button, icon)
        button.clicked.connect(lambda: self.step.emit(by))
        return button

    def show_pair(self, pair: WatchPair, capture: Optional[QImage]) -> None:
        """Show a pair in full size."""
        self.view.show_pair(pair, capture)
        self._name.setText(pair.name)
        self.mode_buttons.offer(self.view.views)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        steps = {Qt.Key.Key_PageUp: -1, Qt.Key.Key_PageDown: 1}
        key = Qt.Key(event.key())
        if key == Qt.Key.Key_Escape:
            self.back.emit()
        elif key in steps:
            self.step.emit(steps[key])
        else:
            super().keyPressEvent(event)
