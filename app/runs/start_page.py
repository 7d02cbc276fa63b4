"""The start page, shown before the first run: two doors, enlarging and training, and the recent work below."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.runs.door import Door
from app.runs.recent_work import RecentWork
from app.system.background import Background
from app.widgets.flow_layout import FlowLayout
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel
from app.widgets.side_by_side import SideBySide
from app.widgets.theme import SPACING

_WIDTH = 860  # pixels
_ENLARGING = "Choose or drop photos from your watch to see and save them enlarged, without any training."
_TRAINING = "Choose or drop a folder of ordinary, sharp photos to train a network for the photos of your watch."


class StartPage(QWidget):
    """Page with two doors and the table of recent work."""

    enlarging_requested = Signal()
    photos_requested = Signal()
    demo_requested = Signal()
    dropped_to_enlarge = Signal(list)  # of paths
    dropped_to_train = Signal(list)  # of paths

    def __init__(self, background: Background) -> None:
        super().__init__()
        self.recent_work = RecentWork(background)
        self.enlarge_button = QPushButton("Enlarge photos …")
        self.enlarge_button.setProperty("role", "primary")
        set_icon(self.enlarge_button, "picture", "on_accent")
        self.enlarge_button.clicked.connect(lambda: self.enlarging_requested.emit())
        self.train_button = QPushButton("Choose photos …")
        set_icon(self.train_button, "folder", "accent")
        self.train_button.clicked.connect(lambda: self.photos_requested.emit())
        self.demo_button = QPushButton("Try the two-minute demo")
        self.demo_button.setProperty("role", "link")
        self.demo_button.setAutoDefault(True)  # Enter presses it, as Space does
        self.demo_button.setToolTip("Train on built-in scenes to see how a training works.")
        self.demo_button.clicked.connect(lambda: self.demo_requested.emit())
        content = QWidget()
        content.setMaximumWidth(_WIDTH)
        self._build(QVBoxLayout(content))
        row = QHBoxLayout(self)
        row.addStretch(1)
        row.addWidget(content, 100)
        row.addStretch(1)
        self.refresh()

    def _build(self, layout: QVBoxLayout) -> None:
        layout.setSpacing(2 * SPACING)
        enlarging = Door(
            "Enlarge my watch photos",
            _ENLARGING,
            "enlarge.png",
            "A watch photo on the left, the same photo enlarged on the right",
        )
        enlarging.add_buttons(self.enlarge_button)
        enlarging.files_dropped.connect(self.dropped_to_enlarge)
        training = Door(
            "Train a model for my watch",
            _TRAINING,
            "train.png",
            "A sharp scene, the synthetic watch photo of it, and what a network makes of that",
        )
        training.add_buttons(self.train_button)
        training.files_dropped.connect(self.dropped_to_train)
        doors = SideBySide(2 * SPACING)
        doors.add(enlarging)
        doors.add(training)
        layout.addStretch(1)
        demo = QWidget()
        line = FlowLayout(demo, 0)
        question = PlainLabel("No photos at hand?")
        question.setProperty("role", "muted")
        line.addWidget(question)
        line.addWidget(self.demo_button)
        layout.addWidget(doors)
        layout.addWidget(demo)
        layout.addWidget(self.recent_work)
        layout.addStretch(2)

    def refresh(self) -> None:
        """Read the recent work again."""
        self.recent_work.refresh()
