"""The bar below the form: where the focus goes, and what its progress shows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.run.estimate import Estimate
from app.run.session import SessionState
from app.widgets.progress_bar import ProgressBar
from app.window import Window
from tests.gui.window_driver import fill_form
from trainer_core.events import RunStarted, StepDone
from trainer_core.planning.readiness import WARNING, Check

_LONG = 240_000  # milliseconds; a busy machine needs them


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


def test_the_bar_that_moves_before_the_first_step_stands_still_in_a_pause(window: Window) -> None:
    bar = window.run_bar
    bar.show_state(SessionState.STARTING)
    bar.on_event(RunStarted("1", "run", 4, True, 0, 100, "cpu", "fp32", 1, {}))
    bar.show_state(SessionState.PAUSING)
    assert bar.findChildren(ProgressBar)[0].is_busy
    bar.show_state(SessionState.PAUSED)
    assert not bar.findChildren(ProgressBar)[0].is_busy
    bar.show_state(SessionState.IDLE)


def test_save_and_preview_show_at_once_that_they_are_under_way(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000, val_interval=100000, checkpoint_interval=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    bar = window.run_bar
    window.controller.save_now()
    assert bar.save_button.text() == "Save now", "there is no run"
    window.controller.start()
    qtbot.waitUntil(lambda: window.session.step >= 1, timeout=_LONG)
    qtbot.mouseClick(bar.save_button, Qt.MouseButton.LeftButton)
    assert (bar.save_button.text(), bar.preview_button.text()) == ("Saving …", "Preview now")
    qtbot.waitUntil(lambda: bar.save_button.text() == "Save now", timeout=_LONG)
    assert window.message_strip.text.startswith("Saved at step")
    qtbot.mouseClick(bar.preview_button, Qt.MouseButton.LeftButton)
    assert bar.preview_button.text() == "Previewing …"
    qtbot.waitUntil(lambda: bar.preview_button.text() == "Preview now", timeout=_LONG)
    window.session.pause_or_resume()
    window.controller.save_now()
    window.session.stop()
    assert bar.save_button.text() == "Save now" and not bar.save_button.isEnabled()


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


def test_the_bar_becomes_as_low_again_as_it_was_with_fewer_checks(window: Window, qtbot: Any) -> None:
    window.controller._estimate.changed.disconnect()  # its lines come when they are ready
    window.project.set_value("init_weights", None)  # sharpness from nothing gets a warning
    heights = []
    for weight in (0.0, 0.05, 0.0):
        window.project.set_value("gan_weight", weight)
        qtbot.waitUntil(lambda: window.run_bar.height() == window.run_bar.sizeHint().height())  # it is laid out again
        heights.append(window.run_bar.height())
    assert heights[1] > heights[0] == heights[2]


def test_a_bar_that_waits_for_the_end_of_a_stopped_run_is_not_full(window: Window) -> None:
    bar = window.run_bar
    window.project.set_value("max_minutes", None)
    bar.show_state(SessionState.TRAINING)
    bar.on_event(StepDone(9, 10, {"total": 1.0}, 1e-4, 1.0, 1.0, 1.0, 1.0, 10**9))
    assert bar._bar.value() == 9
    window.project.set_value("max_minutes", 10.0)
    bar.on_event(StepDone(9, 10, {"total": 1.0}, 1e-4, 1.0, 1.0, 1.0, 1.0, 10**9, run_seconds=120.0))
    assert (bar._bar.value(), bar._bar.maximum()) == (120, 600), "the time limit decides"
    bar.show_state(SessionState.STOPPING)
    bar.on_event(StepDone(10, 10, {"total": 1.0}, 1e-4, 1.0, 1.0, 1.0, 0.0, 10**9))
    assert bar._bar.is_busy
    bar.show_state(SessionState.IDLE)


def test_the_bar_is_as_high_as_the_last_of_several_changes_needs(window: Window) -> None:
    bar = window.run_bar
    checks = [Check(WARNING, " ".join(["word"] * count), "max_minutes") for count in (12, 26)]
    for seen in (checks, checks[:1], []):
        bar.show_continuation(tuple(checks))
        bar.show_estimate(Estimate("10 minutes (time limit)"))
        bar.show_estimate(Estimate())
        bar.show_continuation(tuple(seen))
        QApplication.processEvents()
        page = bar._pages.currentWidget()
        assert page is not None and bar._pages.height() == page.heightForWidth(bar.width())


def test_the_bar_has_the_height_of_texts_that_get_their_style_later(window: Window) -> None:
    bar = window.run_bar
    bar.show_estimate(Estimate(time="About 1 hour", details="60 steps a minute"))
    QApplication.processEvents()
    before = bar.height()
    font = bar._time.font()
    font.setPointSize(2 * font.pointSize())
    bar._time.setFont(font)
    QApplication.processEvents()
    page = bar._pages.currentWidget()
    assert page is not None and page.height() == page.heightForWidth(page.width()) and bar.height() >= before + 10
