"""The choice of the captures to calibrate with: files and folders, and a note on what was read from them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.form.note import NoteLabel
from app.widgets.buttons import make_button
from app.widgets.file_filters import CAPTURE_FOLDER, PICTURES, make_file_filter, start_folder, store_folder
from app.widgets.plain_text import PlainLabel, plain_tooltip, visible
from app.widgets.theme import SPACING
from trainer_core.data.captures import CAPTURE_SUFFIXES

_LIST_LINES = 4
_NOTE_LINES = 3


class CaptureChoice(QWidget):
    """List of files and folders with captures, with buttons to add and remove them, and a note below."""

    changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.paths: list[Path] = []
        self._is_locked = False
        self.list = QListWidget()
        self.list.setAccessibleName("Files and folders with captures")
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setMinimumHeight(_LIST_LINES * self.list.fontMetrics().height() + SPACING)
        self.note = NoteLabel(_NOTE_LINES)
        self._files_button = make_button(
            "Add files …", "add", self._choose_files, tip="Add pictures, dumps of the watch or Palm databases."
        )
        self._folder_button = make_button(
            "Add folder …", "folder", self._choose_folder, tip="Add all captures in a folder and its subfolders."
        )
        self.remove_button = make_button(
            "Remove", "close", self.remove_selected, tip="Remove the selected lines, or all; the files are kept."
        )
        delete = QShortcut(QKeySequence.StandardKey.Delete, self.list, self.remove_button.click)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        self._lay_out()
        self._refresh()

    def _lay_out(self) -> None:
        title = PlainLabel("Your captures")
        title.setProperty("role", "heading")
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING // 2)
        for button in (self._files_button, self._folder_button, self.remove_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(title)
        column.addWidget(self.list, 1)
        column.addLayout(buttons)
        column.addWidget(self.note)

    def add(self, paths: Sequence[Path]) -> None:
        """Add files and folders, each once."""
        new = [path for path in dict.fromkeys(paths) if path not in self.paths]
        for path in new:
            item = QListWidgetItem(visible(f"{path.name}{os.sep if os.path.isdir(path) else ''}"))
            item.setToolTip(plain_tooltip(str(path)))
            self.list.addItem(item)
        self.paths += new
        if new:
            self._refresh()
            self.changed.emit()

    def remove_selected(self) -> None:
        """Remove the selected lines, or all of them if none is selected."""
        rows = sorted({self.list.row(item) for item in self.list.selectedItems()}) or range(self.list.count())
        for row in reversed(list(rows)):
            self.list.takeItem(row)
            del self.paths[row]
        self._refresh()
        self.changed.emit()

    def set_locked(self, locked: bool) -> None:
        """Let the captures not be changed while they are measured (`locked`)."""
        self._is_locked = locked
        self._refresh()

    def _refresh(self) -> None:
        for button in (self._files_button, self._folder_button):
            button.setEnabled(not self._is_locked)
        self.remove_button.setEnabled(bool(self.paths) and not self._is_locked)

    def _choose_files(self) -> None:
        folder = str(start_folder(CAPTURE_FOLDER, PICTURES))
        kinds = make_file_filter("Watch photos", CAPTURE_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self, "Choose photos from your watch", folder, kinds)
        if names:
            store_folder(CAPTURE_FOLDER, Path(names[0]))
            self.add([Path(name) for name in names])

    def _choose_folder(self) -> None:
        start = str(start_folder(CAPTURE_FOLDER, PICTURES))
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder with photos from your watch", start)
        if folder:
            store_folder(CAPTURE_FOLDER, Path(folder) / "any")
            self.add([Path(folder)])
