"""The previews of a run: which picture, how compared, and a slider back through the earlier ones on disk."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QComboBox, QHBoxLayout, QLabel, QPushButton, QSlider, QVBoxLayout, QWidget

from app.preview.compare import BESIDE, MODES, SLIDER, CompareView
from app.preview.pictures import Pictures, from_sample, from_strip, strips
from app.theme import SPACE
from trainer_core.events import PreviewReady

_KEY_OF = {SLIDER: "S", BESIDE: "B", "LR": "1", "SR": "2", "HR": "3", "Bicubic": "4"}


class PreviewPanel(QWidget):
    """Hears every event of a run; `load` shows the previews that lie in a folder."""

    def __init__(self) -> None:
        super().__init__()
        self.view = CompareView()
        self._live: list[Pictures] = []  # the newest step
        self._strips: dict[int, list[Path]] = {}
        self._lay_out()
        self.view.mode_changed.connect(self._show_mode)
        self._show_mode(self.view.mode)
        self._refresh()

    def _lay_out(self) -> None:
        self._caption = QLabel()
        self._caption.setProperty("role", "muted")
        self._which = QComboBox()
        self._which.setAccessibleName("Preview picture")
        self._which.setMinimumWidth(110)
        self._which.currentIndexChanged.connect(self._show)
        self._against = QComboBox()
        self._against.setAccessibleName("Left of the slider")
        self._against.addItems(["Bicubic", "LR", "HR"])
        self._against.currentTextChanged.connect(self.view.set_left)
        self._time = QSlider(Qt.Orientation.Horizontal)
        self._time.setAccessibleName("Earlier previews")
        self._time.setToolTip("Earlier previews of this run")
        self._time.valueChanged.connect(self._show)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACE // 2)
        layout.addLayout(self._tools())
        layout.addWidget(self.view, 1)
        below = QHBoxLayout()
        below.addWidget(self._caption, 1)
        below.addWidget(self._time, 1)
        layout.addLayout(below)

    def _tools(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE // 2)
        self._modes = QButtonGroup(self)
        for number, mode in enumerate(MODES):
            button = QPushButton(mode)
            button.setCheckable(True)
            button.setToolTip(f"{mode} (key {_KEY_OF[mode]})")
            self._modes.addButton(button, number)
            row.addWidget(button)
        self._modes.idClicked.connect(lambda number: self.view.set_mode(MODES[number]))
        row.addStretch(1)
        row.addWidget(self._against)
        row.addWidget(self._which)
        return row

    # -- content -------------------------------------------------------------------------------

    def hear(self, event: object) -> None:
        """Show a new preview, unless an earlier one is looked at."""
        if not isinstance(event, PreviewReady) or not event.samples:
            return
        newest = self._time.value() == self._time.maximum()
        self._live = [from_sample(event.step, sample) for sample in event.samples]
        self._strips[event.step] = [Path(file) for file in event.files]
        self._refresh(stay=not newest)

    def load(self, folder: Path) -> None:
        """Show what lies there, the newest first."""
        self._live = []
        self._strips = strips(folder)
        self._refresh()

    def clear(self) -> None:
        """No previews."""
        self._live, self._strips = [], {}
        self._refresh()

    def _refresh(self, *, stay: bool = False) -> None:
        self._time.blockSignals(True)
        self._time.setRange(0, max(0, len(self._strips) - 1))
        if not stay:
            self._time.setValue(self._time.maximum())
        self._time.blockSignals(False)
        self._time.setVisible(len(self._strips) > 1)
        count = max((len(files) for files in self._strips.values()), default=0)
        names = [p.name for p in self._live] or [f"picture {number}" for number in range(1, count + 1)]
        if names != [self._which.itemText(i) for i in range(self._which.count())]:
            self._which.blockSignals(True)
            now = max(0, self._which.currentIndex())
            self._which.clear()
            self._which.addItems(names)
            self._which.setCurrentIndex(min(now, len(names) - 1))
            self._which.blockSignals(False)
        self._which.setVisible(len(names) > 1)
        self._show()

    def _show(self) -> None:
        pictures = self._pictures()
        self.view.show_pictures(pictures)
        self._caption.setText(pictures.caption() if pictures else "")

    def _pictures(self) -> Pictures | None:
        steps = sorted(self._strips)
        number = max(0, self._which.currentIndex())
        if not steps:
            return None
        step = steps[min(self._time.value(), len(steps) - 1)]
        if self._live and self._live[0].step == step:
            return self._live[min(number, len(self._live) - 1)]
        files = self._strips[step]
        return from_strip(files[min(number, len(files) - 1)]) if files else None

    def _show_mode(self, mode: str) -> None:
        self._modes.button(MODES.index(mode)).setChecked(True)
        self._against.setVisible(mode == SLIDER)
