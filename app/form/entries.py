"""Entry widgets of the form, one class for each kind of setting.

All entries share `value()`, `show_value()` and the signal `edited`. The value of a number entry that does not hold a
number is the typed text, so that the schema reports the problem.
"""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.widgets.file_filters import DOCUMENTS, PICTURES, start_path, store_folder
from app.widgets.icons import set_icon
from app.widgets.path_line import PathLine
from app.widgets.plain_text import plain_tooltip
from app.widgets.theme import SPACING, scale_width
from app.widgets.wording import form_label, setting_file_filter, setting_hint
from trainer_core.pasted_path import clean_path
from trainer_core.settings.schema import AUTO, INT_OR_AUTO, Setting, format_value

_FOLDER_KEYS = {"init_weights": "model_folder"}  # of the settings store; other dialogs choose models, too
_MAX_CHARACTERS = 20  # of a selected choice; the list shows it whole
_MAX_SEGMENT = 16  # characters of the longest of several buttons side by side


class Entry(QWidget):
    """Base class of the entries: a row of widgets that subclasses fill."""

    edited = Signal(object)  # the value that the user entered

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(SPACING // 2)

    @abstractmethod
    def value(self) -> Any:
        """Return the value entered, of the type of the setting; text that is not a number is returned as it is."""

    @abstractmethod
    def show_value(self, value: Any) -> None:
        """Show a value without emitting `edited`."""

    def set_invalid(self, invalid: bool) -> None:
        """Mark the line edits of this entry as invalid or valid."""
        for line in self.findChildren(QLineEdit):
            if line.property("invalid") != invalid:
                line.setProperty("invalid", invalid)
                line.style().unpolish(line)
                line.style().polish(line)

    def set_accessible_text(self, label: str, description: str) -> None:
        """Set the accessible name and description of the widgets, and the description as their tooltip."""
        for widget in self.findChildren(QWidget):
            if isinstance(widget, (QLineEdit, QComboBox, QCheckBox)):
                widget.setAccessibleName(label)
                widget.setAccessibleDescription(description)
            widget.setToolTip(plain_tooltip(description))


class NumberEntry(Entry):
    """Entry of a whole number, a number, or "auto" for an interval; may be empty if the setting is optional."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.line = _make_line_edit()
        self.line.setMaximumWidth(scale_width(110))
        self.line.setPlaceholderText("none" if setting.optional else "")
        self.line.textEdited.connect(lambda text: self.edited.emit(self.value()))
        self.row.addWidget(self.line)
        self.setFocusProxy(self.line)

    def value(self) -> int | float | str | None:
        """Return the number, "auto", None for an empty line, or the typed text if it is not a number."""
        return _parse_number(self.line.text(), self.setting)

    def show_value(self, value: Any) -> None:
        """Show the number; a line that already has this value keeps the user's spelling."""
        if self.value() != value or (value is None and self.line.text()):
            self.line.setText("" if value is None else format_value(value))

    def show_result(self, text: str | None) -> None:
        """Gray the line and show what another setting results in; None: this setting decides and can be edited."""
        self.line.setEnabled(text is None)
        if text is not None and self.line.text() != text:
            self.line.setText(text)


class PairEntry(Entry):
    """Entry of two numbers."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.lines = (_make_line_edit(), _make_line_edit())
        for line in self.lines:
            line.setMaximumWidth(scale_width(70))
            line.textEdited.connect(lambda text: self.edited.emit(self.value()))
            self.row.addWidget(line)
        self.setFocusProxy(self.lines[0])

    def value(self) -> tuple[int | float | str | None, ...]:
        """Return both values as a tuple, each like the value of a `NumberEntry`."""
        return tuple(_parse_number(line.text(), self.setting) for line in self.lines)

    def show_value(self, value: Any) -> None:
        """Show both numbers; lines that already have these values keep the user's spelling."""
        if self.value() != tuple(value):
            for line, item in zip(self.lines, value):
                line.setText(format_value(item))

    def set_accessible_text(self, label: str, description: str) -> None:
        """Set the accessible texts, with the number of each line in its name."""
        super().set_accessible_text(label, description)
        for number, line in enumerate(self.lines, 1):
            line.setAccessibleName(f"{label}, number {number} of 2")


class NameEntry(Entry):
    """Entry of a part of a file name."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.line = _make_line_edit()
        self.line.textEdited.connect(lambda text: self.edited.emit(self.value()))
        self.row.addWidget(self.line, 1)
        self.setFocusProxy(self.line)

    def value(self) -> str:
        """Return the text without spaces at its ends."""
        return self.line.text().strip()

    def show_value(self, value: Any) -> None:
        """Show the name; a line that already has this value keeps the user's spelling."""
        if self.value() != value:
            self.line.setText(str(value))


class SwitchEntry(Entry):
    """Entry of a switch: a check box."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.box = QCheckBox()
        self.box.toggled.connect(lambda on: self.edited.emit(on))
        self.row.addWidget(self.box)
        self.setFocusProxy(self.box)

    def value(self) -> bool:
        """Return whether the box is checked."""
        return self.box.isChecked()

    def show_value(self, value: Any) -> None:
        """Check or clear the box."""
        self.box.blockSignals(True)
        self.box.setChecked(bool(value))
        self.box.blockSignals(False)


class ChoiceEntry(Entry):
    """Entry of one choice from a combo box."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.box = _NoWheelComboBox()
        for choice in setting.choices:
            self.box.addItem(setting.choice_labels.get(choice, str(choice)), choice)
        self.box.activated.connect(lambda index: self.edited.emit(self.value()))
        self.row.addWidget(self.box)
        self.setFocusProxy(self.box)

    def value(self) -> Any:
        """Return the selected choice."""
        return self.box.currentData()

    def show_choices(self, labels: Mapping[Any, str]) -> None:
        """Offer these choices instead, with their texts; the selected one stays."""
        value = self.value()
        self.box.clear()
        for choice, text in labels.items():
            self.box.addItem(text, choice)
        longest = max(map(len, labels.values()))
        self.box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.box.setMinimumContentsLength(min(longest, _MAX_CHARACTERS))
        self.box.view().setMinimumWidth(self.box.fontMetrics().averageCharWidth() * (longest + 4))
        self.show_value(value)

    def show_value(self, value: Any) -> None:
        """Select the choice; a valid one that is not offered is added, another clears the selection."""
        if self.box.findData(value) < 0 and self.setting.problem(value) is None:
            self.box.addItem(str(value), value)
        self.box.setCurrentIndex(self.box.findData(value))


class SegmentsEntry(Entry):
    """Entry of one of a few choices, a button each: side by side or, if a text is long, one below the other.

    Args:
        setting: the setting.
        labels: choice -> text of its button.
    """

    def __init__(self, setting: Setting, labels: Mapping[Any, str]) -> None:
        super().__init__(setting)
        self._group = QButtonGroup(self)
        self._values = list(labels)
        is_column = max(map(len, labels.values())) > _MAX_SEGMENT
        buttons = QVBoxLayout() if is_column else QHBoxLayout()
        buttons.setSpacing(SPACING // 4 if is_column else SPACING // 2)
        self.row.addLayout(buttons, 1)
        for number, text in enumerate(labels.values()):
            button = QPushButton(text)
            button.setCheckable(True)
            button.setProperty("role", "segment")
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setMinimumWidth(30)
            self._group.addButton(button, number)
            buttons.addWidget(button)
        self._group.idClicked.connect(lambda number: self.edited.emit(self._values[number]))
        self.setFocusProxy(self._group.button(0))

    def value(self) -> Any:
        """Return the choice of the checked button, or None."""
        number = self._group.checkedId()
        return self._values[number] if number >= 0 else None

    def show_value(self, value: Any) -> None:
        """Check the button of the choice; a value that has none clears the selection."""
        if value in self._values:
            self._group.button(self._values.index(value)).setChecked(True)
        else:
            self._group.setExclusive(False)  # else Qt keeps one button checked
            for button in self._group.buttons():
                button.setChecked(False)
            self._group.setExclusive(True)

    def set_accessible_text(self, label: str, description: str) -> None:
        """Set the accessible texts, with the label of the setting before the text of each button."""
        super().set_accessible_text(label, description)
        for button in self._group.buttons():
            button.setAccessibleName(f"{label}: {button.text()}")
            button.setAccessibleDescription(description)


class PathEntry(Entry):
    """Entry of a file or a folder, typed or chosen in a dialog."""

    path_chosen = Signal(str)  # in the dialog

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.line = PathLine()
        self.line.setPlaceholderText(setting_hint(setting))
        self.line.textEdited.connect(lambda text: self.edited.emit(self.value()))
        self.browse = QToolButton()
        set_icon(self.browse, "folder")
        self.browse.clicked.connect(self.browse_path)
        self.row.addWidget(self.line, 1)
        self.row.addWidget(self.browse)
        self.setFocusProxy(self.line)

    def value(self) -> str | None:
        """Return the path that the text means; for an empty line None if the setting is optional, else ""."""
        text = self.line.text()
        return clean_path(text) if text.strip() else (None if self.setting.optional else "")

    def show_value(self, value: Any) -> None:
        """Show the path; a line that already means this path keeps the user's spelling."""
        if self.value() != value:
            self.line.set_path(value or "")

    def set_accessible_text(self, label: str, description: str) -> None:
        """Set the accessible texts, including the name of the Browse button."""
        super().set_accessible_text(label, description)
        self.browse.setAccessibleName(f"Browse for: {label}")
        self.browse.setToolTip(plain_tooltip(f"Browse for: {label}"))

    def browse_path(self) -> None:
        """Open a dialog to choose the file or folder, and emit `path_chosen`."""
        name, label = self.setting.name, form_label(self.setting)
        key = _FOLDER_KEYS.get(name, f"{name}_folder")
        start = str(start_path(self.value() or "", key, PICTURES if name == "source_dir" else DOCUMENTS))
        if self.setting.kind == "folder":
            path = QFileDialog.getExistingDirectory(self, label, start)
        else:
            path, _ = QFileDialog.getOpenFileName(self, label, start, setting_file_filter(self.setting))
        if path:
            store_folder(key, Path(path) / "any" if name == "source_dir" else Path(path))
            self.line.set_path(path)
            self.path_chosen.emit(path)


def _make_line_edit() -> QLineEdit:
    line = QLineEdit()
    line.setAcceptDrops(False)  # the window identifies and handles dropped files
    return line


class _NoWheelComboBox(QComboBox):
    """Combo box that ignores the mouse wheel, which scrolls the form instead."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Leave the wheel to the form, so that scrolling does not change the selection."""
        event.ignore()


def _parse_number(text: str, setting: Setting) -> int | float | str | None:
    text = text.strip()
    if not text:
        return None
    whole = setting.kind in ("int", INT_OR_AUTO)
    grouped = whole and re.fullmatch(r"\d{1,3}([,. ]\d{3})+", text)  # thousands separators of any locale: 150,000
    text = re.sub(r"[,. ]", "", text) if grouped else text.replace(",", ".")
    if setting.kind == INT_OR_AUTO and text == AUTO:
        return text
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text
