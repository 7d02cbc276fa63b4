"""The offer to resume the last session's run, and the session that no other start replaces."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.form.last_session import load_session, save_session
from app.runs.recent_workspaces import add_recent_workspace, read_recent_workspaces
from app.start import make_window
from app.system.settings_store import open_settings_store
from app.window import Window
from tests.core.test_summary import make_workspace
from tests.gui.window_driver import close_window, fill_form, wait_until_quiet
from trainer_core.sinks.journal import read_journal

_LONG = 240_000  # milliseconds; a busy machine needs them


@pytest.fixture
def unfinished(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> Path:
    """A workspace whose run ended without a `RunFinished`, as after a kill; its session was saved at the start."""
    workspace = tmp_path / "own"
    fill_form(window, photos, workspace, steps=100000, learning_rate=3e-4)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.controller.start()
    qtbot.waitUntil(lambda: window.session.step >= 2, timeout=_LONG)
    window.session.stop()
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    journal = workspace / "journal.jsonl"
    lines = [line for line in journal.read_text("utf-8").splitlines(keepends=True) if "RunFinished" not in line]
    journal.write_text("".join(lines), "utf-8")
    return workspace


@pytest.fixture
def again(qapp: QApplication, qtbot: Any) -> Iterator[Window]:
    """A second start of the program."""
    made = make_window()
    made.show()
    made.start_background_work()
    yield made
    close_window(made, qtbot)


def test_a_demo_offers_the_interrupted_run_and_resumes_it_with_its_own_photos(
    unfinished: Path, again: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    again.apply_arguments(str(tmp_path / "demo"), demo=True)
    qtbot.waitUntil(again.last_run_card.isVisible, timeout=_LONG)
    assert "Your training in own was interrupted" in again.last_run_card.text
    assert again.project.draft.config.demo
    qtbot.mouseClick(again.last_run_card.resume_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: again.session.step > 2, timeout=_LONG)
    config = again.project.draft.config
    assert (config.demo, config.source_dir, config.learning_rate) == (False, str(photos), 3e-4)
    starts = [record for record in read_journal(unfinished / "journal.jsonl") if record["event"] == "RunStarted"]
    assert starts[-1]["resumed_from"]
    assert not again.last_run_card.isVisible()


def test_the_last_session_is_restored(unfinished: Path, again: Window, qtbot: Any, photos: Path) -> None:
    again.apply_arguments(None)
    qtbot.waitUntil(again.resume_card.isVisible, timeout=_LONG)
    assert again.project.draft.config.source_dir == str(photos)
    assert not again.last_run_card.isVisible()


def test_the_table_of_recent_work_continues_a_run(unfinished: Path, again: Window, qtbot: Any, photos: Path) -> None:
    again.start_page.recent_work.resume_requested.emit(str(unfinished))
    qtbot.waitUntil(lambda: again.session.step > 2, timeout=_LONG)
    assert again.project.draft.config.source_dir == str(photos)


def test_the_demo_does_not_replace_the_choices_of_photos(qapp: QApplication, photos: Path, tmp_path: Path) -> None:
    demo = {"demo": True, "workspace": str(tmp_path / "demo")}
    save_session(demo)
    assert load_session().paths == demo
    own = {"source_dir": str(photos), "workspace": str(tmp_path / "own")}
    save_session({**own, "steps": 7})
    save_session(demo)
    assert (load_session().paths, load_session().values) == (own, {"steps": 7})


def test_a_folder_that_is_missing_at_one_start_is_there_again_at_the_next(
    qapp: QApplication, photos: Path, tmp_path: Path
) -> None:
    own = {"source_dir": str(photos), "workspace": str(tmp_path / "disk" / "run")}
    save_session(own)
    session = load_session()
    assert session.paths == {"source_dir": str(photos)}
    save_session(session.paths)
    (tmp_path / "disk").mkdir()
    assert load_session().paths == own


def test_a_missing_folder_is_not_mixed_with_the_photos_of_another_workspace(
    qapp: QApplication, photos: Path, tmp_path: Path
) -> None:
    save_session({"source_dir": str(tmp_path / "unplugged"), "workspace": str(tmp_path / "own")})
    save_session({"workspace": str(tmp_path / "other")})
    (tmp_path / "unplugged").mkdir()
    assert load_session().paths == {"workspace": str(tmp_path / "other")}


def test_the_offer_ends_when_its_workspace_is_opened(
    unfinished: Path, again: Window, qtbot: Any, tmp_path: Path
) -> None:
    again.apply_arguments(str(tmp_path / "demo"), demo=True)
    qtbot.waitUntil(again.last_run_card.isVisible, timeout=_LONG)
    again.controller.open_workspace(str(unfinished))
    qtbot.waitUntil(again.resume_card.isVisible, timeout=_LONG)
    assert not again.last_run_card.isVisible(), "the same run would be offered twice"


@pytest.mark.parametrize("opened", ["start page", "menu"])
def test_a_user_who_opens_another_workspace_is_offered_the_interrupted_run(
    unfinished: Path, again: Window, qtbot: Any, photos: Path, tmp_path: Path, opened: str
) -> None:
    other = make_workspace(tmp_path / "other").root
    add_recent_workspace(other)
    again.apply_arguments(None)
    qtbot.waitUntil(again.resume_card.isVisible, timeout=_LONG)
    assert not again.last_run_card.isVisible()
    if opened == "start page":
        again.start_page.recent_work.open_requested.emit(str(other))
    else:
        again.menus._recent.aboutToShow.emit()
        next(action for action in again.menus._recent.actions() if action.text().endswith("other")).trigger()
    qtbot.waitUntil(again.last_run_card.isVisible, timeout=_LONG)
    assert "Your training in own was interrupted" in again.last_run_card.text
    assert again.project.draft.config.workspace == str(other)
    qtbot.mouseClick(again.last_run_card.resume_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: again.session.step > 2, timeout=_LONG)
    assert again.project.draft.config.source_dir == str(photos)
    again.session.stop()
    qtbot.waitUntil(lambda: not again.session.is_active, timeout=_LONG)
    again.controller.open_workspace(str(other))
    qtbot.waitUntil(lambda: again.project.workspace is not None and again.project.workspace.root == other)
    wait_until_quiet(again, qtbot)
    assert not again.last_run_card.isVisible(), "this session has resumed it"


def test_a_choice_of_a_newer_version_leaves_the_others(tmp_path: Path) -> None:
    choices = {"source_dir": str(tmp_path), "steps": 7, "preset": "huge", "hologram": [1, {"a": 2}], "seed": -1}
    open_settings_store().setValue("last_session", json.dumps(choices))
    session = load_session()
    assert (session.paths, session.values) == ({"source_dir": str(tmp_path)}, {"steps": 7})
    save_session({"source_dir": str(tmp_path), "steps": 8})
    assert json.loads(str(open_settings_store().value("last_session")))["hologram"] == [1, {"a": 2}]


def test_a_recent_workspace_on_a_drive_that_is_away_comes_back(tmp_path: Path) -> None:
    drive, other = tmp_path / "drive" / "run", tmp_path / "other"
    for folder in (drive, other):
        folder.mkdir(parents=True)
        add_recent_workspace(folder)
    (tmp_path / "drive").rename(tmp_path / "unplugged")
    add_recent_workspace(other)
    assert read_recent_workspaces() == [other]
    (tmp_path / "unplugged").rename(tmp_path / "drive")
    assert read_recent_workspaces() == [other, drive]
    for number in range(9):
        (tmp_path / str(number)).mkdir()
        add_recent_workspace(tmp_path / str(number))
    assert [path.name for path in read_recent_workspaces()] == list("87654321")
