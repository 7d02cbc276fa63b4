"""Entry of what a run starts from: a button for the built-in model, for nothing and for a file, above its path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout

from app.form.entries import Entry, PathEntry, SegmentsEntry
from app.widgets.theme import SPACING
from trainer_core.settings.schema import Setting

_FILE = "file"  # the choice of the button that opens the file dialog
_FILE_LABEL = "A file …"


class StartEntry(Entry):
    """Entry of a file, of a word that stands for one, or of nothing.

    Args:
        setting: the setting.
        labels: its word, and None for nothing -> text of the button.
    """

    path_chosen = Signal(str)  # in the dialog

    def __init__(self, setting: Setting, labels: Mapping[Any, str]) -> None:
        super().__init__(setting)
        self._shown: Any = None
        self.choices = SegmentsEntry(setting, {**labels, _FILE: _FILE_LABEL})
        self.choices.edited.connect(self._choose)
        self.path = PathEntry(setting)
        self.path.edited.connect(self.edited)
        self.path.path_chosen.connect(self.path_chosen)
        column = QVBoxLayout()
        column.setSpacing(SPACING // 2)
        column.addWidget(self.choices)
        column.addWidget(self.path)
        self.row.addLayout(column, 1)
        first = self.choices.focusProxy()
        assert first is not None
        self.setFocusProxy(first)
        self.path.hide()

    def value(self) -> str | None:
        """Return the path of the line, else the word if its button is checked, else None."""
        return self.path.value() or (self.setting.word if self.choices.value() == self.setting.word else None)

    def show_value(self, value: Any) -> None:
        """Check the button of the value; the line is there for a path alone, and while the user types in it."""
        self._shown = value
        is_path = bool(value) and value != self.setting.word
        self.choices.show_value(_FILE if is_path else value or None)
        self.path.show_value(value if is_path else None)
        self.path.setVisible(is_path or self.path.line.hasFocus())

    def set_accessible_text(self, label: str, description: str) -> None:
        """Set the accessible texts of the buttons and of the path."""
        self.choices.set_accessible_text(label, description)
        self.path.set_accessible_text(label, description)

    def browse_path(self) -> None:
        """Open a dialog to choose the file, and emit `path_chosen`; without a choice, all stays as it was."""
        self.path.browse_path()
        self.show_value(self._shown)

    def _choose(self, choice: Any) -> None:
        if choice == _FILE:
            self.browse_path()
        else:
            self.path.show_value(None)
            self.edited.emit(choice)
