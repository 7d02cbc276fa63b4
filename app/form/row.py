"""One setting in the form: label, entry, unit, a reset button, and beneath it a hint or what is wrong."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from app.form.entries import Entry, PathEntry, entry_for
from app.form.wording import side_by_side, tooltip
from app.icons import dress
from app.theme import SPACE, scaled
from trainer_core.settings.schema import Setting

_LABEL_WIDTH = 118
_WIDE = 24  # characters of all choices together


class Row(QWidget):
    """Shows one setting; speaks only when the user did something."""

    edited = Signal(str, object)  # name, value
    chosen = Signal(str, str)  # name, path
    reset = Signal(str)
    more = Signal()  # about what the note says

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.entry: Entry = entry_for(setting, side_by_side(setting))
        self._label = QLabel(setting.label)
        self._label.setBuddy(self.entry)
        self._meaning = self._fault = ""
        self._note = QLabel()
        self._note.setWordWrap(True)
        self._note.setTextFormat(Qt.TextFormat.PlainText)
        self._more = QPushButton("Show")
        self._more.setProperty("role", "link")
        self._more.hide()
        self._note.hide()
        self._reset = QToolButton()
        dress(self._reset, "reset", "muted")
        self._reset.setAccessibleName(f"Reset {setting.label}")
        self._lay_out()
        self._connect()

    def _lay_out(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(SPACE // 2)
        grid.setVerticalSpacing(2)
        keep = self._reset.sizePolicy()
        keep.setRetainSizeWhenHidden(True)
        self._reset.setSizePolicy(keep)
        if isinstance(self.entry, PathEntry) or _is_wide(self.setting):
            grid.addWidget(self._label, 0, 0, 1, 3)
            grid.addWidget(self.entry, 1, 0, 1, 2)
            grid.addWidget(self._reset, 1, 2)
        else:
            self._label.setFixedWidth(scaled(_LABEL_WIDTH))
            self._label.setWordWrap(True)
            grid.addWidget(self._label, 0, 0)
            self.entry.row.addWidget(QLabel(self.setting.unit))
            if side_by_side(self.setting) is None:
                self.entry.row.addStretch(1)
            grid.addWidget(self.entry, 0, 1)
            grid.addWidget(self._reset, 0, 2)
        beneath = QHBoxLayout()
        beneath.addWidget(self._note, 1)
        beneath.addWidget(self._more, 0, Qt.AlignmentFlag.AlignTop)
        grid.addLayout(beneath, 2, 0, 1, 3)
        grid.setColumnStretch(1, 1)

    def _connect(self) -> None:
        self.entry.edited.connect(lambda value: self.edited.emit(self.setting.name, value))
        if isinstance(self.entry, PathEntry):
            self.entry.chosen.connect(lambda path: self.chosen.emit(self.setting.name, path))
        self._more.clicked.connect(lambda: self.more.emit())
        self._reset.clicked.connect(lambda: self.reset.emit(self.setting.name))

    def show_setting(self, value: Any, default: Any) -> None:
        """Show the value, and whether it is the default."""
        self.entry.show_value(value)
        self._meaning = tooltip(self.setting, default)
        self._label.setToolTip(self._meaning)
        self._describe()
        self._reset.setVisible(value != default)
        self._reset.setToolTip("Back to the default")

    def show_note(self, text: str, *, wrong: bool = False, more: str = "") -> None:
        """A line beneath the entry, "" for none; `more` is what a button beside it shows, "" for no button."""
        self.entry.mark(wrong)
        role = "bad" if wrong else "muted"
        if self._note.property("role") != role:
            self._note.setProperty("role", role)
            self._note.style().unpolish(self._note)
            self._note.style().polish(self._note)
        self._fault = text if wrong else ""
        self._describe()
        if self._note.text() != text:
            self._note.setText(text)
        self._note.setVisible(bool(text))
        self._more.setAccessibleName(f"Show {more}")
        self._more.setToolTip(f"Show {more}")
        self._more.setVisible(bool(more))

    def _describe(self) -> None:
        """What is wrong comes first: a screen reader may not get further."""
        self.entry.name(self.setting.label, f"{self._fault} {self._meaning}".strip())

    @property
    def note(self) -> str:
        """What is said beneath the entry."""
        return self._note.text() if self._note.isVisibleTo(self) else ""


def _is_wide(setting: Setting) -> bool:
    """Whether the choices need a line of their own."""
    return sum(map(len, (side_by_side(setting) or {}).values())) > _WIDE
