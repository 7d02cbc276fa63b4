"""Questions with named answers, asked without blocking what runs behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QMessageBox, QWidget

Answer = tuple[str, Callable[[], object]]


def ask_question(
    parent: QWidget, title: str, text: str, answers: Sequence[Answer], *, cancel: str = "Cancel"
) -> QMessageBox:
    """Show the question; the chosen answer's function is called, none for `cancel` and Escape.

    Args:
        answers: label and function, the safest first: it is the default.
    """
    for other in parent.findChildren(QMessageBox):
        if other.isVisible() and other.objectName() == title:
            return other  # it is asked already
    box = QMessageBox(QMessageBox.Icon.Question, title, f"<b>{title}</b>", parent=parent)
    box.setObjectName(title)
    box.setInformativeText(text)
    box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    functions = {}
    for label, function in answers:
        button = box.addButton(label, QMessageBox.ButtonRole.AcceptRole)
        functions[label] = function
        if len(functions) == 1:
            box.setDefaultButton(button)
    box.setEscapeButton(box.addButton(cancel, QMessageBox.ButtonRole.RejectRole))
    box.buttonClicked.connect(lambda button: functions.get(button.text(), lambda: None)())
    box.open()
    return box
