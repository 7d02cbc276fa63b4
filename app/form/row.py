"""One setting in the form: label, entry, unit and reset button, with a note or a problem below."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QToolButton, QWidget

from app.form.entries import Entry, PathEntry, make_entry
from app.form.wording import segment_labels, setting_tooltip
from app.icons import set_icon
from app.plain_text import PlainLabel, plain_tooltip
from app.theme import SPACING, scale_width
from trainer_core.settings.schema import Setting

_LABEL_WIDTH = 118
_WIDE_CHARACTERS = 28  # of all choices together
_PADDING_CHARACTERS = 3  # of a button


class Row(QWidget):
    """Row of one setting; its signals are emitted only for actions of the user."""

    edited = Signal(str, object)  # name, value
    path_chosen = Signal(str, str)  # name, path
    reset_clicked = Signal(str)
    more_clicked = Signal()  # for details of the note

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.entry: Entry = make_entry(setting, segment_labels(setting))
        self._label = PlainLabel(setting.label)
        self._label.setBuddy(self.entry)
        self._description = self._problem = ""
        self._note = PlainLabel()
        self._note.setWordWrap(True)
        self._more_button = QPushButton("Show")
        self._more_button.setProperty("role", "link")
        self._more_button.hide()
        self._note.hide()
        self._reset = QToolButton()
        set_icon(self._reset, "reset", "muted")
        self._reset.setAccessibleName(f"Reset {setting.label}")
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACING // 2)
        grid.setVerticalSpacing(2)
        policy = self._reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._reset.setSizePolicy(policy)
        if isinstance(self.entry, PathEntry) or _is_wide(self.setting):
            grid.addWidget(self._label, 0, 0, 1, 3)
            grid.addWidget(self.entry, 1, 0, 1, 2)
            grid.addWidget(self._reset, 1, 2)
        else:
            self._label.setFixedWidth(scale_width(_LABEL_WIDTH))
            self._label.setWordWrap(True)
            grid.addWidget(self._label, 0, 0)
            self.entry.row.addWidget(PlainLabel(self.setting.unit))
            if segment_labels(self.setting) is None:
                self.entry.row.addStretch(1)
            grid.addWidget(self.entry, 0, 1)
            grid.addWidget(self._reset, 0, 2)
        notes = QHBoxLayout()
        notes.addWidget(self._note, 1)
        notes.addWidget(self._more_button, 0, Qt.AlignmentFlag.AlignTop)
        grid.addLayout(notes, 2, 0, 1, 3)
        grid.setColumnStretch(1, 1)

    def _connect(self) -> None:
        self.entry.edited.connect(lambda value: self.edited.emit(self.setting.name, value))
        if isinstance(self.entry, PathEntry):
            self.entry.path_chosen.connect(lambda path: self.path_chosen.emit(self.setting.name, path))
        self._more_button.clicked.connect(lambda: self.more_clicked.emit())
        self._reset.clicked.connect(lambda: self.reset_clicked.emit(self.setting.name))

    def show_setting(self, value: Any, default: Any) -> None:
        """Show the value, and the reset button if it is not the default."""
        self.entry.show_value(value)
        self._description = setting_tooltip(self.setting, default)
        self._label.setToolTip(plain_tooltip(self._description))
        self._update_accessible_text()
        self._reset.setVisible(value != default)
        self._reset.setToolTip("Reset to the default")

    def set_note(self, text: str, *, invalid: bool = False, more: str = "") -> None:
        """Show a note below the entry, or hide it.

        Args:
            text: the note, "" for none.
            invalid: whether the note is a problem of the value.
            more: what the button beside the note shows, "" for no button.
        """
        self.entry.set_invalid(invalid)
        role = "error" if invalid else "muted"
        if self._note.property("role") != role:
            self._note.setProperty("role", role)
            self._note.style().unpolish(self._note)
            self._note.style().polish(self._note)
        self._problem = text if invalid else ""
        self._update_accessible_text()
        if self._note.text() != text:
            self._note.setText(text)
        self._note.setVisible(bool(text))
        self._more_button.setAccessibleName(f"Show {more}")
        self._more_button.setToolTip(plain_tooltip(f"Show {more}"))
        self._more_button.setVisible(bool(more))

    def _update_accessible_text(self) -> None:
        """Set the accessible text of the entry, the problem first: users often stop a screen reader early."""
        self.entry.set_accessible_text(self.setting.label, f"{self._problem} {self._description}".strip())

    @property
    def note(self) -> str:
        """The note below the entry, or "" while it is hidden."""
        return self._note.text() if self._note.isVisibleTo(self) else ""


def _is_wide(setting: Setting) -> bool:
    """Whether the buttons of the choices need a line of their own."""
    labels = (segment_labels(setting) or {}).values()
    return sum(len(label) + _PADDING_CHARACTERS for label in labels) > _WIDE_CHARACTERS
