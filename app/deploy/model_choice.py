"""Chooses a model file: one of the run's, or any other by browsing; for trying, comparing and exporting alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Optional

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from app.icons import dress
from app.settings_store import remembered
from app.theme import SPACE
from trainer_core.planning.recognition import WEIGHTS
from trainer_core.workspace.models import RunModel


class ModelChoice(QWidget):
    """`chosen` when the user takes one; `show_path` shows one without that. `nothing` is what None is called."""

    chosen = Signal(object)  # Optional[Path]

    def __init__(self, label: str, nothing: str) -> None:
        super().__init__()
        self._label, self._nothing = label, nothing
        self.box = QComboBox()
        self.box.setAccessibleName(label)
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(16)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.activated.connect(lambda index: self.chosen.emit(self.path))
        self.browse_button = QToolButton()
        dress(self.browse_button, "folder")
        self.browse_button.setAccessibleName(f"Browse for: {label}")
        self.browse_button.setToolTip("Choose any weight file (.pth, .safetensors)")
        self.browse_button.clicked.connect(self.browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE // 2)
        row.addWidget(self.box, 1)
        row.addWidget(self.browse_button)
        self.setFocusProxy(self.box)
        self.offer([])

    @property
    def path(self) -> Optional[Path]:
        """The file that is shown."""
        data = self.box.currentData()
        return Path(data) if data else None

    def offer(self, models: Sequence[RunModel]) -> None:
        """List these; what was shown stays."""
        now = self.path
        self.box.clear()
        self.box.addItem(self._nothing, "")
        for model in models:
            self._add(model.path, f"{model.what}: {model.path.name}")
        self.show_path(now)

    def show_path(self, path: Optional[Path]) -> None:
        """Show this one, listed or not."""
        place = self.box.findData(str(path)) if path else 0
        if place < 0:
            assert path is not None
            place = self._add(path, path.name)
        self.box.setCurrentIndex(place)
        self.box.setToolTip(str(path) if path else "")

    def _add(self, path: Path, text: str) -> int:
        self.box.addItem(text, str(path))
        return self.box.count() - 1

    def browse(self) -> None:
        """Ask for a file."""
        path = ask_for_model(self, self._label, self.path)
        if path:
            self.show_path(path)
            self.chosen.emit(path)


def ask_for_model(parent: QWidget, title: str, near: Optional[Path] = None) -> Optional[Path]:
    """The weight file that the user picks, if any."""
    folder = str(near.parent) if near else str(remembered().value("model_folder", ""))
    kinds = f"Weights ({' '.join(f'*{suffix}' for suffix in sorted(WEIGHTS))});;All files (*)"
    name, _ = QFileDialog.getOpenFileName(parent, title, folder, kinds)
    if not name:
        return None
    remembered().setValue("model_folder", str(Path(name).parent))
    return Path(name)
