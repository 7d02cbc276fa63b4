"""One entry widget for each kind of setting. All alike: `value()`, `show_value()`, and `edited` by the user.

A number that cannot be understood comes back as the text that was typed, so that the schema's own sentence about it
is shown.
"""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Mapping
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
    QWidget,
)

from app.form.wording import setting_file_filter, setting_hint
from app.icons import set_icon
from app.theme import SPACING, scale_width
from trainer_core.settings.schema import Setting, format_value


class Entry(QWidget):
    """The common part; subclasses fill `row`."""

    edited = Signal(object)

    def __init__(self, setting: Setting) -> None:
        super().__init__()
        self.setting = setting
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(0, 0, 0, 0)
        self.row.setSpacing(SPACING // 2)

    @abstractmethod
    def value(self) -> Any:
        """What is entered now."""

    @abstractmethod
    def show_value(self, value: Any) -> None:
        """Show a value without saying that it was edited."""

    def set_invalid(self, invalid: bool) -> None:
        """Show that the value cannot be used."""
        for line in self.findChildren(QLineEdit):
            if line.property("invalid") != invalid:
                line.setProperty("invalid", invalid)
                line.style().unpolish(line)
                line.style().polish(line)

    def set_accessible_text(self, label: str, description: str) -> None:
        """Names for people who do not see the label."""
        for widget in self.findChildren(QWidget):
            if isinstance(widget, (QLineEdit, QComboBox, QCheckBox)):
                widget.setAccessibleName(label)
                widget.setAccessibleDescription(description)
            widget.setToolTip(description)


class NumberEntry(Entry):
    """Whole numbers, numbers, and "auto" for intervals; empty where a setting is optional."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.line = _make_line_edit()
        self.line.setMaximumWidth(scale_width(110))
        self.line.setPlaceholderText("none" if setting.optional else "")
        self.line.textEdited.connect(lambda text: self.edited.emit(self.value()))
        self.row.addWidget(self.line)
        self.setFocusProxy(self.line)

    def value(self) -> Any:
        return _parse_number(self.line.text(), self.setting)

    def show_value(self, value: Any) -> None:
        if self.value() != value or (value is None and self.line.text()):
            self.line.setText("" if value is None else format_value(value))


class PairEntry(Entry):
    """Two numbers."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.lines = (_make_line_edit(), _make_line_edit())
        for line in self.lines:
            line.setMaximumWidth(scale_width(70))
            line.textEdited.connect(lambda text: self.edited.emit(self.value()))
            self.row.addWidget(line)
        self.setFocusProxy(self.lines[0])

    def value(self) -> Any:
        return tuple(_parse_number(line.text(), self.setting) for line in self.lines)

    def show_value(self, value: Any) -> None:
        if self.value() != tuple(value):
            for line, item in zip(self.lines, value):
                line.setText(format_value(item))

    def set_accessible_text(self, label: str, description: str) -> None:
        super().set_accessible_text(label, description)
        for number, line in enumerate(self.lines, 1):
            line.setAccessibleName(f"{label}, number {number} of 2")


class SwitchEntry(Entry):
    """On or off."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.box = QCheckBox()
        self.box.toggled.connect(lambda on: self.edited.emit(on))
        self.row.addWidget(self.box)
        self.setFocusProxy(self.box)

    def value(self) -> Any:
        return self.box.isChecked()

    def show_value(self, value: Any) -> None:
        self.box.blockSignals(True)
        self.box.setChecked(bool(value))
        self.box.blockSignals(False)


class ChoiceEntry(Entry):
    """One of a list, folded: for settings that are seldom touched."""

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.box = _NoWheelComboBox()
        for choice in setting.choices:
            self.box.addItem(setting.choice_labels.get(choice, str(choice)), choice)
        self.box.activated.connect(lambda index: self.edited.emit(self.value()))
        self.row.addWidget(self.box)
        self.setFocusProxy(self.box)

    def value(self) -> Any:
        return self.box.currentData()

    def show_value(self, value: Any) -> None:
        self.box.setCurrentIndex(self.box.findData(value))


class SegmentsEntry(Entry):
    """A few choices side by side, all in sight. `words` are what is written on them."""

    def __init__(self, setting: Setting, labels: Mapping[Any, str]) -> None:
        super().__init__(setting)
        self._group = QButtonGroup(self)
        self._values = list(labels)
        for number, text in enumerate(labels.values()):
            button = QPushButton(text)
            button.setCheckable(True)
            button.setProperty("role", "segment")
            button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
            button.setMinimumWidth(30)
            self._group.addButton(button, number)
            self.row.addWidget(button)
        self._group.idClicked.connect(lambda number: self.edited.emit(self._values[number]))
        self.setFocusProxy(self._group.button(0))

    def value(self) -> Any:
        number = self._group.checkedId()
        return self._values[number] if number >= 0 else None

    def show_value(self, value: Any) -> None:
        if value in self._values:
            self._group.button(self._values.index(value)).setChecked(True)

    def set_accessible_text(self, label: str, description: str) -> None:
        super().set_accessible_text(label, description)
        for button in self._group.buttons():
            button.setAccessibleName(f"{label}: {button.text()}")
            button.setAccessibleDescription(description)


class PathEntry(Entry):
    """A file or a folder, typed or browsed for. `chosen` comes with a browsed one."""

    path_chosen = Signal(str)

    def __init__(self, setting: Setting) -> None:
        super().__init__(setting)
        self.line = _make_line_edit()
        self.line.setPlaceholderText(setting_hint(setting))
        self.line.textEdited.connect(lambda text: self.edited.emit(self.value()))
        self.browse = QToolButton()
        set_icon(self.browse, "folder")
        self.browse.clicked.connect(self.browse_path)
        self.row.addWidget(self.line, 1)
        self.row.addWidget(self.browse)
        self.setFocusProxy(self.line)

    def value(self) -> Any:
        text = self.line.text().strip()
        return os.path.expanduser(text) if text else (None if self.setting.optional else "")

    def show_value(self, value: Any) -> None:
        if self.value() != value:
            self.line.setText(value or "")
            self.line.setCursorPosition(0)

    def set_accessible_text(self, label: str, description: str) -> None:
        super().set_accessible_text(label, description)
        self.browse.setAccessibleName(f"Browse for: {label}")

    def browse_path(self) -> None:
        """Browse for it."""
        start = self.line.text() or os.path.expanduser("~")
        if self.setting.kind == "folder":
            found = QFileDialog.getExistingDirectory(self, self.setting.label, start)
        else:
            found, _ = QFileDialog.getOpenFileName(self, self.setting.label, start, setting_file_filter(self.setting))
        if found:
            self.line.setText(found)
            self.path_chosen.emit(found)


def _make_line_edit() -> QLineEdit:
    line = QLineEdit()
    line.setAcceptDrops(False)  # the window takes drops, and knows what they are
    return line


class _NoWheelComboBox(QComboBox):
    """Does not change when the wheel scrolls the form past it."""

    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


def make_entry(setting: Setting, labels: Mapping[Any, str] | None = None) -> Entry:
    """The widget for a setting; with `words` its values appear side by side."""
    if labels:
        return SegmentsEntry(setting, labels)
    kinds: dict[str, Any] = {
        "switch": SwitchEntry,
        "choice": ChoiceEntry,
        "pair": PairEntry,
        "file": PathEntry,
        "folder": PathEntry,
    }
    entry: Entry = kinds.get(setting.kind, NumberEntry)(setting)
    return entry


def _parse_number(text: str, setting: Setting) -> Any:
    text = text.strip()
    if not text:
        return None
    whole = setting.kind in ("int", "interval")
    grouped = whole and re.fullmatch(r"\d{1,3}([,. ]\d{3})+", text)  # as 150,000 is written here or there
    text = re.sub(r"[,. ]", "", text) if grouped else text.replace(",", ".")
    if setting.kind == "interval" and text == "auto":
        return text
    try:
        return int(text) if whole else float(text)
    except ValueError:
        return text
