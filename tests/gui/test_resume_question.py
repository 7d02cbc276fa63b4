"""The window asks before a run resumes with other photos, another watch or another scale."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QMessageBox

from app.run import estimate
from app.run.session import SessionState
from app.window import Window
from tests.gui.window_driver import answer, visible_text
from tests.small_runs import TINY, make_photos
from trainer_core.planning.plan import make_plan
from trainer_core.sinks.journal import read_journal
from trainer_core.training.trainer import Trainer

_LONG = 240_000  # milliseconds; a busy machine needs them


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos` and the workspace `run`, whose mono run is unfinished at step 1."""
    root = tmp_path_factory.mktemp("trained")
    settings = {**TINY, "source_dir": str(make_photos(root / "photos")), "workspace": str(root / "run")}
    Trainer(make_plan({**settings, "steps": 1, "preset": "light"}), lambda event: None).run()
    for path in (root / "run" / "checkpoints").glob("*_final*"):
        path.unlink()
    return root


@pytest.fixture
def run(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained / "run", tmp_path / "run"))


def open_run(window: Window, qtbot: Any, run: Path) -> None:
    window.controller.open_workspace(str(run))
    qtbot.waitUntil(lambda: window.resume_card.isVisible() and not window.project.is_busy, timeout=_LONG)
    window.project.set_value("steps", 100000)


def wait_for_question(window: Window, qtbot: Any) -> QMessageBox:
    """Resume, wait for the question, and return it."""
    window.resume_card.resume_button.click()
    found: list[QMessageBox] = []

    def is_asked() -> bool:
        found[:] = [box for box in window.findChildren(QMessageBox) if box.isVisible()]
        return bool(found) and window.session.state is SessionState.IDLE

    qtbot.waitUntil(is_asked, timeout=_LONG)
    return found[0]


def wait_for_step(window: Window, qtbot: Any, run: Path) -> None:
    """Wait until the resumed run trains."""
    qtbot.waitUntil(lambda: window.session.step > 1, timeout=_LONG)
    starts = [record for record in read_journal(run / "journal.jsonl") if record["event"] == "RunStarted"]
    assert starts[-1]["start_step"] == 1


def test_an_opened_run_resumes_with_its_own_photos_whatever_the_form_held(
    window: Window, qtbot: Any, trained: Path, run: Path, tmp_path: Path
) -> None:
    window.controller.load_demo(str(tmp_path / "demo"))
    for name, value in (("scale", 8), ("preset", "nano"), ("monochrome_style", False)):
        window.project.set_value(name, value)
    open_run(window, qtbot, run)
    config = window.project.draft.config
    assert (config.demo, config.source_dir, config.scale) == (False, str(trained / "photos"), 4)
    window.resume_card.resume_button.click()
    wait_for_step(window, qtbot, run)


def test_resuming_with_other_photos_and_another_watch_is_asked_and_can_be_undone(
    window: Window, qtbot: Any, trained: Path, run: Path, tmp_path: Path
) -> None:
    open_run(window, qtbot, run)
    window.project.set_path("source_dir", str(make_photos(tmp_path / "other", 3, width=260)))
    window.project.set_value("monochrome_style", False)
    box = wait_for_question(window, qtbot)
    text = visible_text(box)
    assert f"Photos: {trained / 'photos'} in the checkpoint, {tmp_path / 'other'} now" in text
    assert "Watch: WQV-1/2 mono in the checkpoint, WQV-3/10 color now." in text
    before = {path: path.stat().st_mtime_ns for path in run.rglob("*.*") if not path.name.startswith(".")}
    assert len(before) > 5 and not (run / "previous_runs").exists()
    answer(window, qtbot, "Resume as before")
    wait_for_step(window, qtbot, run)
    config = window.project.draft.config
    assert (config.source_dir, config.monochrome_style) == (str(trained / "photos"), True)


def test_accepted_changes_hold_for_one_resume(
    window: Window, qtbot: Any, trained: Path, run: Path, tmp_path: Path
) -> None:
    open_run(window, qtbot, run)
    window.project.set_path("source_dir", str(make_photos(tmp_path / "other", 3, width=260)))
    wait_for_question(window, qtbot)
    answer(window, qtbot, "Accept changes")
    wait_for_step(window, qtbot, run)
    window.session.stop()
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    assert window.project.draft.config.source_dir == str(tmp_path / "other")
    assert not window.project.draft.config.accept_changes


def test_another_scale_can_only_be_undone(window: Window, qtbot: Any, run: Path) -> None:
    open_run(window, qtbot, run)
    window.project.set_value("scale", 2)
    box = wait_for_question(window, qtbot)
    assert "Scale: x4 in the checkpoint, x2 now." in visible_text(box)
    assert [button.text() for button in box.buttons()] == ["Resume as before", "Cancel"]
    answer(window, qtbot, "Cancel")
    assert not window.session.is_active and window.project.draft.config.scale == 2


def test_nothing_is_accepted_by_the_return_key(
    window: Window, qtbot: Any, trained: Path, run: Path, tmp_path: Path
) -> None:
    photos = Path(shutil.copytree(trained / "photos", tmp_path / "photos"))
    open_run(window, qtbot, run)
    for photo in sorted(photos.iterdir())[1:]:
        photo.unlink()
    (trained / "photos").rename(tmp_path / "moved")
    try:
        window.project.set_path("source_dir", str(photos))
        box = wait_for_question(window, qtbot)
        assert [button.text() for button in box.buttons()] == ["Accept changes", "Cancel"]
        assert box.defaultButton().text() == "Cancel"
        answer(window, qtbot, "Cancel")
    finally:
        (tmp_path / "moved").rename(trained / "photos")


def resume_lines(window: Window) -> list[str]:
    lines = window.run_bar.checklist.lines
    return [line.full_text for line in lines if line.isVisible() and line.full_text.startswith("Resume")]


def test_an_unfinished_run_is_not_doubted_for_the_few_steps_that_a_new_run_would_make(
    window: Window, qtbot: Any, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(estimate, "measure_step_seconds", lambda *_: 1.0)
    open_run(window, qtbot, run)
    for name, value in (("max_minutes", 5.0), ("num_feat", 64), ("num_block", 6), ("num_grow_ch", 32)):
        window.project.set_value(name, value)
    qtbot.waitUntil(lambda: window.controller._estimate.estimate.steps == "about 270", timeout=_LONG)
    lines = window.run_bar.checklist.lines
    assert not [line for line in lines if "600 advised" in line.full_text]
    assert "Allow more time" not in window.form.rows["max_minutes"].note
    window.project.set_path("workspace", str(run.parent / "new"))
    qtbot.waitUntil(lambda: any("600 advised" in line.full_text for line in lines), timeout=_LONG)


def test_what_is_left_of_the_time_limit_and_what_has_changed_is_said_before_a_resume(
    window: Window, qtbot: Any, run: Path
) -> None:
    open_run(window, qtbot, run)
    window.controller._continuation._seconds = 570.0  # the run of the test took a moment
    window.project.set_value("max_minutes", 60.0)
    assert resume_lines(window) == ["Resume: 50 minutes left of 60 minutes"]
    window.project.set_value("max_minutes", 10.0)
    window.project.set_value("learning_rate", 0.5)
    time, changes = resume_lines(window)
    assert time == "Resume: 30 seconds left of 10 minutes. Set a longer time limit to train on"
    assert changes == "Resume would change: Learning rate. Edit > Undo restores the settings of the run"
    window.controller.resume()
    answer(window, qtbot, "Change time limit")
    assert not window.session.is_active
    assert window.form.rows["max_minutes"].isAncestorOf(window.focusWidget())
    window.project.undo()
    assert resume_lines(window) == [time]
    window.controller._continuation._seconds = 10.0
    window.project.set_value("max_minutes", 0.5)
    assert resume_lines(window) == ["Resume: 20 seconds left of 0.5 minutes"], "as short as the user wanted it"
    window.controller.open_workspace(str(run.parent / "other"))
    qtbot.waitUntil(lambda: not resume_lines(window), timeout=240_000)
