"""Error reports and their dialog: title, cause, advice, details, and buttons to copy and save the report.

`ExceptionHook` catches unhandled errors of every thread and shows each kind once, while the window keeps running.
"""

from __future__ import annotations

import sys
import threading
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Callable

from PySide6.QtCore import QObject, Qt, Signal, Slot
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QMessageBox,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

import trainer_core
from app.system.report_text import anonymize, version_line
from app.widgets.dialogs import Dialog
from app.widgets.file_filters import DOCUMENTS, start_folder, store_folder
from app.widgets.icons import pixmap, set_icon
from app.widgets.plain_text import PlainLabel, visible
from app.widgets.theme import SPACING, theme_colors
from trainer_core.text import print_lines

_FOLDER = "report_folder"
_FILE_ADVICE = "Check free disk space and write permission, then try again. No other file was changed."
_GENERAL_ADVICE = (
    "Try again; the window and your files are unharmed. If the error occurs again, save the report and include it "
    "in a bug report."
)


@dataclass(frozen=True)
class ErrorReport:
    """Contents of an error dialog."""

    title: str
    cause: str
    advice: str = ""
    details: str = ""

    def format_text(self) -> str:
        """Return the report as plain text with versions and without the user's name, so that it can be shared."""
        parts = (self.title, self.cause, self.advice, version_line(), self.details)
        return anonymize("\n\n".join(part for part in parts if part))


def show_versions(parent: QWidget) -> None:
    """Show the versions of the program and its libraries."""
    text = ErrorReport(
        "WQV Upscale Trainer", "Trains networks that upscale Casio WQV wrist camera photos."
    ).format_text()
    title = f"About version {trainer_core.__version__}"
    box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, QMessageBox.StandardButton.Close, parent)
    box.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    box.open()


def error_message(error: BaseException) -> str:
    """Return a short cause: the system's text and file name of an `OSError`, else the text of the error."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return str(error) or type(error).__name__


def bug_report(error: BaseException, details: str = "") -> ErrorReport:
    """Return the report of an unexpected error: a file error or a bug of the program."""
    text = details or "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if isinstance(error, OSError):
        return ErrorReport("A file could not be read or written", f"{error_message(error)}.", _FILE_ADVICE, text)
    return ErrorReport("An unexpected error occurred", f"{type(error).__name__}: {error}", _GENERAL_ADVICE, text)


class ErrorDialog(Dialog):
    """Dialog that shows one report without blocking the window.

    Args:
        remedy: label and function of a button, if the program can fix the problem.
    """

    def __init__(
        self,
        report: ErrorReport,
        parent: QWidget | None = None,
        *,
        remedy: tuple[str, Callable[[], object]] | None = None,
    ) -> None:
        super().__init__(parent)
        self._report, self._remedy = report, remedy
        self.setWindowTitle(QGuiApplication.applicationDisplayName())  # the report has its title inside
        self.setAccessibleName(report.title)
        self.setMinimumWidth(480)
        layout = QVBoxLayout(self.contents)
        layout.setSpacing(SPACING)
        layout.addLayout(self._make_header())
        self._details = QPlainTextEdit(visible(report.details))
        self._details.setReadOnly(True)
        self._details.setAccessibleName("Details")
        self._details.setMinimumHeight(160)
        self._details.hide()
        layout.addWidget(self._details, 1)
        self._save_error = PlainLabel()
        self._save_error.setProperty("role", "error")
        self._save_error.setWordWrap(True)
        self._save_error.hide()
        layout.addWidget(self._save_error)
        layout.addWidget(self._make_buttons())

    def _make_header(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * SPACING)
        icon_label = PlainLabel()
        icon_label.setPixmap(pixmap("wrong", theme_colors().error, 32))
        row.addWidget(icon_label, 0)
        texts = QVBoxLayout()
        for text, role in ((self._report.title, "heading"), (self._report.cause, ""), (self._report.advice, "muted")):
            if text:
                label = PlainLabel(text)
                label.setWordWrap(True)
                label.setProperty("role", role)
                texts.addWidget(label)
        row.addLayout(texts, 1)
        return row

    def _make_buttons(self) -> QDialogButtonBox:
        box = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        box.rejected.connect(self.reject)
        copy = box.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self._report.format_text()))
        set_icon(copy, "copy")
        save = box.addButton("Save report …", QDialogButtonBox.ButtonRole.ActionRole)
        save.clicked.connect(self._save)
        set_icon(save, "save")
        if self._remedy is not None:
            self._add_remedy(box, *self._remedy)
        if self._report.details:
            self._details_button = QPushButton("Details")
            self._details_button.setCheckable(True)
            self._details_button.toggled.connect(self._details.setVisible)
            box.addButton(self._details_button, QDialogButtonBox.ButtonRole.ActionRole)
        return box

    def _add_remedy(self, box: QDialogButtonBox, label: str, apply: Callable[[], object]) -> None:
        button = box.addButton(label, QDialogButtonBox.ButtonRole.AcceptRole)
        button.setProperty("role", "primary")
        button.setDefault(True)
        set_icon(button, "start", "on_accent")
        box.accepted.connect(self.accept)
        self.accepted.connect(apply)

    def set_details_visible(self, visible: bool) -> None:
        """Show or hide the details."""
        if self._report.details:
            self._details_button.setChecked(visible)

    def _save(self) -> None:
        proposal = str(start_folder(_FOLDER, DOCUMENTS) / "wqv-trainer-report.txt")
        name, _ = QFileDialog.getSaveFileName(self, "Save report", proposal, "Text (*.txt)")
        if not name:
            return
        store_folder(_FOLDER, Path(name))
        self._save_error.clear()
        try:
            Path(name).write_text(self._report.format_text(), encoding="utf-8")
        except OSError as error:
            self._save_error.setText(f"{name} could not be written: {error_message(error)}.")
        self._save_error.setVisible(bool(self._save_error.text()))


class ExceptionHook(QObject):
    """Replacement of Python's handlers of unhandled errors while the window is open.

    Args:
        window: parent of the dialogs.
        log_error: also receives the text of every error, from any thread.
    """

    _caught = Signal(object, object)

    def __init__(self, window: QWidget, log_error: Callable[[str], None] = lambda text: None) -> None:
        super().__init__(window)
        self._window = window
        self._log_error = log_error
        self._shown: set[tuple[Any, ...]] = set()
        self._dialog: ErrorDialog | None = None
        self._caught.connect(self._show)

    def install(self) -> None:
        """Install the exception hooks."""
        self._before = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_exception
        threading.excepthook = lambda escaped: self._on_exception(
            escaped.exc_type, escaped.exc_value or escaped.exc_type(), escaped.exc_traceback
        )

    def remove(self) -> None:
        """Restore Python's handlers."""
        sys.excepthook, threading.excepthook = self._before

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        print_lines(*text.rstrip().split("\n"), stream=sys.stderr)
        self._log_error(text)
        last = traceback.extract_tb(trace)[-1:] if trace else []
        place = tuple((frame.filename, frame.name) for frame in last)
        if not issubclass(kind, KeyboardInterrupt):
            self._caught.emit(bug_report(error, text), (kind, place, str(error)))

    @Slot(object, object)
    def _show(self, report: ErrorReport, kind: tuple[Any, ...]) -> None:
        """Show each kind of error once and one at a time, because an error may repeat many times a second."""
        is_open = self._dialog is not None and isValid(self._dialog) and self._dialog.isVisible()
        if not is_open and kind not in self._shown:
            self._shown.add(kind)
            self._dialog = show_report(report, self._window)


def show_report(
    report: ErrorReport,
    parent: QWidget | None,
    *,
    unfold: bool = False,
    remedy: tuple[str, Callable[[], object]] | None = None,
) -> ErrorDialog:
    """Open an error dialog and return it at once; `unfold` shows the details from the start."""
    dialog = ErrorDialog(report, parent, remedy=remedy)
    dialog.set_details_visible(unfold)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog
