"""Errors for people: title, cause, what to try, details to unfold, copy, save.

`ErrorHook` catches what escapes anywhere, in any thread, and shows each kind of fault once; the window lives on.
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
from PySide6.QtGui import QGuiApplication, QShowEvent
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)
from shiboken6 import isValid

from app.icons import pixmap, set_icon
from app.system.report_text import anonymize, version_line
from app.theme import SPACING, theme_colors

_FILE_ADVICE = (
    "See whether the disk has room and the file or folder may be written, then try again. Nothing else was touched."
)
_GENERAL_ADVICE = "Try again. If it comes back, save the report and pass it on; the window and your files are unharmed."


@dataclass(frozen=True)
class ErrorReport:
    """What an error dialog shows."""

    title: str
    cause: str
    advice: str = ""
    details: str = ""

    def format_text(self) -> str:
        """The whole as plain text, with versions, without the user's name: fit to be passed on."""
        parts = (self.title, self.cause, self.advice, version_line(), self.details)
        return anonymize("\n\n".join(part for part in parts if part))


def error_message(error: BaseException) -> str:
    """What happened in a few words; the system's own, with the file, where it has some."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror} ({error.filename})" if error.filename else error.strerror
    return str(error) or type(error).__name__


def bug_report(error: BaseException, details: str = "") -> ErrorReport:
    """The report of an error that is not the user's."""
    text = details or "".join(traceback.format_exception(type(error), error, error.__traceback__))
    if isinstance(error, OSError):
        return ErrorReport("A file could not be read or written", f"{error_message(error)}.", _FILE_ADVICE, text)
    return ErrorReport("Something went wrong in the program", f"{type(error).__name__}: {error}", _GENERAL_ADVICE, text)


class ErrorDialog(QDialog):
    """Shows one report; does not block what runs behind it.

    Args:
        remedy: words of a button and what it does, where the program knows how to mend it.
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
        self.setWindowTitle(report.title)
        self.setMinimumWidth(480)
        layout = QVBoxLayout(self)
        layout.setSpacing(SPACING)
        layout.addLayout(self._head())
        self._details = QPlainTextEdit(report.details)
        self._details.setReadOnly(True)
        self._details.setAccessibleName("Details")
        self._details.setMinimumHeight(160)
        self._details.hide()
        layout.addWidget(self._details, 1)
        self._trouble = QLabel()
        self._trouble.setProperty("role", "error")
        self._trouble.setWordWrap(True)
        self._trouble.hide()
        layout.addWidget(self._trouble)
        layout.addWidget(self._buttons())

    def _head(self) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(2 * SPACING)
        sign = QLabel()
        sign.setPixmap(pixmap("wrong", theme_colors().error, 32))
        row.addWidget(sign, 0)
        texts = QVBoxLayout()
        for text, role in ((self._report.title, "heading"), (self._report.cause, ""), (self._report.advice, "muted")):
            if text:
                label = QLabel(text)
                label.setWordWrap(True)
                label.setProperty("role", role)
                texts.addWidget(label)
        row.addLayout(texts, 1)
        return row

    def _buttons(self) -> QDialogButtonBox:
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

    def _add_remedy(self, box: QDialogButtonBox, words: str, mend: Callable[[], object]) -> None:
        button = box.addButton(words, QDialogButtonBox.ButtonRole.AcceptRole)
        button.setProperty("role", "primary")
        button.setDefault(True)
        set_icon(button, "start", "on_accent")
        box.accepted.connect(self.accept)
        self.accepted.connect(mend)

    def showEvent(self, event: QShowEvent) -> None:
        """Icons and emphasis are known only now, and need room."""
        super().showEvent(event)
        self.resize(self.size().expandedTo(self.minimumSizeHint()))

    def set_details_visible(self, open_: bool) -> None:
        """Show or hide the details."""
        if self._report.details:
            self._details_button.setChecked(open_)

    def _save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Save report", "wqv-trainer-report.txt", "Text (*.txt)")
        if not name:
            return
        self._trouble.clear()
        try:
            Path(name).write_text(self._report.format_text(), encoding="utf-8")
        except OSError as error:
            self._trouble.setText(f"{name} could not be written: {error_message(error)}.")
        self._trouble.setVisible(bool(self._trouble.text()))


class ExceptionHook(QObject):
    """Takes the place of Python's own handlers of escaped errors while the window is open.

    Args:
        note: where the text of every error goes as well, from any thread.
    """

    _caught = Signal(object, object)

    def __init__(self, window: QWidget, log_error: Callable[[str], None] = lambda text: None) -> None:
        super().__init__(window)
        self._window = window
        self._note = log_error
        self._shown: set[tuple[Any, ...]] = set()
        self._dialog: ErrorDialog | None = None
        self._caught.connect(self._show)

    def install(self) -> None:
        """Begin to catch."""
        self._before = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_exception
        threading.excepthook = lambda escaped: self._on_exception(
            escaped.exc_type, escaped.exc_value or escaped.exc_type(), escaped.exc_traceback
        )

    def remove(self) -> None:
        """Give Python's handlers back."""
        sys.excepthook, threading.excepthook = self._before

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        text = "".join(traceback.format_exception(kind, error, trace))
        if sys.stderr is not None:
            print(text, file=sys.stderr)
        self._note(text)
        last = traceback.extract_tb(trace)[-1:] if trace else []
        place = tuple((frame.filename, frame.name) for frame in last)
        if not issubclass(kind, KeyboardInterrupt):
            self._caught.emit(bug_report(error, text), (kind, place, str(error)))

    @Slot(object, object)
    def _show(self, report: ErrorReport, fault: tuple[Any, ...]) -> None:
        """Each fault once, and one at a time: what comes many times a second must not bury the user."""
        reading = self._dialog is not None and isValid(self._dialog) and self._dialog.isVisible()
        if not reading and fault not in self._shown:
            self._shown.add(fault)
            self._dialog = show_report(report, self._window)


def show_report(
    report: ErrorReport,
    parent: QWidget | None,
    *,
    unfold: bool = False,
    remedy: tuple[str, Callable[[], object]] | None = None,
) -> ErrorDialog:
    """Open the dialog and return at once; `unfold` shows the details from the start."""
    dialog = ErrorDialog(report, parent, remedy=remedy)
    dialog.set_details_visible(unfold)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
    return dialog
