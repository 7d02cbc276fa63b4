"""What differs between Linux, macOS and Windows, as far as one of them can try the ways of the others.

docs/platforms.md says what was run where.
"""

from __future__ import annotations

import ast
import importlib.util
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import run as set_up
import trainer_core.workspace.lock
from app.system import display
from tests.core.test_floors import MODULES, imports_of, name_of, tree_of
from trainer_core import files
from trainer_core.data.splits import _relative_name
from trainer_core.errors import UserError
from trainer_core.requirements import format_install_command
from trainer_core.workspace import other_process
from trainer_core.workspace.layout import Workspace

# Not on every system, with the reason why each may stand there. A new one needs a guard, and then a line here.
POSIX_ONLY = {
    "trainer_core.files fcntl",  # below `sys.platform == "darwin"`
    "trainer_core.workspace.lock fcntl",  # not below `sys.platform == "win32"`
    "trainer_core.workspace.lock os.O_NOFOLLOW",
    "trainer_core.workspace.lock os.O_NONBLOCK",
    "trainer_core.workspace.lock os.O_CLOEXEC",
    "trainer_core.training.resources os.statvfs",  # `os.name` is asked first, as in those that follow
    "trainer_core.workspace.other_process os.kill",
    "trainer_core.text select.select",
    "trainer_core.training.local_peers /proc/self/oom_score_adj",  # a missing file changes nothing
    "trainer_core.training.local_peers signal.SIG_BLOCK",
    "trainer_core.training.local_peers signal.SIG_SETMASK",
    "trainer_core.training.local_peers signal.pthread_sigmask",
    "trainer_core.priority os.getpriority",
    "trainer_core.priority os.setpriority",
    "trainer_core.priority os.PRIO_PROCESS",
    "trainer_core.priority /proc/self/task",
    "trainer_core.priority /proc/self/autogroup",
    "trainer_core.machine /proc/self/cgroup",  # a missing file is no limit
    "trainer_core.machine /sys/fs/cgroup",
    "trainer_core.planning.missing_gpus /sys/bus/pci/devices",  # a missing folder shows no card
    "trainer_core.machine /proc/cpuinfo",  # a missing file gives another name
    "app.system.display socket.AF_UNIX",  # probed on Linux only
}
_FUNCTIONS = """
fork forkpty geteuid getuid getgid getegid getgroups setuid setgid setsid getpgid killpg kill wait waitpid
nice getpriority setpriority statvfs fstatvfs mkfifo mknod uname chown lchown fchmod fchown chroot ttyname
getxattr setxattr listxattr posix_fadvise posix_fallocate pread pwrite sync sendfile getloadavg sysconf
register_at_fork openpty pipe2 confstr
"""
_SIGNALS_OF_WINDOWS = ("SIGINT", "SIGTERM", "SIGBREAK", "SIG_DFL", "SIG_IGN", "Signals", "Sigmasks")
_MODULES = {"fcntl", "resource", "pwd", "grp", "termios", "pty", "syslog", "posix"}
_NAMES = {
    *(f"os.{name}" for name in dir(os) if name.startswith(("O_", "PRIO_", "WIF", "RTLD_", "sched_", "SF_"))),
    *(f"os.{name}" for name in _FUNCTIONS.split()),
    *(f"signal.{name}" for name in dir(signal) if name.startswith("SIG") and name not in _SIGNALS_OF_WINDOWS),
    *("signal.alarm", "signal.pause", "signal.pthread_sigmask", "signal.setitimer", "signal.sigwait"),
    *("socket.AF_UNIX", "socket.socketpair", "select.select", "select.poll", "time.tzset"),
} - {f"os.{name}" for name in ("O_RDONLY", "O_WRONLY", "O_RDWR", "O_CREAT", "O_EXCL", "O_TRUNC", "O_APPEND")}


def posix_only_places() -> Iterator[str]:
    for path in MODULES:
        yield from (f"{name_of(path)} {name}" for _, name in imports_of(path) if name in _MODULES)
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and ast.unparse(node) in _NAMES:
                yield f"{name_of(path)} {ast.unparse(node)}"
            text = node.value if isinstance(node, ast.Constant) else None
            if isinstance(text, str) and text.startswith(("/proc/", "/sys/", "/dev/")):
                yield f"{name_of(path)} {text}"


def test_what_not_every_system_has_stands_where_it_is_guarded() -> None:
    assert set(posix_only_places()) == POSIX_ONLY


def windows_error(number: int, path: str = "x") -> OSError:
    error = OSError(13, "Access is denied", path)
    error.winerror = number  # type: ignore[attr-defined,unused-ignore]
    return error


def test_a_rename_waits_for_a_program_that_has_the_file_open_on_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run is archived although an indexer reads its journal."""
    (tmp_path / "journal.jsonl").write_text("{}\n")
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "scale4_step1.pth").write_bytes(b"1")
    original, busy = os.replace, [32, 5, 33]

    def replace(source: Any, target: Any) -> None:
        if busy:
            raise windows_error(busy.pop())
        with monkeypatch.context() as back:
            back.setattr(os, "name", "posix")
            original(source, target)

    (tmp_path / "target").mkdir()
    source, target = tmp_path / "journal.jsonl", tmp_path / "target" / "journal.jsonl"
    monkeypatch.setattr(os, "replace", replace)
    with monkeypatch.context() as windows:
        windows.setattr(os, "name", "nt")
        files.rename_file(source, target)
    assert not busy and target.exists()
    busy.append(32)
    with pytest.raises(OSError, match="denied"):  # other systems report it at once
        files.rename_file(target, source)


def test_every_move_of_a_run_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("layout", "branches"):
        source = Path(trainer_core.workspace.lock.__file__).with_name(f"{module}.py").read_text("utf-8")
        assert "rename_file(" in source
        nodes = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
        calls = [node.attr for node in nodes if isinstance(node, ast.Attribute)]
        assert not {"rename", "move"} & set(calls)


@pytest.mark.parametrize(
    ("number", "path", "expected"),
    [
        (3, "C:\\" + "long" * 70, "the path is too long for Windows"),
        (3, "C:\\short", "access is denied"),
        (32, "C:\\short", "another program has it open"),
    ],
)
def test_errors_of_windows_have_reasons_in_words(number: int, path: str, expected: str) -> None:
    assert files.describe_error(windows_error(number, path)).startswith(expected)


def test_on_windows_another_thread_can_release_the_lock_and_take_it_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The saving thread restores a lock that the training thread took."""
    pytest.importorskip("filelock")
    spec = importlib.util.spec_from_file_location("lock_of_windows", trainer_core.workspace.lock.__file__)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, module)
    with monkeypatch.context() as windows:
        windows.setattr(sys, "platform", "win32")
        spec.loader.exec_module(module)
    release = module._lock_file(tmp_path / ".lock")
    with pytest.raises(BlockingIOError):
        module._lock_file(tmp_path / ".lock")
    thread = threading.Thread(target=release)
    thread.start()
    thread.join()
    module._lock_file(tmp_path / ".lock")()


def test_on_windows_no_signal_is_sent_to_another_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """There os.kill ends a process at once, whatever the signal."""
    monkeypatch.setattr(other_process, "find_training_process", lambda workspace: 4711)
    monkeypatch.setattr(os, "kill", lambda process, number: pytest.fail("sent a signal"))
    workspace = Workspace(tmp_path)
    monkeypatch.setattr(os, "name", "nt")
    try:
        with pytest.raises(UserError, match=r"Press Ctrl\+C in its terminal"):
            other_process.request_stop(workspace, 4711)
    finally:
        monkeypatch.undo()


def test_what_systems_leave_in_folders_is_no_run(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.checkpoints_folder.mkdir()
    for name in (".DS_Store", "._scale4_step1.pth", "Thumbs.db"):
        (workspace.checkpoints_folder / name).write_bytes(b"")
    assert not workspace.has_run()
    (workspace.checkpoints_folder / "scale4_step1.pth").write_bytes(b"1")
    assert workspace.has_run()


def test_a_run_is_archived_where_permissions_cannot_be_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Some network drives refuse chmod and extended attributes."""

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    workspace = Workspace(tmp_path)
    for name in ("training_config.json", "journal.jsonl"):
        (tmp_path / name).write_text("{}\n")
    for name in ("chmod", "setxattr", "utime"):
        monkeypatch.setattr(os, name, refuse, raising=False)
    folder = workspace.archive_run()
    assert folder is not None and (folder / "training_config.json").read_text() == "{}\n"


def test_a_photo_on_another_drive_keeps_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, root: Path) -> str:
        raise ValueError("path is on mount 'D:', start on mount 'C:'")

    monkeypatch.setattr(os.path, "relpath", refuse)
    name = str(tmp_path / "a.png")
    assert _relative_name(name, tmp_path / "photos") == name


@pytest.mark.parametrize("system", ["win32", "darwin"])
def test_other_systems_have_no_wayland_or_x11_to_ask(monkeypatch: pytest.MonkeyPatch, system: str) -> None:
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setenv("QT_QPA_PLATFORM", "wayland")
    monkeypatch.setattr(display, "_trial_problem", lambda name: f"tried {name}")
    monkeypatch.setattr(display, "_wayland_problem", lambda: pytest.fail("asked Wayland"))
    assert display.display_problem() == "tried wayland"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has the X11 plugin")
def test_a_missing_library_is_named_with_the_packages_that_hold_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "xcb")
    monkeypatch.setenv("DISPLAY", ":1")
    monkeypatch.setattr(display, "_x11_plugin", lambda: tmp_path / "libqxcb.so")
    problem = display.display_problem()
    assert "libqxcb.so" in problem and f"sudo apt install {display.X11_PACKAGES}" in problem
    assert set(display.X11_PACKAGES.split()) <= set(set_up.QT_LIBRARIES.values())


@pytest.mark.parametrize(
    ("python", "command"),
    [
        ("/venv/bin/python", '/venv/bin/python -m pip install "a>=1"'),
        ("/my venv/bin/python", '"/my venv/bin/python" -m pip install "a>=1"'),
        ("/venv/pythonw.exe", '/venv/python.exe -m pip install "a>=1"'),
    ],
)
def test_a_command_that_installs_works_in_every_terminal(
    monkeypatch: pytest.MonkeyPatch, python: str, command: str
) -> None:
    monkeypatch.setattr(sys, "executable", python)
    assert format_install_command("a>=1") == command
