"""The table of recent work on the start page: each workspace with its run, to open, resume, show or remove."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

from PySide6.QtCore import QPoint, Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QPushButton,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from app.runs.recent_workspaces import read_notes, read_recent_workspaces, remove_recent_workspace, write_note
from app.system.background import Background
from app.system.file_manager import open_folder
from app.widgets.flow_layout import FlowLayout
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel, plain_tooltip, visible
from app.widgets.term_label import TermHeader
from app.widgets.theme import SPACING
from trainer_core.errors import UserError
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.summary import RunSummary, summarize_run

_JOB = "recent work"
_COLUMNS = ("Name", "Watch", "Scale", "Gain", "State", "Last change", "Note")
_NOTE = len(_COLUMNS) - 1
_STATES = {
    "training": "Training now",
    "completed": "Finished",
    "interrupted": "Interrupted",
    "stopped": "Stopped, can be resumed",
    "discarded": "Stopped, can be resumed",
    "failed": "Failed, can be resumed",
    "lost": "Stopped before its first save",
    "empty": "Not started",
}
_MIN_WIDTH = 200  # pixels; a narrower page than the columns need scrolls the table


@dataclass(frozen=True)
class _Work:
    """A workspace of the list; without a summary if its run cannot be read."""

    path: Path
    summary: RunSummary | None
    note: str


class RecentWork(QWidget):
    """Table of the recent workspaces, filled in the background; hidden while there is none."""

    open_requested = Signal(str)  # path
    resume_requested = Signal(str)  # path

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background
        self._work: list[_Work] = []
        self.table = self._make_table()
        self.open_button = self._make_button("Open", "", self._open)
        self.resume_button = self._make_button("Resume", "start", self._resume)
        self.folder_button = self._make_button("Folder", "folder", self._show_folder)
        self.note_button = self._make_button("Note", "edit", self._edit_note)
        self.remove_button = self._make_button("Remove", "close", self._remove)
        self.folder_button.setToolTip("Show the folder in the file manager.")
        self.note_button.setToolTip("Write a note about this work.")
        self.remove_button.setToolTip("Remove from this list; the files stay where they are.")
        heading = PlainLabel("Recent work")
        heading.setProperty("role", "heading")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        buttons = QWidget()
        flow = FlowLayout(buttons, SPACING // 2)
        for button in self._buttons:
            flow.addWidget(button)
        row = QHBoxLayout()
        row.addWidget(heading, 0, Qt.AlignmentFlag.AlignTop)
        row.addStretch(1)
        row.addWidget(buttons)
        layout.addLayout(row)
        layout.addWidget(self.table)
        self._show_choice()

    def _make_table(self) -> QTableWidget:
        table = QTableWidget(0, len(_COLUMNS))
        table.setAccessibleName("Recent work")
        header = TermHeader(table)
        table.setHorizontalHeader(header)
        table.setHorizontalHeaderLabels(_COLUMNS)
        header.explain()
        table.verticalHeader().hide()
        table.setShowGrid(False)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        table.setTabKeyNavigation(False)
        header.setHighlightSections(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(_NOTE, QHeaderView.ResizeMode.Stretch)
        table.setMinimumWidth(_MIN_WIDTH)
        table.itemSelectionChanged.connect(self._show_choice)
        table.itemChanged.connect(self._store_note)
        table.activated.connect(lambda index: self._open())  # double click or Enter
        edit = QShortcut(QKeySequence(Qt.Key.Key_F2), table, context=Qt.ShortcutContext.WidgetShortcut)
        edit.activated.connect(self._edit_note)
        delete = QShortcut(QKeySequence(Qt.Key.Key_Delete), table, context=Qt.ShortcutContext.WidgetShortcut)
        delete.activated.connect(self._remove)
        table.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        table.customContextMenuRequested.connect(self._show_menu)
        return table

    def _make_button(self, text: str, icon: str, callback: Callable[[], None]) -> QPushButton:
        button = QPushButton(text)
        if icon:
            set_icon(button, icon)
        button.clicked.connect(lambda: callback())
        return button

    @property
    def _buttons(self) -> tuple[QPushButton, ...]:
        return self.open_button, self.resume_button, self.folder_button, self.note_button, self.remove_button

    def refresh(self) -> None:
        """Read the list of recent workspaces and their runs."""
        self._background.run_job(_JOB, _read_work, self._show, _raise_error)

    def _show(self, work: list[_Work]) -> None:
        chosen = self._chosen
        self._work = []  # what is filled in now is no edit
        self.table.setRowCount(len(work))
        for row, entry in enumerate(work):
            for column, text in enumerate(_format_row(entry)):
                item = QTableWidgetItem(visible(text))
                item.setToolTip(plain_tooltip(str(entry.path)))
                self.table.setItem(row, column, item)
        self._work = work
        rows = [row for row, entry in enumerate(work) if chosen is not None and entry.path == chosen.path]
        self.table.setCurrentCell(rows[0], 0) if rows else self.table.clearSelection()
        frame = 2 * self.table.frameWidth()
        bars = self.table.horizontalHeader(), self.table.horizontalScrollBar()
        height = sum(bar.sizeHint().height() for bar in bars) + self.table.verticalHeader().length() + frame
        self.table.setFixedHeight(height)
        self.setVisible(bool(work))
        self._show_choice()

    @property
    def _chosen(self) -> _Work | None:
        rows = self.table.selectionModel().selectedRows()
        return self._work[rows[0].row()] if rows and rows[0].row() < len(self._work) else None

    def _show_choice(self) -> None:
        chosen = self._chosen
        for button in self._buttons:
            button.setEnabled(chosen is not None)
        resumable = chosen is not None and chosen.summary is not None and chosen.summary.is_resumable
        self.resume_button.setEnabled(resumable)

    def _show_menu(self, position: QPoint) -> None:
        if self._chosen is None:
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for button in self._buttons:
            action = menu.addAction(button.icon(), button.text())
            action.setEnabled(button.isEnabled())
            action.triggered.connect(button.click)
        menu.popup(self.table.viewport().mapToGlobal(position))

    def _open(self) -> None:
        if self._chosen is not None:
            self.open_requested.emit(str(self._chosen.path))

    def _resume(self) -> None:
        if self._chosen is not None:
            self.resume_requested.emit(str(self._chosen.path))

    def _show_folder(self) -> None:
        if self._chosen is not None:
            open_folder(self._chosen.path)

    def _edit_note(self) -> None:
        item = self.table.item(self.table.currentRow(), _NOTE)
        if item is not None and self._chosen is not None:
            self.table.editItem(item)

    def _store_note(self, item: QTableWidgetItem) -> None:
        if item.column() == _NOTE and item.row() < len(self._work):
            write_note(self._work[item.row()].path, item.text())

    def _remove(self) -> None:
        if self._chosen is not None:
            remove_recent_workspace(self._chosen.path)
            self.refresh()


def _read_work() -> list[_Work]:
    notes = read_notes()
    return [_Work(path, _summarize(path), notes.get(path, "")) for path in read_recent_workspaces()]


def _summarize(path: Path) -> RunSummary | None:
    try:
        return summarize_run(Workspace(path))
    except (UserError, OSError):
        return None


def _format_row(work: _Work) -> tuple[str, ...]:
    """Return the texts of the columns."""
    summary = work.summary
    if summary is None:
        return work.path.name, "", "", "", "Cannot be read", "", work.note
    gain = "" if summary.gain is None else f"{summary.gain:+.2f} dB"
    changed = summary.changed_at
    date = "" if changed is None else _format_date(changed)
    watch = "/".join([summary.watch.models[0], *(model.rpartition("-")[2] for model in summary.watch.models[1:])])
    return work.path.name, watch, f"x{summary.scale}", gain, _STATES[summary.state], date, work.note


def _format_date(seconds: float) -> str:
    """Return day and time, for another year than this one day and year."""
    date = time.localtime(seconds)
    return time.strftime("%d %b, %H:%M" if date.tm_year == time.localtime().tm_year else "%d %b %Y", date)


def _raise_error(error: Exception) -> None:
    raise error
