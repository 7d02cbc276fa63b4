"""The priority of computing below that of the desktop, for the thread that computes or, where need be, the process.

Linux knows the priority of each thread, which new threads inherit: the calling thread and what it starts change
(decoding, saving and OpenMP threads), and the thread of a window keeps its own. Many Linux kernels share the processors
among sessions first (autogroups: each terminal is one), whatever the niceness of their threads; there the command line
also lowers its terminal session until it ends (source: sched(7), "The autogroup feature"); a guard process raises it
again, also after a crash or SIGKILL. Of several commands in one terminal, the first decides when. Windows has no
inheritance: the whole process changes, and the main thread of a window is raised to its former level. On macOS only the
command line changes. Only Linux is tested.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil

LEVELS = ("low", "normal")
_LOW_NICENESS = 10
_TASKS = Path("/proc/self/task")
_SESSION = Path("/proc/self/autogroup")  # "/autogroup-12 nice 0"; a kernel without autogroups has no such file
_SESSION_DELAY = 0.12  # seconds; Linux accepts one change of a session in 0.1 s
# Waits for the end of its input, which the system closes when this process ends, however it ends.
_GUARD = """
trap '' INT QUIT HUP TERM TSTP
echo ready
read -r end
for attempt in 1 2 3 4 5 6 7 8 9; do echo "$1" > "$2" && break; sleep 0.2; done
"""
_guards: list[subprocess.Popen[bytes]] = []


def set_priority(level: str) -> str:
    """Give the calling thread, and those that it has started or will start, a level of `LEVELS`.

    Returns:
        A sentence for the user if the system does not allow it, else "".
    """
    try:
        if sys.platform.startswith("linux"):
            _set_thread_niceness(level)
            if level == "low" and threading.current_thread() is threading.main_thread():
                _lower_session()
        elif sys.platform == "win32":
            _set_process_class(level)
        elif threading.current_thread() is threading.main_thread():
            os.setpriority(os.PRIO_PROCESS, 0, _choose_niceness(level, 0, os.getpriority(os.PRIO_PROCESS, 0)))
    except (PermissionError, psutil.AccessDenied):
        return (
            f"The system does not allow priority {level}, so the priority stays as it is. The administrator of this "
            "computer can allow it."
        )
    return ""


def _choose_niceness(level: str, normal: int, present: int) -> int:
    return max(_LOW_NICENESS, normal, present) if level == "low" else normal


def _set_thread_niceness(level: str) -> None:
    """Set the niceness of this thread and of those with its name: the OpenMP threads that it started inherited it."""
    own, main = threading.get_native_id(), os.getpid()
    normal = os.getpriority(os.PRIO_PROCESS, main)
    if own == main and level == "normal":
        return  # as the process was started
    _change_niceness(own, level, normal)
    name = (_TASKS / str(own) / "comm").read_bytes()
    for task in _TASKS.iterdir():
        number = int(task.name)
        try:
            if number not in (own, main) and (task / "comm").read_bytes() == name:
                _change_niceness(number, level, normal)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue  # the thread has ended, or is a low one that an earlier thread of this name left


def _change_niceness(thread: int, level: str, normal: int) -> None:
    present = os.getpriority(os.PRIO_PROCESS, thread)
    wanted = _choose_niceness(level, normal, present)
    if wanted != present:
        os.setpriority(os.PRIO_PROCESS, thread, wanted)


def _lower_session() -> None:
    """Lower the terminal session of the process until it ends, unless the session is that low already."""
    present = _read_session_niceness()
    if present is None or present >= _LOW_NICENESS:
        return
    command = ["sh", "-c", _GUARD, "sh", str(present), str(_SESSION)]
    try:
        guard = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    except OSError:
        return  # nothing would raise it again
    assert guard.stdout is not None
    with guard.stdout as answer:
        is_ready = answer.readline() == b"ready\n"  # it ignores Ctrl+C, which reaches it, too
    if is_ready and _set_session_niceness(_LOW_NICENESS):
        _guards.append(guard)
    else:
        guard.kill()
        guard.wait()


def _read_session_niceness() -> int | None:
    """Return the niceness of the session; None if it has none."""
    try:
        found = re.search(r"nice (-?\d+)", _SESSION.read_text("ascii"))
    except (OSError, ValueError):
        return None
    return int(found.group(1)) if found else None


def _set_session_niceness(niceness: int) -> bool:
    """Set the niceness of the session; return whether the system allows it."""
    for attempt in range(5):
        try:
            _SESSION.write_text(str(niceness), "ascii")
            return True
        except BlockingIOError:
            time.sleep(_SESSION_DELAY * (attempt + 1))
        except OSError:
            break  # a read-only /proc, as in containers
    return False


if sys.platform == "win32":
    import ctypes

    _SET_INFORMATION = 0x20  # THREAD_SET_INFORMATION
    _RAISED, _NORMAL = 2, 0  # THREAD_PRIORITY_HIGHEST: in the lower class, the level of a normal thread

    def _set_process_class(level: str) -> None:
        is_low = level == "low"
        psutil.Process().nice(psutil.BELOW_NORMAL_PRIORITY_CLASS if is_low else psutil.NORMAL_PRIORITY_CLASS)
        main = threading.main_thread()
        if threading.current_thread() is not main and main.native_id is not None:
            kernel = ctypes.WinDLL("kernel32")
            kernel.OpenThread.restype = ctypes.c_void_p
            handle = ctypes.c_void_p(kernel.OpenThread(_SET_INFORMATION, False, main.native_id))
            kernel.SetThreadPriority(handle, _RAISED if is_low else _NORMAL)
            kernel.CloseHandle(handle)
