"""The fields of both models of a trial: they load what is chosen, describe it, and go through the models."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from app.enlarge.model_field import ModelField
from app.enlarge.named_model import NamedModel, name_starter
from app.enlarge.scale_choice import ScaleChoice
from app.enlarge.trial import BLEND, MODEL_ROLES, OTHER_MODEL, THIS_MODEL, Trial
from app.enlarge.trial_texts import describe_model
from app.widgets.plain_text import plain_tooltip
from app.widgets.theme import SPACING
from trainer_core.starters.registry import find_starters

_NO_OTHER = (
    "There is no other model to compare with. Open the folder of another training first, or choose a weight file with "
    "the button beside “Compare with”."
)
_NEIGHBOR_KEYS = "Press N or P to compare with the next or the previous model of this list."


class ModelRow(QWidget):
    """Row with a `ModelField` for each of both models.

    Attributes:
        fields: field by role.
        choices: the choice of each field.
        scale: the scale of the built-in models.
    """

    changing = Signal()  # another model was chosen, and is loaded next
    refused = Signal(object)  # Exception
    message_posted = Signal(str, str)  # level, text

    def __init__(self, trial: Trial) -> None:
        super().__init__()
        self._trial = trial
        self.scale = ScaleChoice()
        self.fields = {
            THIS_MODEL: ModelField("Model", "Choose or drop a weight file", offers_built_in=True, scale=self.scale),
            OTHER_MODEL: ModelField("Compare with", "No other model"),
        }
        self.fields[OTHER_MODEL].setToolTip(plain_tooltip(_NEIGHBOR_KEYS))
        self.choices = {role: field.choice for role, field in self.fields.items()}
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * SPACING)
        for role, field in self.fields.items():
            row.addWidget(field, 1)
            field.choice.model_chosen.connect(partial(self.load_model, role))
        self.choices[THIS_MODEL].built_in_chosen.connect(self.use_built_in)
        self.scale.scale_chosen.connect(trial.set_scale)
        trial.model_loaded.connect(self._on_model_loaded)
        trial.model_refused.connect(self._on_model_refused)

    def open_for(self, model: Path | None, models: Sequence[NamedModel]) -> None:
        """Load `model`, or use the built-in models, and list `models` as the other choices."""
        built_in = [name_starter(starter) for starter in find_starters()]
        for choice in self.choices.values():
            choice.set_models(models, built_in)
        if model is not None:
            self.load_model(THIS_MODEL, model)
        elif built_in:
            self.use_built_in()

    def add_models(self, models: Sequence[NamedModel]) -> None:
        """List further models."""
        for choice in self.choices.values():
            choice.add_models(models)

    def load_model(self, role: str, path: Path | None) -> None:
        """Load a model for `role`; None removes the role's model."""
        if role == THIS_MODEL:
            self.scale.hide()
        self.changing.emit()
        self.fields[role].show_path(path)
        self._trial.load_model(role, path)

    def use_dropped(self, path: Path) -> None:
        """Load a dropped weight file: as the model to compare with, or as the model if there is none yet."""
        has_model = self._trial.is_built_in or THIS_MODEL in self._trial.models
        self.load_model(OTHER_MODEL if has_model else THIS_MODEL, path)

    def use_built_in(self) -> None:
        """Upscale each photo with the built-in model that suits it."""
        self.changing.emit()
        self.choices[THIS_MODEL].show_built_in()
        self.scale.show_for(self._trial.scale)
        self._trial.use_built_in()

    def compare_with_neighbor(self, offset: int) -> None:
        """Compare with the next model of the list, or with the one before: the other model stays the reference."""
        choice, this = self.choices[OTHER_MODEL], self._trial.models.get(THIS_MODEL)
        paths = [path for path in choice.fitting_paths() if this is None or path != this.path]
        if not paths:
            self.message_posted.emit("info", _NO_OTHER)
            return
        first = 0 if offset > 0 else -1
        place = (paths.index(choice.path) + offset) % len(paths) if choice.path in paths else first
        self.load_model(OTHER_MODEL, paths[place])

    def show_loading(self) -> None:
        """Say in each field which model is being loaded."""
        for role in MODEL_ROLES:
            loading = self._trial.loading_path(role)
            if loading is not None:
                self.fields[role].show_loading(self.named(loading).short_name)

    def clear(self) -> None:
        """Show no model."""
        for field in self.fields.values():
            field.show_path(None)

    @property
    def has_choice(self) -> bool:
        """Whether there is a model, or one is being loaded."""
        return self._trial.is_built_in or self.choices[THIS_MODEL].path is not None

    def named(self, path: Path) -> NamedModel:
        """Return a file with its names in the lists."""
        return self.choices[THIS_MODEL].named(path)

    def _on_model_loaded(self, role: str) -> None:
        if role != BLEND:
            model = self._trial.models[role]
            self.fields[role].describe(model.path, describe_model(model), model.description)
            if role == THIS_MODEL:
                self.choices[OTHER_MODEL].prefer(model.scale, "mono" if model.gray else "color")

    def _on_model_refused(self, role: str, error: Exception) -> None:
        """Report the error and show the role's previous model, which is still loaded."""
        previous = self._trial.models.get(role)
        self.fields[role].show_path(previous.path if previous else None)
        if role == THIS_MODEL and self._trial.is_built_in:
            self.choices[role].show_built_in()
            self.scale.show_for(self._trial.scale)
        if previous:
            self._on_model_loaded(role)
        self.refused.emit(error)
