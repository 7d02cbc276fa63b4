"""The menu's shortcuts work wherever the focus is."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu, QPlainTextEdit, QWidget

from app.window import Window

_EDITING = ("Copy", "Cut", "Paste", "SelectAll", "Delete", "Backspace")  # Undo and Redo of the menu include typing


def actions(window: Window) -> list[QAction]:
    menus = window.menuBar().findChildren(QMenu)
    return [action for menu in menus for action in menu.actions() if not action.shortcut().isEmpty()]


def is_taken_from_the_menu(field: QWidget, keys: QKeySequence) -> bool:
    """Whether a text field keeps the keys of a shortcut to itself."""
    pressed = keys[0]  # type: ignore[index]  # PySide's stubs lack it
    event = QKeyEvent(QEvent.Type.ShortcutOverride, pressed.key().value, pressed.keyboardModifiers())
    event.ignore()
    QApplication.sendEvent(field, event)
    return event.isAccepted()


@pytest.mark.parametrize("kind", [QLineEdit, QPlainTextEdit])
def test_a_text_field_leaves_every_shortcut_to_the_menu(window: Window, kind: type[QWidget]) -> None:
    fields = [field for field in window.findChildren(kind) if field.window() is window]  # not pyqtgraph's menus
    assert fields and len(actions(window)) > 10
    taken = [
        action.text()
        for action in actions(window)
        for field in fields
        if is_taken_from_the_menu(field, action.shortcut())
    ]
    assert taken == []


def test_no_shortcut_is_a_key_for_editing_text_or_another_shortcut(window: Window) -> None:
    editing = [key for name in _EDITING for key in QKeySequence.keyBindings(QKeySequence.StandardKey[name])]
    shortcuts = [action.shortcut() for action in actions(window)]
    assert [keys.toString() for keys in shortcuts if keys in editing] == []
    assert len({keys.toString() for keys in shortcuts}) == len(shortcuts)


def test_export_opens_by_its_shortcut_from_a_text_field(window: Window, qtbot: Any) -> None:
    window.form.focus_setting("source_dir")
    field = QApplication.focusWidget()
    assert isinstance(field, QLineEdit)
    qtbot.keyClick(field, Qt.Key.Key_E, Qt.KeyboardModifier.ControlModifier)
    deployment = window.deployment
    qtbot.waitUntil(lambda: deployment.export_dialog is not None and deployment.export_dialog.isVisible())


def test_enlarging_and_the_demo_have_one_name_each_wherever_they_are_offered(window: Window) -> None:
    menus = {action.text().replace("&", "") for action in window.menuBar().findChildren(QAction)}
    assert {"Enlarge photos …", "Enlarge photos with trained model …", "Try the two-minute demo"} <= menus
    card = window.result_card
    assert card.try_button.text() == card.try_action.text() == window.start_page.enlarge_button.text()
    assert window.start_page.demo_button.text() == "Try the two-minute demo"
    assert window.run_bar.demo_button.text() == "Demo"
