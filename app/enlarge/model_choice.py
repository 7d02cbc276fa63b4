"""A field to choose a model of a run or any other weight file; the trial and the export dialog use it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QFileDialog, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from app.enlarge.named_model import NamedModel, name_file
from app.widgets.file_filters import DOCUMENTS, start_folder, store_folder
from app.widgets.icons import set_icon
from app.widgets.plain_text import plain_tooltip, visible
from app.widgets.theme import SPACING
from trainer_core.planning.recognition import WEIGHTS

_FOLDER = "model_folder"
_MAX_VISIBLE = 20  # models; a longer list scrolls
_BUILT_IN = "built-in"  # data of the entry for the built-in models


class ModelChoice(QWidget):
    """Combo box of model files with a browse button.

    Args:
        label: accessible name of the field and title of the file dialog.
        none_text: the entry that stands for no model.
        offers_built_in: whether there is an entry for the built-in model that suits each photo.
    """

    model_chosen = Signal(object)  # Path | None, by the user; `show_path` does not emit it
    built_in_chosen = Signal()

    def __init__(self, label: str, none_text: str, *, offers_built_in: bool = False) -> None:
        super().__init__()
        self._label, self._none_text, self._offers_built_in = label, none_text, offers_built_in
        self._groups: list[Sequence[NamedModel]] = []
        self._models: dict[Path, NamedModel] = {}  # that are listed
        self._preferred: tuple[int, str] | None = None  # scale and watch of the models that are listed first
        self.box = QComboBox()
        self.box.setAccessibleName(label)
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(16)
        self.box.setMaxVisibleItems(_MAX_VISIBLE)
        self.box.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.box.activated.connect(lambda index: self._on_activated())
        self.browse_button = QToolButton()
        set_icon(self.browse_button, "folder")
        self.browse_button.setAccessibleName(f"Browse for a file: {label}")
        self.browse_button.setToolTip("Choose any weight file (.pth, .safetensors).")
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
        """The chosen file, None if there is none."""
        data = self.box.currentData()
        return Path(data) if data and data != _BUILT_IN else None

    @property
    def is_built_in(self) -> bool:
        """Whether the built-in model that suits each photo is chosen."""
        return bool(self.box.currentData() == _BUILT_IN)

    def _on_activated(self) -> None:
        if self.is_built_in:
            self.built_in_chosen.emit()
        else:
            self.model_chosen.emit(self.path)

    def set_models(self, *groups: Sequence[NamedModel]) -> None:
        """List these models, with a line between groups; the chosen file stays chosen."""
        self._groups = list(groups)
        self._list_models()

    def prefer(self, scale: int, watch: str) -> None:
        """List the models that fit this scale and watch before the others.

        A file whose scale or watch is unknown fits.
        """
        if self._preferred != (scale, watch):
            self._preferred = scale, watch
            self._list_models()

    def _sort_groups(self) -> list[Sequence[NamedModel]]:
        if self._preferred is None:
            return self._groups
        models = [model for group in self._groups for model in group]
        fitting = [model for model in models if model.fits(*self._preferred)]
        return [fitting, [model for model in models if model not in fitting]]

    def fitting_paths(self) -> list[Path]:
        """Return the listed files that fit the preferred scale and watch, and the chosen one; all without a preference.

        A file whose scale or watch is unknown fits.
        """
        preferred, chosen = self._preferred, self.path
        models = self._models.items()
        return [path for path, model in models if preferred is None or path == chosen or model.fits(*preferred)]

    def _list_models(self) -> None:
        chosen, is_built_in = self.path, self.is_built_in
        self._models = {}
        self.box.clear()
        self.box.addItem(self._none_text, "")
        if self._offers_built_in:
            self.box.addItem("Built-in model for the photo", _BUILT_IN)
        for models in self._sort_groups():
            if models and self._models:
                self.box.insertSeparator(self.box.count())
            for model in models:
                self._add(model)
        if is_built_in:
            self.show_built_in()
        else:
            self.show_path(chosen)

    def add_models(self, models: Sequence[NamedModel]) -> None:
        """List a further group of models after the first one."""
        self.set_models(*self._groups[:1], models, *self._groups[1:])

    def named(self, path: Path) -> NamedModel:
        """Return a file with the names that it has in this list, or would have."""
        return self._models.get(path) or name_file(path)

    def show_built_in(self) -> None:
        """Choose the built-in model without emitting `built_in_chosen`."""
        self.box.setCurrentIndex(self.box.findData(_BUILT_IN))
        self.box.setToolTip("The photo decides between the models for the mono and the color watch.")

    def show_path(self, path: Path | None) -> None:
        """Choose a file without emitting `model_chosen`; a file that is not listed is added."""
        index = self.box.findData(str(path)) if path else 0
        if index < 0:
            assert path is not None
            index = self._add(self.named(path))
        self.box.setCurrentIndex(index)
        self.box.setToolTip(plain_tooltip(str(path) if path else ""))

    def _add(self, model: NamedModel) -> int:
        self._models[model.path] = model
        self.box.addItem(visible(model.name), str(model.path))
        self.box.setItemData(self.box.count() - 1, plain_tooltip(str(model.path)), Qt.ItemDataRole.ToolTipRole)
        return self.box.count() - 1

    def browse(self) -> None:
        """Ask for a weight file and choose it."""
        path = ask_for_model(self, self._label, self.path)
        if path:
            self.show_path(path)
            self.model_chosen.emit(path)


def ask_for_model(parent: QWidget, title: str, start_path: Path | None = None) -> Path | None:
    """Ask for a weight file and remember its folder; return None if the user cancels."""
    folder = str(start_path.parent if start_path else start_folder(_FOLDER, DOCUMENTS))
    kinds = f"Weight files ({' '.join(f'*{suffix}' for suffix in sorted(WEIGHTS))});;All files (*)"
    name, _ = QFileDialog.getOpenFileName(parent, title, folder, kinds)
    if not name:
        return None
    store_folder(_FOLDER, Path(name))
    return Path(name)
