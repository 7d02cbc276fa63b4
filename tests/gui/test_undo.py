"""Every edit of the form can be taken back and made again: choices, typed text, dropped files, imported settings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget

from app.form import edit_history
from app.run.session import SessionState
from app.window import Window
from tests.gui.window_driver import drop_files, find_named, unfold_groups, wait_until_quiet
from tests.small_runs import make_workspace

_CONTROL, _SHIFT = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.ShiftModifier


def undo(window: Window, qtbot: Any, *, redo: bool = False) -> None:
    """Press Ctrl+Z, or Ctrl+Shift+Z, where the focus is."""
    target = window.focusWidget() or window
    qtbot.keyClick(target, Qt.Key.Key_Z, _CONTROL | _SHIFT if redo else _CONTROL)


def click(window: Window, qtbot: Any, name: str) -> None:
    qtbot.mouseClick(find_named(window.form, name), Qt.MouseButton.LeftButton)


def line_of(window: Window, name: str) -> QLineEdit:
    line = window.form.rows[name].entry.focusProxy()
    assert isinstance(line, QLineEdit)
    return line


def drop_on(window: Window, row: QWidget, path: Path) -> None:
    place = row.mapTo(window, QPoint(row.width() // 2, row.height() // 2))
    drop_files(window, path, place=place)


@pytest.fixture(autouse=True)
def active(window: Window, qtbot: Any) -> None:
    """Give the window the focus, and wait for what it proposes."""
    window.activateWindow()
    window.form.focus_setting("source_dir")
    wait_until_quiet(window, qtbot)


def test_choices_are_taken_back_one_by_one_and_made_again(window: Window, qtbot: Any) -> None:
    project = window.project
    first = project.draft.config
    assert not project.can_undo and not project.can_redo
    click(window, qtbot, "How much larger: x2")
    second = project.draft.config
    click(window, qtbot, "How long: Best, needs a graphics card")
    third = project.draft.config
    assert (second.scale, third.preset, third.num_block) == (2, "full", 23)
    undo(window, qtbot)
    assert project.draft.config == second and window.form.rows["num_block"].entry.value() == second.num_block
    undo(window, qtbot)
    assert project.draft.config == first and not project.can_undo
    for config in (second, third):
        undo(window, qtbot, redo=True)
        assert project.draft.config == config
    assert not project.can_redo
    undo(window, qtbot)
    click(window, qtbot, "Start from: Nothing")
    assert not project.can_redo, "a new edit takes the place of those that were taken back"


def test_a_click_that_changes_nothing_is_no_edit(window: Window, qtbot: Any) -> None:
    click(window, qtbot, "How much larger: x4")
    assert not window.project.can_undo


def test_typed_text_is_taken_back_at_once_from_within_its_field(window: Window, qtbot: Any) -> None:
    line = line_of(window, "workspace")
    line.setFocus()
    qtbot.keyClicks(line, "/nowhere/run")
    undo(window, qtbot)
    assert line.text() == "" == window.project.draft.config.workspace and line.hasFocus()
    undo(window, qtbot, redo=True)
    assert line.text() == "/nowhere/run" and line.cursorPosition() == len(line.text())


def test_a_pause_in_typing_begins_another_edit(window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    unfold_groups(window)
    line = line_of(window, "model_name")
    line.setFocus()
    line.selectAll()
    for pause, text in ((60.0, "harbor"), (0.0, "s")):
        monkeypatch.setattr(edit_history, "_PAUSE", pause)
        qtbot.keyClicks(line, text)
    undo(window, qtbot)
    assert line.text() == "harbor" == window.project.draft.config.model_name
    undo(window, qtbot)
    assert line.text() == "wqv_neosr"


def test_text_that_is_no_value_is_taken_back_too(window: Window, qtbot: Any) -> None:
    line = line_of(window, "max_minutes")
    line.setFocus()
    line.selectAll()
    before = window.project.draft.config
    qtbot.keyClicks(line, "an hour")
    assert "max_minutes" in window.project.problems
    undo(window, qtbot)
    assert window.project.draft.config == before and "max_minutes" not in window.project.problems


def test_a_dropped_folder_is_taken_back_and_dropped_again(window: Window, qtbot: Any, photos: Path) -> None:
    row = window.form.rows["source_dir"]
    drop_on(window, row, photos)
    qtbot.waitUntil(lambda: row.note.startswith("6 photos"), timeout=240_000)
    undo(window, qtbot)
    assert window.project.draft.config.source_dir == "" and "6 photos" not in row.note
    undo(window, qtbot, redo=True)
    qtbot.waitUntil(lambda: row.note.startswith("6 photos"), timeout=240_000)


def test_an_opened_workspace_is_taken_back_with_all_that_it_brought(window: Window, qtbot: Any, tmp_path: Path) -> None:
    project = window.project
    project.set_value("scale", 8)
    project.set_value("batch_size", 5)
    before = project.draft.config
    drop_on(window, window.form.rows["workspace"], make_workspace(tmp_path / "run", scale=2))
    wait_until_quiet(window, qtbot)
    opened = project.draft.config
    assert (opened.scale, opened.batch_size, opened.workspace) == (2, 2, str(tmp_path / "run"))
    undo(window, qtbot)
    wait_until_quiet(window, qtbot)
    assert project.draft.config == before
    undo(window, qtbot, redo=True)
    wait_until_quiet(window, qtbot)
    assert project.draft.config == opened


def test_imported_settings_the_demo_and_a_reset_are_taken_back(window: Window, qtbot: Any, tmp_path: Path) -> None:
    project = window.project
    project.set_value("seed", 7)
    before = project.draft.config
    settings = tmp_path / "mine.json"
    settings.write_text(json.dumps({"schema": 1, "scale": 2, "seed": 5, "preset": "nano"}))
    window.controller.settings_files.import_from(settings)
    qtbot.waitUntil(lambda: project.draft.config.scale == 2)
    undo(window, qtbot)
    assert project.draft.config == before
    window.controller.load_demo(str(tmp_path / "demo"))
    assert project.draft.config.demo
    undo(window, qtbot)
    wait_until_quiet(window, qtbot)
    assert project.draft.config == before
    project.reset_value("seed")
    undo(window, qtbot)
    assert project.draft.config.seed == 7


def test_the_watch_and_its_profile_come_back_together(window: Window, qtbot: Any, tmp_path: Path) -> None:
    from trainer_core.camera import CameraProfile

    profile = tmp_path / "mine.json"
    profile.write_text(json.dumps(CameraProfile.builtin("wqv1").to_json()))
    window.project.set_path("camera_profile", str(profile))
    qtbot.waitUntil(lambda: window.project.draft.config.monochrome_style, timeout=240_000)
    before = window.project.draft.config
    click(window, qtbot, "Your watch: WQV-3/10 color")
    assert window.project.draft.config.camera_profile is None
    undo(window, qtbot)
    wait_until_quiet(window, qtbot)
    assert window.project.draft.config == before


def test_what_is_taken_back_behind_expert_is_shown(window: Window, qtbot: Any) -> None:
    row = window.form.rows["batch_size"]
    window.project.set_value("batch_size", 5)
    assert not row.isVisible()
    undo(window, qtbot)
    assert row.isVisible() and row.entry.value() == 16


def test_what_a_run_has_begun_with_is_not_taken_back(window: Window, tmp_path: Path) -> None:
    project, (action,) = window.project, [a for a in window.findChildren(QAction) if a.text() == "&Undo"]
    assert not action.isEnabled()
    project.set_path("workspace", str(make_workspace(tmp_path / "run")))
    project.set_value("scale", 2)
    assert action.isEnabled()
    window.menus.show_state(SessionState.TRAINING)
    assert not action.isEnabled()
    window.menus.show_state(SessionState.IDLE)
    assert action.isEnabled()
    project.commit()
    assert project.can_undo, "the workspace stores what it did"
    stored = tmp_path / "run" / "training_config.json"
    stored.write_text(json.dumps({**json.loads(stored.read_text("utf-8")), "scale": 2}), "utf-8")
    project.commit()
    project.changed.emit()
    assert not project.can_undo and not action.isEnabled()


def test_what_the_window_opens_at_its_start_is_no_edit(window: Window, tmp_path: Path) -> None:
    window.apply_arguments(str(make_workspace(tmp_path / "run")))
    assert window.project.draft.config.workspace and not window.project.can_undo
    QApplication.processEvents()
