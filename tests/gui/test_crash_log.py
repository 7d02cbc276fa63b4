"""The log of errors and crashes, and the card that offers the report of a crash at the next start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.system.crash_log import CrashLog
from app.system.lost_display import is_loss_of_display
from app.widgets.crash_card import CrashCard
from app.widgets.errors import ErrorDialog
from tests.gui.window_driver import visible_text

ROOT = Path(__file__).resolve().parents[2]
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="kills and looks as Linux does")

_START = """
import faulthandler, os, signal, sys
{before}
from app import start
make = start.make_application
def make_and_wait():
    from PySide6.QtCore import QTimer, qWarning
    application = make()
    QTimer.singleShot(600, lambda: {then})
    return application
start.make_application = make_and_wait
sys.exit(start.run_application())
"""


def run_window(state: Path, before: str, then: str) -> subprocess.CompletedProcess[bytes]:
    more = {"QT_QPA_PLATFORM": "offscreen", "XDG_STATE_HOME": str(state), "XDG_CONFIG_HOME": str(state / "config")}
    return subprocess.run(
        [sys.executable, "-c", _START.format(before=before, then=then)],
        cwd=ROOT,
        env={**os.environ, **more},
        capture_output=True,
        timeout=90,
    )


@linux
def test_without_any_stream_errors_and_warnings_go_to_the_log_and_ctrl_c_closes(tmp_path: Path) -> None:
    then = "(qWarning('odd'), qWarning('odd'), os.kill(os.getpid(), signal.SIGINT), sys.stderr.write('talk'), 1 / 0)"
    done = run_window(tmp_path, "sys.stdout = sys.stderr = None", then)
    assert (done.returncode, done.stdout, done.stderr) == (130, b"", b"")
    folder = next(tmp_path.rglob("errors.log")).parent
    log = (folder / "errors.log").read_text()
    assert "ZeroDivisionError" in log
    assert log.count("Qt warning: odd") == 1
    assert "PySide6" in log
    assert not list(folder.glob("fault-*"))
    assert CrashLog(folder).pop_crash_report() == ""


@linux
def test_a_crash_is_reported_at_the_next_start_once(tmp_path: Path, qtbot: Any) -> None:
    done = run_window(tmp_path, "", "(qWarning('odd before it fell'), faulthandler._sigsegv())")
    assert done.returncode == -signal.SIGSEGV
    folder = next(tmp_path.rglob("errors.log")).parent
    log = CrashLog(folder)
    trace = log.pop_crash_report()
    assert "Segmentation fault" in trace
    assert "odd before it fell" in trace
    assert log.pop_crash_report() == ""
    card = CrashCard()
    qtbot.addWidget(card)
    card.show_crash("")
    assert card.isHidden()
    card.show_crash(trace)
    assert "crashed the last time it ran" in card.text
    card.show_button.click()
    dialog = card.findChild(ErrorDialog)
    assert dialog is not None
    assert "Segmentation fault" in visible_text(dialog)
    assert card.isHidden()
    dialog.reject()


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        ("The X11 connection broke (error 1). Did the X11 server die?", True),
        ("The Wayland connection broke. Did the Wayland compositor die?", True),
        ("This plugin does not support raise()", False),
    ],
)
def test_the_loss_of_the_display_is_recognized(message: str, expected: bool) -> None:
    assert is_loss_of_display(message) is expected


def test_a_window_that_is_still_open_has_not_crashed(tmp_path: Path) -> None:
    (tmp_path / f"fault-{os.getppid()}-5.txt").write_text("Windows fatal exception: code 0x8001010d")
    assert CrashLog(tmp_path).pop_crash_report() == ""
    assert list(tmp_path.glob("fault-*"))


def test_the_log_of_errors_does_not_grow_for_ever(tmp_path: Path) -> None:
    for _ in range(3):
        log = CrashLog(tmp_path)
        for _ in range(300):
            log.add_entry("x" * 3000)
    sizes = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert set(sizes) == {"errors.log", "errors.old.log"}
    assert max(sizes.values()) < 300_000


def test_a_folder_that_cannot_be_written_to_is_no_reason_to_fail(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    log = CrashLog(tmp_path / "file" / "folder")
    log.add_entry("lost")
    assert log.pop_crash_report() == ""
