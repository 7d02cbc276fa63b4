"""Another process that trains in a workspace on this machine: find it, and ask it to save and stop."""

from __future__ import annotations

import os
import signal
import socket

import psutil

from trainer_core.errors import UserError
from trainer_core.input_files import read_regular
from trainer_core.json_files import parse_json
from trainer_core.workspace.layout import Workspace

_CLOCK_TOLERANCE = 10.0  # seconds between the clocks of files and of processes


def find_training_process(workspace: Workspace) -> int | None:
    """Return the id of another process on this machine that is training in the workspace, or None."""
    file = workspace.root / ".lock.json"
    try:
        lock_holder = parse_json(read_regular(file))
        process, host = int(lock_holder["pid"]), lock_holder["host"]
        since = file.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return None
    other = process != os.getpid() and host == socket.gethostname()
    return process if other and _is_running(process, since) else None


def can_stop(process: int) -> bool:
    """Whether `request_stop` works: not on Windows (no such signals), nor for processes of other users."""
    if os.name == "nt":
        return False
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def request_stop(workspace: Workspace, process: int) -> None:
    """Ask a process to finish its step, save and end, like Ctrl+C in its terminal.

    Call this once per process: a second signal ends it at once, without saving.

    Raises:
        UserError: the process is no longer training there, or belongs to another user.
    """
    if find_training_process(workspace) != process:
        raise UserError(f"Process {process} is no longer training in {workspace.root}.")
    try:
        os.kill(process, signal.SIGINT)
    except OSError as error:
        raise UserError(
            f"Process {process} cannot be stopped from here ({error}). Press Ctrl+C in its terminal."
        ) from error


def _is_running(process: int, since: float) -> bool:
    """Whether the process is running and older than the lock; a younger one only reuses the id of an ended process."""
    try:
        found = psutil.Process(process)
        return bool(found.status() != psutil.STATUS_ZOMBIE and found.create_time() <= since + _CLOCK_TOLERANCE)
    except psutil.Error:
        return False
