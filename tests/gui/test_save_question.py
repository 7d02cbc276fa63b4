"""The question of a run that cannot be saved, with real trainings on a disk that is full."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QTextDocumentFragment
from PySide6.QtWidgets import QFileDialog, QMessageBox

from app.window import Window
from tests.gui.window_driver import answer, fill_form
from tests.small_disk import fill, small_disk
from trainer_core.control import SaveAnswer
from trainer_core.events import SaveBlocked
from trainer_core.training import saving

_LONG = 240_000  # milliseconds; a busy machine needs them


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with small_disk(tmp_path / "disk", 4096) as folder:
        yield folder


def train_until_blocked(window: Window, qtbot: Any, photos: Path, disk: Path) -> Path:
    """Fill the disk during a training and stop it; return the file that fills the disk."""
    fill_form(window, photos, disk / "run", steps=100000, val_interval=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.controller.start()
    qtbot.waitUntil(lambda: window.session.step >= 2, timeout=_LONG)
    filler = fill(disk, leave_kilobytes=8)
    window.controller.stop()
    qtbot.waitUntil(lambda: bool(questions(window)), timeout=_LONG)
    (box,) = questions(window)
    assert "the disk is full" in box.informativeText() and "One save needs" in box.informativeText()
    assert window.session.is_active
    return filler


def questions(window: Window) -> list[QMessageBox]:
    return [box for box in window.findChildren(QMessageBox) if box.isVisible()]


def test_a_run_that_cannot_be_saved_tries_again_until_there_is_room(
    window: Window, qtbot: Any, photos: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notified: list[str] = []
    monkeypatch.setattr(window.notifier, "notify", lambda title, text: notified.append(f"{title}: {text}"))
    window.controller._save_question._notify = window.notifier.notify
    filler = train_until_blocked(window, qtbot, photos, disk)
    assert notified[0].startswith("The run cannot be saved: Step ")
    answer(window, qtbot, "Try again")
    qtbot.waitUntil(lambda: bool(questions(window)), timeout=_LONG)
    filler.unlink()  # the run notices by itself
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    assert not questions(window) and "Stopped and saved" in window.result_card.text
    assert list((disk / "run/checkpoints").glob("scale4_step*.pth"))


def test_a_run_that_cannot_be_saved_moves_to_a_folder_of_the_user(
    window: Window, qtbot: Any, photos: Path, disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other").mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: str(tmp_path / "other"))
    train_until_blocked(window, qtbot, photos, disk)
    answer(window, qtbot, "Choose another folder …")
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    workspace = window.project.workspace
    assert workspace is not None and workspace.root == tmp_path / "other" / "run"
    assert list((workspace.root / "checkpoints").glob("scale4_step*.pth"))
    qtbot.waitUntil(lambda: window.resume_card.isVisible(), timeout=_LONG)


def test_a_run_that_is_ended_without_saving_says_what_is_lost(
    window: Window, qtbot: Any, photos: Path, disk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_WAIT_DELAY", 0.1)
    train_until_blocked(window, qtbot, photos, disk)
    answer(window, qtbot, "End without saving")
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    assert "Not saved: checkpoint and models of step" in window.log.text
    assert "saved" not in window.result_card.text.lower().replace("not saved", "")


def test_there_is_one_question_with_the_latest_figures(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[SaveAnswer] = []
    asked_while_choosing: list[QMessageBox] = []
    monkeypatch.setattr(window.session, "answer_save", answers.append)

    def block(text: str) -> None:
        window.session.event_received.emit(SaveBlocked(7, text, None))

    def choose(*_: object) -> str:
        block("2 MB free.")
        asked_while_choosing.extend(questions(window))
        return str(tmp_path)

    monkeypatch.setattr(QFileDialog, "getExistingDirectory", choose)
    block("1 MB free.")
    block("<b>1.5 MB</b> free.")
    (box,) = questions(window)
    shown = QTextDocumentFragment.fromHtml(box.informativeText()).toPlainText()
    assert shown == "Step 7 is not saved yet. <b>1.5 MB</b> free."
    answer(window, qtbot, "Choose another folder …")
    assert answers == [SaveAnswer(folder=tmp_path)] and asked_while_choosing == questions(window) == []
    block("3 MB free.")  # what was chosen did not help
    (box,) = questions(window)
    assert "3 MB free" in box.informativeText()
    box.close()
    assert answers[1:] == [SaveAnswer()]
