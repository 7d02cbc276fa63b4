"""One setting in the form: label, entry, unit and reset button, with a note or a problem below."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from app.form.entries import (
    ChoiceEntry,
    Entry,
    NameEntry,
    NumberEntry,
    PairEntry,
    PathEntry,
    SegmentsEntry,
    SwitchEntry,
)
from app.form.note import NoteLabel
from app.form.start_entry import StartEntry
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.term_label import TermLabel
from app.widgets.theme import SPACING, scale_width
from app.widgets.wording import FORM_QUESTIONS, empty_note, form_label, note_lines, segment_labels, setting_tooltip
from trainer_core.planning.readiness import with_short_path
from trainer_core.settings.schema import Setting

_LABEL_WIDTH = 118
_WIDE_CHARACTERS = 28  # of all choices together
_PADDING_CHARACTERS = 3  # of a button
_LONG_PATH = 30  # characters; a note names only the end of a longer one

_ENTRIES: Mapping[str, type[Entry]] = {
    "switch": SwitchEntry,
    "choice": ChoiceEntry,
    "pair": PairEntry,
    "name": NameEntry,
    "file": PathEntry,
    "folder": PathEntry,
}


class Row(QWidget):
    """Row of one setting; its signals are emitted only for actions of the user.

    Attributes:
        note: the whole text of the note below the entry, "" for none.
        note_tooltip: that text, and what only the tooltip adds.

    Args:
        setting: the setting.
        labels: choice -> text of its button, for an entry with a button for each choice; None for another entry.
    """

    edited = Signal(str, object)  # name, value
    path_chosen = Signal(str, str)  # name, path
    reset_clicked = Signal(str)
    more_clicked = Signal()  # for details of the note
    remedy_clicked = Signal(str)  # name of the setting, to solve the problem in the note

    def __init__(self, setting: Setting, labels: Mapping[Any, str] | None = None) -> None:
        super().__init__()
        self.setting = setting
        self.entry = _make_entry(setting, labels)
        self._label = TermLabel(form_label(setting))
        self._label.setBuddy(self.entry)
        self._description = self._problem = self.note = self.note_tooltip = ""
        self._note = NoteLabel(note_lines(setting))
        if self._is_choice:
            self._note.hide()
        self._more_button, self._remedy_button = QPushButton("Show"), QPushButton()
        for button in (self._more_button, self._remedy_button):
            button.setProperty("role", "link")
            button.hide()
        self._reset = QToolButton()
        set_icon(self._reset, "reset", "muted")
        self._reset.setAccessibleName(f"Reset {self._label.text()}")
        self._reset.setToolTip("Reset to the default.")
        self._is_default = True
        self._lay_out(labels)
        self._connect()

    def _lay_out(self, labels: Mapping[Any, str] | None) -> None:
        grid = QGridLayout(self)
        is_separated = self._is_choice or self.setting.name in FORM_QUESTIONS
        grid.setContentsMargins(0, 0, 0, SPACING // 4 if is_separated else 0)
        grid.setHorizontalSpacing(SPACING // 2)
        grid.setVerticalSpacing(2)
        policy = self._reset.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self._reset.setSizePolicy(policy)
        if self._has_path or _is_wide(labels):
            grid.addWidget(self._label, 0, 0, 1, 3)
            grid.addWidget(self.entry, 1, 0, 1, 2)
            grid.addWidget(self._reset, 1, 2, Qt.AlignmentFlag.AlignTop)
        else:
            self._label.setFixedWidth(scale_width(_LABEL_WIDTH))
            self._label.setWordWrap(True)
            grid.addWidget(self._label, 0, 0)
            self.entry.row.addWidget(PlainLabel(self.setting.unit))
            if labels is None:
                self.entry.row.addStretch(1)
            grid.addWidget(self.entry, 0, 1)
            grid.addWidget(self._reset, 0, 2)
        notes = QHBoxLayout()
        notes.addWidget(self._note, 1)
        notes.addWidget(_stack_links(self._more_button, self._remedy_button))
        grid.addLayout(notes, 2, 0, 1, 3)
        grid.setColumnStretch(1, 1)

    def _connect(self) -> None:
        self.entry.edited.connect(lambda value: self.edited.emit(self.setting.name, value))
        if isinstance(self.entry, (PathEntry, StartEntry)):
            self.entry.path_chosen.connect(lambda path: self.path_chosen.emit(self.setting.name, path))
        self._more_button.clicked.connect(lambda: self.more_clicked.emit())
        self._remedy_button.clicked.connect(lambda: self.remedy_clicked.emit(self.setting.name))
        self._reset.clicked.connect(lambda: self.reset_clicked.emit(self.setting.name))

    def show_setting(self, value: Any, default: Any) -> None:
        """Show the value, and the reset button if it is not the default and can be edited."""
        self.entry.show_value(value)
        self._description = setting_tooltip(self.setting, default)
        self._label.set_tooltip(self._description)
        self._update_accessible_text()
        self._is_default = bool(value == default)
        self._show_reset()

    def changeEvent(self, event: QEvent) -> None:
        """Hide the reset button while the form is locked: its icon looks the same then."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.EnabledChange:
            self._show_reset()

    def _show_reset(self) -> None:
        self._reset.setVisible(self.isEnabled() and not self._is_default)

    def set_note(self, text: str, *, invalid: bool = False, more: str = "", details: str = "") -> None:
        """Show a note below the entry, in room that is always there.

        Args:
            text: the note, "" for none.
            invalid: whether the note is a problem of the value.
            more: what the button beside the note shows, "" for no button.
            details: what only the tooltip of the note adds.
        """
        self.entry.set_invalid(invalid)
        role = "error" if invalid else "muted"
        if self._note.property("role") != role:
            self._note.setProperty("role", role)
            self._note.style().unpolish(self._note)
            self._note.style().polish(self._note)
        self._problem = text if invalid else ""
        self._update_accessible_text()
        text = text or empty_note(self.setting)
        tooltip = f"{text}\n{details}" if details else text
        if (self.note, self.note_tooltip) != (text, tooltip):
            self.note, self.note_tooltip = text, tooltip
            value = self.entry.value()
            is_long = isinstance(value, str) and len(value) > _LONG_PATH
            self._note.show_text(with_short_path(text, value) if is_long else text, tooltip=tooltip)
        self._note.setVisible(bool(text) or not self._is_choice)
        self._more_button.setAccessibleName(f"Show {more}")
        self._more_button.setToolTip(plain_tooltip(f"Show {more}"))
        self._more_button.setVisible(bool(more))

    def show_remedy(self, label: str, tooltip: str) -> None:
        """Show a button beside the note that solves its problem, "" for no button."""
        self._remedy_button.setText(label)
        self._remedy_button.setToolTip(plain_tooltip(tooltip))
        self._remedy_button.setVisible(bool(label))

    def _update_accessible_text(self) -> None:
        """Set the accessible text of the entry, the problem first: users often stop a screen reader early."""
        self.entry.set_accessible_text(self._label.text(), f"{self._problem} {self._description}".strip())

    @property
    def _has_path(self) -> bool:
        return isinstance(self.entry, (PathEntry, StartEntry))

    @property
    def _is_choice(self) -> bool:
        """Whether only valid values can be entered, so that there is no note, and no room for one."""
        return isinstance(self.entry, (ChoiceEntry, SegmentsEntry, SwitchEntry))


def _stack_links(*buttons: QPushButton) -> QWidget:
    """Return a column of links that is never higher than what stands beside it."""
    column = QWidget()
    column.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
    links = QVBoxLayout(column)
    links.setContentsMargins(0, 0, 0, 0)
    links.setSpacing(0)
    for button in buttons:
        links.addWidget(button, 0, Qt.AlignmentFlag.AlignRight)
    links.addStretch(1)
    return column


def make_row(setting: Setting) -> Row:
    """Return the row of a setting of the schema."""
    return Row(setting, segment_labels(setting))


def _make_entry(setting: Setting, labels: Mapping[Any, str] | None) -> Entry:
    if labels:
        return StartEntry(setting, labels) if setting.word else SegmentsEntry(setting, labels)
    return _ENTRIES.get(setting.kind, NumberEntry)(setting)


def _is_wide(labels: Mapping[Any, str] | None) -> bool:
    """Whether the buttons of the choices need a line of their own."""
    return sum(len(label) + _PADDING_CHARACTERS for label in (labels or {}).values()) > _WIDE_CHARACTERS
