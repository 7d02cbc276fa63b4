"""The window as a process of its own: without a display, and killed in the middle of a training."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from app.window import Window
from tests.gui.handling import finish
from tests.small_runs import TINY

ROOT = Path(__file__).resolve().parents[2]
_LONG = 90  # seconds


def script() -> list[str]:
    """The installed command, or the module where it is not installed."""
    command = Path(sys.executable).with_name("wqv-upscale-trainer-gui")
    return [str(command)] if command.exists() else [sys.executable, "-m", "app"]


def environment(tmp_path: Path, **more: str) -> dict[str, str]:
    known = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}
    known.pop("QT_QPA_PLATFORM", None)
    return {**known, "XDG_CONFIG_HOME": str(tmp_path / "config"), "XDG_STATE_HOME": str(tmp_path / "state"), **more}


def test_without_a_display_it_names_the_command_and_leaves_with_2(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("other systems always have a display")
    done = subprocess.run(
        [*script(), "runs/mono"], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=_LONG
    )
    assert done.returncode == 2
    assert "no display" in done.stderr
    assert "wqv-upscale-trainer <source_dir> runs/mono" in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="kills with a POSIX signal")
def test_a_killed_training_is_offered_for_resuming(qapp: Any, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    workspace = tmp_path / "run"
    workspace.mkdir()
    settings = {**TINY, "schema": 1, "steps": 100000, "checkpoint_interval": 5, "source_dir": str(photos)}
    (workspace / "training_config.json").write_text(json.dumps(settings), "utf-8")
    xvfb = shutil.which("xvfb-run")
    screen = [xvfb, "-a"] if xvfb else []
    more = {} if xvfb else {"QT_QPA_PLATFORM": "offscreen"}
    process = subprocess.Popen(
        [*screen, *script(), str(workspace), "--start"], cwd=ROOT, env=environment(tmp_path, **more),
        stderr=subprocess.PIPE,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + _LONG
        while not list((workspace / "checkpoints").glob("scale4_step*.pth")):
            assert process.poll() is None, process.stderr.read() if process.stderr else ""
            assert time.monotonic() < deadline, "no checkpoint was written"
            time.sleep(0.2)
    finally:
        lock = workspace / ".lock.json"  # names the trainer itself, not the screen around it
        if process.poll() is None:
            os.kill(json.loads(lock.read_text())["pid"] if lock.exists() else process.pid, signal.SIGKILL)
        process.communicate()
    window = Window()
    window.show()
    window.begin_work()
    window.open_at_start(str(workspace))
    qtbot.waitUntil(lambda: "it was interrupted" in window.resume_card.text, timeout=1000 * _LONG)
    assert len(window.charts.figures.losses["total"].raw) > 0
    qtbot.waitUntil(lambda: window.project.ready, timeout=1000 * _LONG)
    window.resume_card.resume_button.click()
    qtbot.waitUntil(lambda: window.session.step > 5, timeout=1000 * _LONG)
    finish(window, qtbot)
