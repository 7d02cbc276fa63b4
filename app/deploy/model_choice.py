"""Chooses a model file: one of the run's, or any other by browsing; for trying, comparing and exporting alike."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from app.icons import set_icon
from app.settings_store import open_settings_store
from app.theme import SPACING
from trainer_core.planning.recognition import WEIGHTS
from trainer_core.workspace.models import RunModel


class ModelChoice(QWidget):
    """`chosen` when the user takes one; `show_path` shows one without that. `nothing` is what None is called."""

    model_chosen = Signal(object)  # Optional[Path]

    def __init__(self, label: str, none_text: str) -> None:
        super().__init__()
        self._label, self._nothing = label, none_text
        self.box = QComboBox()
        self.box.setAccessibleName(label)
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(16)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.activated.connect(lambda index: self.model_chosen.emit(self.path))
        self.browse_button = QToolButton()
        set_icon(self.browse_button, "folder")
        self.browse_button.setAccessibleName(f"Browse for: {label}")
        self.browse_button.setToolTip("Choose any weight file (.pth, .safetensors)")
        self.browse_button.clicked.connect(self.browse)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING // 2)
        row.addWidget(self.box, 1)
        row.addWidget(self.browse_button)
        self.setFocusProxy(self.box)
        self.set_models([])

    @property
    def path(self) -> Path | None:
        """The file that is shown."""
        data = self.box.currentData()
        return Path(data) if data else None

    def set_models(self, models: Sequence[RunModel]) -> None:
        """List these; what was shown stays."""
        now = self.path
        self.box.clear()
        self.box.addItem(self._nothing, "")
        for model in models:
            self._add(model.path, f"{model.label}: {model.path.name}")
        self.show_path(now)

    def show_path(self, path: Path | None) -> None:
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
            self.model_chosen.emit(path)


def ask_for_model(parent: QWidget, title: str, start_path: Path | None = None) -> Path | None:
    """The weight file that the user picks, if any."""
    folder = str(start_path.parent) if start_path else str(open_settings_store().value("model_folder", ""))
    kinds = f"Weights ({' '.join(f'*{suffix}' for suffix in sorted(WEIGHTS))});;All files (*)"
    name, _ = QFileDialog.getOpenFileName(parent, title, folder, kinds)
    if not name:
        return None
    open_settings_store().setValue("model_folder", str(Path(name).parent))
    return Path(name)
