"""A desktop without a tray: it shows notifications itself, and training continues in a minimized window."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from app.system.desktop_message import send_notification
from app.widgets.errors import ErrorDialog
from app.window import Window
from tests.gui.process import ROOT
from tests.gui.test_system import answer, answers, train, wait_idle
from trainer_core.errors import UserError

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems have a tray")
_PROGRAMS = ("dbus-daemon", "gdbus")


class Desktop:
    """The notifications that the test's own desktop received."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def messages(self) -> list[tuple[str, str]]:
        """Title and text of each message so far."""
        lines = self._file.read_text("utf-8").splitlines(keepends=True) if self._file.exists() else []
        return [tuple(json.loads(line)) for line in lines if line.endswith("\n")]


def _first_line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def desktop(qapp: QApplication, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desktop]:
    """A session bus of its own with a desktop on it, and no notify-send."""
    missing = [name for name in _PROGRAMS if not shutil.which(name)]
    if missing:
        pytest.skip(f"{' and '.join(missing)} not installed")
    messages = tmp_path / "messages.jsonl"
    bus = ["dbus-daemon", "--session", "--nofork", "--print-address"]
    quiet: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    with subprocess.Popen(bus, **quiet) as daemon:
        address = _first_line(daemon)
        service = [sys.executable, "-m", "tests.gui.notified_desktop", address, str(messages)]
        with subprocess.Popen(service, cwd=ROOT, **quiet) as answering:
            try:
                assert _first_line(answering) == "ready"
                monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", address)
                found = {name: shutil.which(name) for name in _PROGRAMS}
                monkeypatch.setattr(shutil, "which", found.get)
                yield Desktop(messages)
            finally:
                answering.kill()
                daemon.kill()


def test_the_desktop_shows_a_notification(desktop: Desktop, qtbot: Any) -> None:
    send_notification('"Done"', "a & b <c>\n'd' \\ \"e\"", 1000)
    qtbot.waitUntil(lambda: bool(desktop.messages), timeout=20000)
    assert desktop.messages == [('"Done"', "a &amp; b &lt;c&gt;\n'd' \\ \"e\"")]


def test_notify_send_is_preferred(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: Any) -> None:
    program, said = tmp_path / "notify-send", tmp_path / "said"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" > "{said}.part"; mv "{said}.part" "{said}"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    send_notification("-Done", "as given", 1000)
    qtbot.waitUntil(said.exists, timeout=20000)
    assert said.read_text() == "--app-name=WQV Upscale Trainer|--expire-time=1000|--|-Done|as given|"


@pytest.mark.parametrize("variables", [{"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nowhere"}, {"PATH": "/nowhere"}, {}])
def test_without_a_bus_or_a_program_nothing_happens(
    variables: dict[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], qtbot: Any
) -> None:
    for name in ("DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    send_notification("Done", "nobody hears it", 1000)
    qtbot.wait(300)
    assert capfd.readouterr() == ("", "")


def test_a_training_continues_in_a_minimized_window_and_its_end_is_notified(
    desktop: Desktop, window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    train(window, qtbot, photos, tmp_path / "run")
    window.close()
    assert answers(window) == ["Stop and save", "Minimize and keep training", "Cancel"]
    answer(window, "Minimize and keep training")
    assert window.isMinimized()
    before = window.session.step
    qtbot.waitUntil(lambda: window.session.step > before + 1, timeout=240_000)
    window.controller.stop()
    wait_idle(window, qtbot)
    qtbot.waitUntil(lambda: [title for title, _ in desktop.messages] == ["Training has ended"], timeout=20000)
    assert "Stopped and saved" in desktop.messages[0][1]
    assert window.isMinimized()


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (RuntimeError("the processor is on strike"), "Training failed at step"),
        (UserError("Every photo is gone."), "Every photo is gone."),
    ],
)
def test_every_failure_is_notified(
    error: Exception,
    text: str,
    desktop: Desktop,
    window: Window,
    qtbot: Any,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*more: Any, **others: Any) -> None:
        raise error

    train(window, qtbot, photos, tmp_path / "run")
    window.showMinimized()
    monkeypatch.setattr("trainer_core.training.learner.Learner.update", fail)
    wait_idle(window, qtbot)
    qtbot.waitUntil(lambda: [title for title, _ in desktop.messages] == ["Training failed"], timeout=20000)
    assert text in desktop.messages[0][1]
    for dialog in window.findChildren(ErrorDialog):
        dialog.reject()
