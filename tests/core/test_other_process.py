"""The other process that trains in a workspace: known by its lock file, asked to stop."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer_core.errors import UserError
from trainer_core.files import write_json
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.other_process import can_stop, find_training_process, request_stop


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the workspace and leaves with 7 on SIGINT."""
    code = (
        "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *a: sys.exit(7))\n"
        "print('ready', flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    write_json(tmp_path / ".lock.json", {"pid": process.pid, "host": socket.gethostname(), "since": ""})
    yield process
    process.kill()
    process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_the_other_process_can_be_asked_to_stop(tmp_path: Path, other: subprocess.Popen[bytes]) -> None:
    workspace = Workspace(tmp_path)
    assert find_training_process(workspace) == other.pid
    assert can_stop(other.pid)
    request_stop(workspace, other.pid)
    assert other.wait(timeout=20) == 7
    assert find_training_process(workspace) is None
    with pytest.raises(UserError, match="no longer training"):
        request_stop(workspace, other.pid)


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_a_process_that_took_over_a_dead_one_s_number_is_left_alone(
    tmp_path: Path, other: subprocess.Popen[bytes]
) -> None:
    os.utime(tmp_path / ".lock.json", (0, 0))  # written long before that process began
    with pytest.raises(UserError):
        request_stop(Workspace(tmp_path), other.pid)
    assert other.poll() is None


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_what_is_not_ours_or_not_there_cannot_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: int, number: int) -> None:
        raise PermissionError

    assert can_stop(os.getpid())
    monkeypatch.setattr(os, "kill", refuse)
    assert not can_stop(1)


def test_only_a_living_process_counts_as_the_other_process(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    assert find_training_process(workspace) is None
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    lock = {"pid": child.pid, "host": socket.gethostname(), "since": ""}
    (tmp_path / ".lock.json").write_text(json.dumps(lock), "utf-8")
    assert find_training_process(workspace) == child.pid
    os.utime(tmp_path / ".lock.json", (0, 0))  # older than the child: the holder has died and its number is taken
    assert find_training_process(workspace) is None
    (tmp_path / ".lock.json").touch()
    child.communicate(b"\n")
    assert find_training_process(workspace) is None
    (tmp_path / ".lock.json").write_text(json.dumps({**lock, "pid": os.getpid()}), "utf-8")
    assert find_training_process(workspace) is None
