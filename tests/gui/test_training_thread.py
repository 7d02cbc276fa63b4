"""Parts of the window by themselves: the report of an error, option names in sentences, the training thread."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QWidget

from app import training_thread
from app.errors import ErrorDialog, ErrorHook, fault_report
from app.form.words import sentence
from app.session import Session, State
from app.training_thread import TrainingThread
from tests.gui.window_driver import visible_text
from trainer_core.settings.config import SETTINGS


def test_an_escaped_error_is_shown_once_and_the_window_lives(qtbot: Any, capsys: pytest.CaptureFixture[str]) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    hook = ErrorHook(window)
    before = sys.excepthook
    hook.install()
    try:
        for _ in range(2):
            try:
                raise RuntimeError("the sky fell")
            except RuntimeError as error:
                sys.excepthook(RuntimeError, error, error.__traceback__)
        qtbot.waitUntil(lambda: bool(window.findChildren(ErrorDialog)))
    finally:
        hook.remove()
    assert sys.excepthook is before
    dialogs = window.findChildren(ErrorDialog)
    assert len(dialogs) == 1
    assert "the sky fell" in visible_text(dialogs[0])
    assert "the sky fell" in capsys.readouterr().err
    dialogs[0].reject()


def test_another_fault_of_the_same_place_is_shown_once_the_first_is_read(qtbot: Any) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    hook = ErrorHook(window)

    def fail(text: str) -> None:
        try:
            raise RuntimeError(text)
        except RuntimeError as error:
            sys.excepthook(RuntimeError, error, error.__traceback__)

    def seen() -> list[str]:
        return [visible_text(dialog) for dialog in window.findChildren(ErrorDialog) if dialog.isVisible()]

    hook.install()
    try:
        for text in ("first", "second"):
            fail(text)
        assert len(seen()) == 1 and "first" in seen()[0]
        window.findChildren(ErrorDialog)[0].reject()
        for text in ("first", "second"):
            fail(text)
        assert len(seen()) == 1 and "second" in seen()[0]
    finally:
        hook.remove()
    for dialog in window.findChildren(ErrorDialog):
        dialog.reject()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(28, "No space left on device", "/run/x.pth"), "No space left on device (/run/x.pth)."),
        (OSError("the reader is jammed"), "the reader is jammed."),
        (OSError(), "OSError."),
    ],
)
def test_a_file_that_fails_is_no_fault_of_the_program(error: OSError, said: str) -> None:
    report = fault_report(error)
    assert report.cause == said and "file" in report.title and "disk has room" in report.advice


@pytest.mark.parametrize(
    ("text", "worded"),
    [
        ("Use --batch-size 2 --grad-accum-steps 4.", "Use Batch 2 Gradient accumulation 4."),
        ("Leave --no-monochrome-style out, or --monochrome-style.", "Leave WQV-3/10 colour out, or WQV-1/2 mono."),
        ("Give --no-init-weights.", "Give no {init_weights}."),
        ("The file --scale-less/my--scale.pth", "The file --scale-less/my--scale.pth"),
    ],
)
def test_options_go_by_the_form_s_names(text: str, worded: str) -> None:
    labels = {name: setting.label for name, setting in SETTINGS.items()}
    assert sentence(text) == worded.format(**labels)


def test_a_request_that_fails_comes_back_as_its_error(qapp: QApplication, qtbot: Any) -> None:
    thread = TrainingThread()
    thread.start()
    errors: list[Exception] = []
    thread.ask(lambda: 1 / 0, print, errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert isinstance(errors[0], ZeroDivisionError)
    thread.close()


def test_a_training_that_cannot_be_planned_ends_in_idle(qapp: QApplication, qtbot: Any, tmp_path: Path) -> None:
    thread = TrainingThread()
    session = Session(thread)
    thread.start()
    with qtbot.waitSignal(session.ended, timeout=30000) as ended:
        session.start({"workspace": str(tmp_path / "run"), "source_dir": str(tmp_path / "nowhere")})
    assert session.state is State.IDLE
    assert ended.args[0].outcome == "refused"
    assert "does not exist" in str(ended.args[0].error)
    thread.close()


def test_memory_that_a_training_kept_is_given_back_once_it_is_over(
    qapp: QApplication, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, told = TrainingThread(), list[str]()
    monkeypatch.setattr(training_thread.environment, "give_back_memory", lambda: told.append("given back"))
    thread.ended.connect(lambda ended: told.append(ended.outcome), Qt.ConnectionType.DirectConnection)
    thread.start()
    thread.ask(lambda: told.append("asked"), print, print)
    thread.train({})
    thread.close()
    assert told == ["asked", "refused", "given back"]
