"""Controls stay where they appear: what a user is about to click does not move away from the pointer."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLineEdit,
    QTabBar,
    QWidget,
)

from app.form.checklist import ChecklistLine
from app.run.session import SessionState
from app.start import make_window
from app.window import Window
from tests.gui.window_driver import close_window, fill_form, wait_until_quiet

_LONG = 240_000  # milliseconds
_HOLD = 3.0  # seconds that a control stays in its place; 0.4 are wanted, and a slow machine needs longer to show a move
_LINE_HOLD = 0.4  # of a line of the checklist, which goes up and down with the checks that a user's choice brings
_CONTROLS = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit, QTabBar)


class ControlWatch(QObject):
    """Records the controls of a window that leave a pointer in their middle soon after their appearance.

    Attributes:
        seen: the texts of the controls that appeared, or their accessible names.
        moved: what moved too soon, with its places.
    """

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self._places: dict[QObject, tuple[float, QPoint]] = {}  # since when each visible control is drawn, and where
        self.seen: set[str] = set()
        self.moved: list[str] = []
        QApplication.instance().installEventFilter(self)  # type: ignore[union-attr]

    def stop(self) -> None:
        """End the record."""
        QApplication.instance().removeEventFilter(self)  # type: ignore[union-attr]

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Record where a control is drawn or that it is hidden."""
        if isinstance(watched, _CONTROLS) and watched.window() is self._window:
            if event.type() == QEvent.Type.Hide:
                self._places.pop(watched, None)
            elif event.type() == QEvent.Type.Paint:
                self._record(watched, watched.mapTo(self._window, QPoint()))
        return False

    def _record(self, control: QWidget, place: QPoint) -> None:
        now = time.monotonic()
        began, before = self._places.get(control, (now, place))
        has_left = not control.rect().contains(before + control.rect().center() - place)
        name = (control.text() if isinstance(control, QAbstractButton) else "") or control.accessibleName()
        hold = _LINE_HOLD if isinstance(control, ChecklistLine) else _HOLD
        if has_left and now - began < hold:
            moved = f"{name or control.toolTip()}: ({before.x()}, {before.y()}) to ({place.x()}, {place.y()})"
            self.moved.append(f"{moved} after {now - began:.2f} s")
        self.seen.add(name.replace("&", ""))
        self._places[control] = began, place


@pytest.fixture
def open_window(qapp: object, qtbot: Any) -> Iterator[Window]:
    made = make_window()
    made.show()
    made.start_background_work()
    yield made
    close_window(made, qtbot)


def test_no_control_moves_soon_after_it_appears_from_the_first_look_to_the_result(
    open_window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window = open_window
    watch = ControlWatch(window)
    wait_until_quiet(window, qtbot)
    fill_form(window, photos, tmp_path / "run", steps=12, val_interval=4, image_log_interval=4)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    wait_until_quiet(window, qtbot)
    qtbot.wait(int(1000 * _HOLD))  # a user who presses Start expects the progress above the views, which moves them
    window.run_bar.start_button.click()
    qtbot.waitUntil(lambda: window.session.step >= 3, timeout=_LONG)
    window.session.pause_or_resume()
    qtbot.waitUntil(lambda: window.session.state is SessionState.PAUSED, timeout=_LONG)
    window.session.pause_or_resume()
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    wait_until_quiet(window, qtbot)
    qtbot.wait(600)
    watch.stop()
    assert {"Pause", "Start training", "Use model", "6 photos", "Sharp photos to learn from"} <= watch.seen
    assert not watch.moved, "\n".join(watch.moved)
