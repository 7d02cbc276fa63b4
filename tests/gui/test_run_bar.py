"""The bar below the form: where the focus goes, and what its progress shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.session import SessionState
from app.window import Window
from tests.gui.window_driver import fill_form

_LONG = 60000  # milliseconds; a busy machine needs them


def state(window: Window) -> SessionState:
    """Return the state now: mypy takes an attribute for unchanged after an assertion about it."""
    return window.session.state


def press_space(qtbot: Any) -> None:
    focus = QApplication.focusWidget()
    assert focus is not None
    qtbot.keyClick(focus, Qt.Key.Key_Space)
    QApplication.processEvents()


def test_a_second_space_on_start_stops_nothing_and_one_after_the_end_starts_nothing(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window.activateWindow()
    fill_form(window, photos, tmp_path / "run", steps=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.run_bar.start_button.setFocus()
    press_space(qtbot)
    assert state(window) is SessionState.STARTING
    press_space(qtbot)
    qtbot.waitUntil(lambda: window.session.step >= 2, timeout=_LONG)
    press_space(qtbot)
    assert state(window) is SessionState.TRAINING
    window.run_bar.stop_button.setFocus()
    press_space(qtbot)
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    press_space(qtbot)
    assert not window.session.is_active
    assert not [box for box in QApplication.topLevelWidgets() if box.isVisible() and box is not window]


def test_a_start_by_shortcut_from_a_field_leaves_the_focus_where_a_key_stops_nothing(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window.activateWindow()
    fill_form(window, photos, tmp_path / "run", steps=100000)
    window.form.focus_setting("source_dir")
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    field = QApplication.focusWidget()
    assert field is not None
    qtbot.keyClick(field, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert window.session.is_active
    for _ in range(3):
        press_space(qtbot)
    qtbot.waitUntil(lambda: window.session.step >= 2, timeout=_LONG)
    assert state(window) is SessionState.TRAINING
