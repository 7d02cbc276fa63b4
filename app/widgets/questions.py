"""Question dialogs with named answers that do not block the window."""

from __future__ import annotations

import html
from collections.abc import Sequence
from typing import Callable

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMessageBox, QWidget

from app.widgets.plain_text import plain_message, visible

Answer = tuple[str, Callable[[], object]]


def ask_question(
    parent: QWidget,
    title: str,
    text: str,
    answers: Sequence[Answer],
    *,
    cancel: str = "Cancel",
    cancel_is_default: bool = False,
) -> QMessageBox:
    """Show a question and call the function of the chosen answer; `cancel` and Escape call none.

    Args:
        parent: window of the dialog.
        title: the question; a second one with a visible title returns the open dialog.
        text: explanation; plain text, which may hold names of files.
        answers: label and function; the first one is the default and must be the safest.
        cancel: label of the button that does nothing.
        cancel_is_default: whether that button is the default instead, because no answer is safe.
    """
    for other in parent.findChildren(QMessageBox):
        if other.isVisible() and other.objectName() == title:
            return other  # this question is already open
    # The question is in the box; a title bar is often too narrow for it.
    program = QGuiApplication.applicationDisplayName()
    box = QMessageBox(QMessageBox.Icon.Question, program, f"<b>{html.escape(visible(title))}</b>", parent=parent)
    box.setAccessibleName(title)
    box.setObjectName(title)
    box.setInformativeText(plain_message(text))
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    functions = {}
    for label, function in answers:
        button = box.addButton(label, QMessageBox.ButtonRole.AcceptRole)
        functions[label] = function
        if len(functions) == 1:
            box.setDefaultButton(button)
    cancel_button = box.addButton(cancel, QMessageBox.ButtonRole.RejectRole)
    box.setEscapeButton(cancel_button)
    if cancel_is_default:
        box.setDefaultButton(cancel_button)
    box.buttonClicked.connect(lambda button: functions.get(button.text(), lambda: None)())
    box.open()
    return box
