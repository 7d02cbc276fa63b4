"""The two doors of the start page, used with the keyboard alone: keys go to the window, as the desktop sends them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QStandardPaths, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from app.window import Window
from tests.gui.window_driver import is_quiet

_LONG = 60_000  # milliseconds; a busy machine needs them
_MOST_STOPS = 200


def press(window: Window, key: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press a key; afterwards something in sight of the window has the focus, unless a dialog took it."""
    QTest.keyClick(window.windowHandle(), key, modifier)
    QApplication.processEvents()
    if QApplication.activeWindow() is window:
        focused = QApplication.focusWidget()
        assert focused is not None and focused.isVisible() and window.isAncestorOf(focused)
        assert not focused.visibleRegion().isEmpty(), f"{focused} lies out of sight"


def go_to(window: Window, target: QWidget, key: Qt.Key = Qt.Key.Key_Tab) -> None:
    """Press Tab, or Shift+Tab with Key_Backtab, until a widget or a part of it has the focus."""
    modifier = Qt.KeyboardModifier.ShiftModifier if key is Qt.Key.Key_Backtab else Qt.KeyboardModifier.NoModifier
    for _ in range(_MOST_STOPS):
        focused = QApplication.focusWidget()
        if focused is not None and (focused is target or target.isAncestorOf(focused)):
            return
        press(window, key, modifier)
    raise AssertionError(f"{target} was not reached")


@pytest.fixture
def active(window: Window, qtbot: Any) -> Window:
    """The window on its start page, as a user finds it."""
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    assert window.start_page.isVisible()
    return window


@pytest.mark.parametrize("key", [Qt.Key.Key_Space, Qt.Key.Key_Return])
def test_the_enlarging_door_opens(active: Window, qtbot: Any, key: Qt.Key) -> None:
    go_to(active, active.start_page.enlarge_button)
    press(active, key)
    qtbot.waitUntil(lambda: active.deployment.trial_dialog is not None, timeout=_LONG)
    trial = active.deployment.trial_dialog
    assert trial is not None
    qtbot.waitUntil(lambda: trial.isVisible() and QApplication.focusWidget() is not None, timeout=_LONG)
    focused = QApplication.focusWidget()
    assert focused is not None and focused.window() is trial


def test_the_enlarging_door_opens_from_the_menu(active: Window, qtbot: Any) -> None:
    press(active, Qt.Key.Key_M, Qt.KeyboardModifier.AltModifier)
    menu = QApplication.activePopupWidget()
    assert menu is not None
    QTest.keyClick(menu, Qt.Key.Key_P)
    qtbot.waitUntil(lambda: active.deployment.trial_dialog is not None, timeout=_LONG)


def test_the_training_door_leads_to_the_form_and_to_its_start(
    active: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: str(tmp_path / "documents"))
    started: list[str] = []
    monkeypatch.setattr(active.session, "start", lambda *a, **k: started.append("training"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *a, **k: str(photos))
    go_to(active, active.start_page.train_button)
    press(active, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: active.project.is_ready and is_quiet(active), timeout=_LONG)
    first = next(iter(active.form.rows.values()))
    go_to(active, first.entry, Qt.Key.Key_Backtab)
    go_to(active, active.run_bar.start_button)
    press(active, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(started), timeout=_LONG)
