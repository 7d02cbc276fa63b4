"""The lock of a workspace where it is deleted, foreign, of the wrong kind, or unknown to the file system."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer_core.errors import UserError
from trainer_core.files import WriteError
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.lock import WorkspaceLock, read_lock_holder

fcntl = pytest.importorskip("fcntl")

_HOLD = (
    "import sys, time; from pathlib import Path; from trainer_core.workspace.layout import Workspace\n"
    "with Workspace(Path(sys.argv[1])).lock():\n    print('held', flush=True); time.sleep(60)"
)


@pytest.fixture
def lock(tmp_path: Path) -> Iterator[WorkspaceLock]:
    with Workspace(tmp_path).lock() as held:
        yield held


def hold_in_other_process(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", _HOLD, str(root)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def refuse_locks(monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    def refuse(*arguments: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", refuse)


def test_a_deleted_lock_is_restored_with_a_notice(lock: WorkspaceLock, tmp_path: Path) -> None:
    assert lock.check() == ""
    (tmp_path / ".lock").unlink()
    assert ".lock was deleted" in lock.check() and lock.check() == ""
    with pytest.raises(UserError, match=f"in use by process {os.getpid()}"), Workspace(tmp_path).lock():
        pass


def test_a_second_trainer_that_came_in_through_a_deleted_lock_is_named(lock: WorkspaceLock, tmp_path: Path) -> None:
    (tmp_path / ".lock").unlink()
    other = hold_in_other_process(tmp_path)
    try:
        with pytest.raises(WriteError, match=f"process {other.pid} .* trains in this workspace as well"):
            lock.check()
    finally:
        other.kill()
        other.wait()
    assert "is locked again" in lock.check()
    holder = read_lock_holder(tmp_path)
    assert holder is not None and holder.process == os.getpid()


def test_a_loser_waits_until_the_winner_has_written_its_name(tmp_path: Path) -> None:
    code = (
        "import fcntl, os, sys, time; from pathlib import Path; root = Path(sys.argv[1])\n"
        "file = open(root / '.lock', 'w'); fcntl.flock(file, fcntl.LOCK_EX); print('held', flush=True)\n"
        "time.sleep(1); from trainer_core.workspace.lock import WorkspaceLock\n"
        "WorkspaceLock(root)._write_holder(); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    try:
        with pytest.raises(UserError, match=f"in use by process {process.pid}"), Workspace(tmp_path).lock():
            pass
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS])
def test_a_file_system_without_locks_is_used_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    refuse_locks(monkeypatch, number)
    with Workspace(tmp_path).lock() as lock:
        assert any("has no locks" in text for text in lock.notices)
        assert lock.check() == ""
    assert not (tmp_path / ".lock.json").exists()


def test_without_locks_a_running_or_distant_trainer_is_still_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        refuse_locks(monkeypatch, errno.ENOLCK)
        name = {"pid": other.pid, "host": socket.gethostname(), "since": "today"}
        (tmp_path / ".lock.json").write_text(json.dumps(name))
        with pytest.raises(UserError, match=f"in use by process {other.pid}"), Workspace(tmp_path).lock():
            pass
        other.communicate(b"\n")
    with Workspace(tmp_path).lock():
        pass
    (tmp_path / ".lock.json").write_text(json.dumps({**name, "host": "elsewhere"}))
    with pytest.raises(UserError, match=r"may be in use by .* on elsewhere .* delete .*\.lock\.json"):
        Workspace(tmp_path).lock().__enter__()


@pytest.mark.parametrize("name", [".lock", ".lock.json"])
@pytest.mark.parametrize("kind", ["folder", "link", "pipe"])
def test_a_lock_of_the_wrong_kind_is_refused_by_name(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    {
        "folder": lambda: path.mkdir(),
        "link": lambda: path.symlink_to(tmp_path / "nothing"),
        "pipe": lambda: os.mkfifo(path),
    }[kind]()
    with pytest.raises(UserError, match=rf"{name} must be a file"), Workspace(tmp_path).lock():
        pass


def test_a_lock_of_another_user_is_refused_with_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object) -> int:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    (tmp_path / ".lock").touch()
    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UserError, match=r"access is denied .* belongs to the user"), Workspace(tmp_path).lock():
        pass


def test_a_drive_that_cannot_sync_is_used_with_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(descriptor: int) -> None:
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "fsync", fail)
    with Workspace(tmp_path).lock() as lock:
        assert any("power failure" in text for text in lock.notices)


@pytest.mark.parametrize("name", ["checkpoints", "models", "previews", "tensorboard", "trainer.log", "journal.jsonl"])
@pytest.mark.parametrize("kind", ["dangling link", "other kind"])
def test_a_part_of_the_workspace_of_the_wrong_kind_is_refused_by_name(tmp_path: Path, name: str, kind: str) -> None:
    path = tmp_path / name
    if kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    elif "." in name:
        path.mkdir()
    else:
        path.write_bytes(b"a file")
    with pytest.raises(UserError, match=f"{name} must be a f"):
        Workspace(tmp_path).create()
    assert os.listdir(tmp_path) == [name]
