"""The field for a model of the window "Enlarge photos": heading, choice of the file, and what is known of the model."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from app.enlarge.model_choice import ModelChoice
from app.form.note import NoteLabel
from app.widgets.term_label import TermLabel
from app.widgets.theme import SPACING

_LOADING = "Loading …"
_LINES = 2  # of what is known of the model
_IS_START = "No step of the training is better yet; try “newest”, too."


class ModelField(QWidget):
    """Field with a `ModelChoice`.

    Attributes:
        description: what is known of the model, in room that is always there.
        details: what the tooltip adds: dimensions and step of the network.

    Args:
        heading: name of the field.
        none_text: the entry that stands for no model.
        offers_built_in: whether there is an entry for the built-in model that suits each photo.
        scale: the choice of the scale of the built-in models, beside the choice of the file.
    """

    def __init__(
        self, heading: str, none_text: str, *, offers_built_in: bool = False, scale: QWidget | None = None
    ) -> None:
        super().__init__()
        self.choice = ModelChoice(heading, none_text, offers_built_in=offers_built_in)
        label = TermLabel(f"&{heading}")
        label.setProperty("role", "heading")
        label.setBuddy(self.choice)
        self.description = self.details = ""
        self._note = NoteLabel(_LINES)
        self._note.setProperty("role", "muted")
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addWidget(self.choice, 1)
        if scale is not None:
            row.addWidget(scale)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING // 2)
        column.addWidget(label)
        column.addLayout(row)
        column.addWidget(self._note)
        column.addStretch(1)

    def show_path(self, path: Path | None) -> None:
        """Choose a file, which is being loaded, or none."""
        self.choice.show_path(path)
        self._show(_LOADING if path else "")

    def show_loading(self, name: str) -> None:
        """Say which model is being loaded."""
        self._show(f"Loading {name} …")

    def describe(self, path: Path, description: str, details: str) -> None:
        """Describe the loaded model, with details in the tooltip."""
        is_start = not self.choice.is_built_in and self.choice.named(path).is_start
        self._show(f"{description}\n{_IS_START}" if is_start else description, details)

    def _show(self, text: str, details: str = "") -> None:
        self.description, self.details = text, details
        self._note.show_text(text, tooltip="\n".join(filter(None, (text, details))))
