"""Errors for people: what is shown of an error, once, and how its report is passed on."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QPushButton, QWidget

from app.widgets.errors import ErrorDialog, ErrorReport, ExceptionHook, bug_report
from tests.gui.window_driver import visible_text


def test_an_escaped_error_is_shown_once_and_the_window_lives(qtbot: Any, capsys: pytest.CaptureFixture[str]) -> None:
    window = QWidget()
    qtbot.addWidget(window)
    window.show()
    hook = ExceptionHook(window)
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
    hook = ExceptionHook(window)

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
    report = bug_report(error)
    assert report.cause == said and "file" in report.title and "disk space" in report.advice


def click(dialog: ErrorDialog, text: str) -> None:
    next(button for button in dialog.findChildren(QPushButton) if button.text() == text).click()


def test_a_report_names_versions_but_neither_the_user_nor_their_folder(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    home = tmp_path / "alice"
    home.mkdir()
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(home))
    for name in ("LOGNAME", "USER", "USERNAME"):
        monkeypatch.setenv(name, "alice")
    as_json = json.dumps(str(home / "a.png"))
    text = ErrorReport("No", f"{home}/photos is gone", "", f"{as_json} /media/alice/disk alice_2 malice").format_text()
    assert "~/photos is gone" in text
    assert str(tmp_path) not in text
    assert "alice" not in text.replace("malice", "")
    assert "/media/<user>/disk <user>_2" in text
    for part in ("trainer", "Python", "Qt", "PySide6", "torch"):
        assert f"{part} " in text


def test_copy_and_save_pass_on_the_same_report(qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    report = ErrorReport("No", f"{Path.home()}/photos is gone")
    dialog = ErrorDialog(report)
    qtbot.addWidget(dialog)
    dialog.show()
    place = tmp_path / "report.txt"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(place), ""))
    for text in ("Copy", "Save report …"):
        click(dialog, text)
    assert QGuiApplication.clipboard().text() == place.read_text("utf-8") == report.format_text()
    assert "~/photos" in place.read_text("utf-8")
    assert "could not be written" not in visible_text(dialog)


def test_a_report_that_cannot_be_saved_says_so(qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dialog = ErrorDialog(ErrorReport("No", "It broke"))
    qtbot.addWidget(dialog)
    dialog.show()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *a, **k: (str(tmp_path / "nowhere" / "report.txt"), ""))
    click(dialog, "Save report …")
    assert "could not be written" in visible_text(dialog)
