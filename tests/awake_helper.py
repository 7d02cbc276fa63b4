"""A stand-in for `systemd-inhibit`, the program that keeps a Linux machine awake as long as it runs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

AS_THE_REAL_ONE = 'echo $$ >> "{pid}"\nfor last; do :; done\nexec "$last"'
"""What the real one does: it becomes the command that it is given."""


def fake_helper(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str = AS_THE_REAL_ONE) -> Path:
    """Let the system find a stand-in that runs `script`; return the file for its process numbers, `{pid}` in it."""
    pid, programs = folder / "helper.pid", folder / "programs"
    programs.mkdir()
    program = programs / "systemd-inhibit"
    program.write_text("#!/bin/sh\n" + script.format(pid=pid) + "\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return pid


def read_numbers(pid_file: Path) -> list[int]:
    """Return the process numbers of all helpers so far."""
    return [int(number) for number in pid_file.read_text().split()] if pid_file.exists() else []


def is_running(pid_file: Path) -> bool:
    """Return whether the latest helper runs."""
    numbers = read_numbers(pid_file)
    return bool(numbers) and psutil.pid_exists(numbers[-1])


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until `condition` holds; fail after 30 s."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)
