"""The start page: two doors, and the table of recent work."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDragLeaveEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QLineEdit

from app.runs.door import Door
from app.runs.recent_work import RecentWork
from app.runs.recent_workspaces import add_recent_workspace, read_notes, read_recent_workspaces
from app.window import Window
from tests.core.test_summary import STARTED, STEP, make_workspace, validated
from tests.gui.test_deploy import click
from tests.gui.window_driver import drop_files
from trainer_core.events import RunFinished
from trainer_core.workspace.unfinished import UnfinishedRun

_LONG = 240_000  # milliseconds; a busy machine needs them


@pytest.fixture
def finished(tmp_path: Path) -> Path:
    events = (STARTED, STEP, validated(10, 21.25, best=True), RunFinished("completed", 100))
    return make_workspace(tmp_path / "finished & done", *events).root


@pytest.fixture
def interrupted(tmp_path: Path) -> Path:
    return make_workspace(tmp_path / "interrupted", STARTED, STEP, checkpoint="scale2_step40.pth").root


def recent(window: Window, qtbot: Any, *workspaces: Path) -> RecentWork:
    """The table with these workspaces, the last one on top."""
    for workspace in workspaces:
        add_recent_workspace(workspace)
    work = window.start_page.recent_work
    work.refresh()
    qtbot.waitUntil(lambda: work.table.rowCount() == len(workspaces), timeout=_LONG)
    return work


def texts(work: RecentWork, row: int) -> list[str]:
    items = [work.table.item(row, column) for column in range(work.table.columnCount())]
    return [item.text() if item else "" for item in items]


def test_each_row_says_what_a_run_is_for_and_how_far_it_is(
    window: Window, qtbot: Any, finished: Path, interrupted: Path
) -> None:
    work = recent(window, qtbot, interrupted, finished)
    assert texts(work, 0)[:5] == ["finished & done", "WQV-3/10", "x2", "+1.25 dB", "Finished"]
    assert texts(work, 1)[:5] == ["interrupted", "WQV-3/10", "x2", "", "Interrupted"]
    assert all(texts(work, row)[5] for row in range(2))


def test_only_a_run_that_can_be_resumed_offers_it(
    window: Window, qtbot: Any, finished: Path, interrupted: Path
) -> None:
    work = recent(window, qtbot, interrupted, finished)
    assert not any(button.isEnabled() for button in (work.open_button, work.resume_button, work.remove_button))
    work.table.selectRow(0)
    assert work.open_button.isEnabled() and not work.resume_button.isEnabled()
    work.table.selectRow(1)
    assert work.resume_button.isEnabled()


@pytest.mark.parametrize("by", ["Enter", "double click"])
def test_enter_and_a_double_click_open_a_workspace(window: Window, qtbot: Any, finished: Path, by: str) -> None:
    work = recent(window, qtbot, finished)
    opened: list[str] = []
    work.open_requested.connect(opened.append)
    work.table.setFocus()
    work.table.setCurrentCell(0, 0)
    item = work.table.item(0, 1)
    assert item is not None
    if by == "Enter":
        QTest.keyClick(work.table, Qt.Key.Key_Return)
    else:
        place = work.table.visualItemRect(item).center()
        QTest.mouseClick(work.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
        QTest.mouseDClick(work.table.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert opened == [str(finished)]


def test_opening_from_the_table_shows_the_run(window: Window, qtbot: Any, finished: Path) -> None:
    work = recent(window, qtbot, finished)
    work.table.selectRow(0)
    click(qtbot, work.open_button)
    qtbot.waitUntil(lambda: not window.start_page.isVisible(), timeout=_LONG)
    assert window.project.draft.config.workspace == str(finished)


def test_a_removed_workspace_leaves_the_list_and_keeps_its_files(window: Window, qtbot: Any, finished: Path) -> None:
    work = recent(window, qtbot, finished)
    work.table.selectRow(0)
    click(qtbot, work.remove_button)
    qtbot.waitUntil(lambda: work.table.rowCount() == 0, timeout=_LONG)
    assert read_recent_workspaces() == [] and (finished / "journal.jsonl").is_file()
    assert not work.isVisible()


def test_a_note_is_written_in_the_table_and_kept_with_the_list(window: Window, qtbot: Any, finished: Path) -> None:
    work = recent(window, qtbot, finished)
    work.table.selectRow(0)
    click(qtbot, work.note_button)
    editor = work.table.findChild(QLineEdit)
    assert editor is not None
    QTest.keyClicks(editor, "too blue")
    QTest.keyClick(editor, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: read_notes() == {finished: "too blue"}, timeout=_LONG)
    work.refresh()
    qtbot.waitUntil(lambda: texts(work, 0)[6] == "too blue", timeout=_LONG)
    click(qtbot, work.remove_button)
    assert read_notes() == {}


def test_a_workspace_that_cannot_be_read_says_so(window: Window, qtbot: Any, tmp_path: Path) -> None:
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "training_config.json").write_text("no JSON", "utf-8")
    work = recent(window, qtbot, tmp_path / "broken")
    assert texts(work, 0)[4] == "Cannot be read"
    work.table.selectRow(0)
    assert not work.resume_button.isEnabled() and work.remove_button.isEnabled()


def test_one_click_starts_the_demo(window: Window, qtbot: Any, monkeypatch: Any) -> None:
    started: list[bool] = []
    monkeypatch.setattr(window.controller, "start", lambda: started.append(window.project.draft.config.demo))
    click(qtbot, window.start_page.demo_button)
    qtbot.waitUntil(lambda: bool(started), timeout=_LONG)
    assert started == [True]


def test_the_training_door_asks_for_photos(window: Window, qtbot: Any, monkeypatch: Any) -> None:
    asked: list[str] = []
    monkeypatch.setattr(window.controller, "choose_path", asked.append)
    click(qtbot, window.start_page.train_button)
    assert asked == ["source_dir"]


def drop_on_door(window: Window, title: str, *paths: Path) -> None:
    """Drop files on the picture of the door with this title."""
    window.show()
    (door,) = [door for door in window.start_page.findChildren(Door) if find_texts(door)[0] == title]
    drop_files(door, *paths)


def find_texts(door: Door) -> list[str]:
    return [label.text() for label in door.findChildren(QLabel)]


def test_each_door_has_one_sentence(window: Window) -> None:
    for door in window.start_page.findChildren(Door):
        _, sentence = find_texts(door)
        assert sentence.endswith(".") and sentence.count(".") == 1


def test_photos_dropped_on_the_enlarging_door_are_enlarged(window: Window, qtbot: Any, photos: Path) -> None:
    drop_on_door(window, "Enlarge my watch photos", photos / "photo1.png", photos / "photo2.png")
    qtbot.waitUntil(lambda: window.deployment.trial_dialog is not None, timeout=_LONG)
    dialog = window.deployment.trial_dialog
    assert dialog is not None
    qtbot.waitUntil(lambda: [file.name for file in dialog.photos.files] == ["photo1.png", "photo2.png"], timeout=_LONG)
    assert dialog.isVisible() and dialog.trial.is_built_in
    assert window.project.draft.config.source_dir == ""


def test_a_folder_dropped_on_the_training_door_is_learned_from(window: Window, qtbot: Any, photos: Path) -> None:
    drop_on_door(window, "Train a model for my watch", photos)
    qtbot.waitUntil(lambda: not window.start_page.isVisible(), timeout=_LONG)
    assert window.project.draft.config.source_dir == str(photos)


def test_of_photos_dropped_on_the_training_door_the_folder_is_learned_from(
    window: Window, qtbot: Any, photos: Path
) -> None:
    drop_on_door(window, "Train a model for my watch", photos / "photo1.png", photos / "photo2.png")
    qtbot.waitUntil(lambda: window.project.draft.config.source_dir == str(photos), timeout=_LONG)
    assert f"all photos in the folder “{photos.name}”" in window.message_strip.text


def test_a_folder_dropped_together_with_photos_is_the_one_that_is_learned_from(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    shutil.copy(photos / "photo1.png", other)
    drop_on_door(window, "Train a model for my watch", photos, other / "photo1.png")
    qtbot.waitUntil(lambda: "photo1.png" in window.message_strip.text, timeout=_LONG)
    assert window.project.draft.config.source_dir == str(photos)


def test_a_door_shows_that_files_can_be_dropped_on_it(window: Window, photos: Path) -> None:
    door = window.start_page.findChildren(Door)[0]
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(photos))])
    copy, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(door, QDragEnterEvent(QPoint(9, 9), copy, data, button, keys))
    assert door.property("dragged")
    QApplication.sendEvent(door, QDragLeaveEvent())
    assert not door.property("dragged")


_JARGON = re.compile(r"\b(PSNR|SSIM|RRDB|LR|SR|HR|EMA|checkpoint|val|it/s|parameters)\b")


def test_nobody_needs_to_know_a_term_to_begin(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    window.show()

    def find_jargon() -> list[str]:
        labels = [label.text() for label in window.findChildren(QLabel) if label.isVisible()]
        buttons = [button.text() for button in window.findChildren(QAbstractButton) if button.isVisible()]
        return [text for text in (*labels, *buttons) if _JARGON.search(text)]

    assert find_jargon() == []
    window.project.set_path("source_dir", str(photos))
    window.project.set_path("workspace", str(tmp_path / "run"))
    note = window.form.rows["source_dir"]
    qtbot.waitUntil(lambda: "6 photos" in note.note and "to learn from" in note.note, timeout=240_000)
    qtbot.waitUntil(lambda: "GB of memory" in window.run_bar.estimate, timeout=240_000)
    assert find_jargon() == []
    window.resume_card.show_run(UnfinishedRun(5, 9, tmp_path / "x.pth", 0.0, "interrupted"))
    assert find_jargon() == []
