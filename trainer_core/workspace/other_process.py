"""A run in another process on this machine: who trains in a workspace, and how to ask that process to stop and save."""

from __future__ import annotations

import json
import os
import signal
import socket

import psutil

from trainer_core.errors import UserError
from trainer_core.workspace.layout import Workspace

_CLOCK_TOLERANCE = 10.0  # seconds by which the clocks of files and of processes may differ


def find_training_process(workspace: Workspace) -> int | None:
    """The process that trains in this workspace now, if it is another one on this machine."""
    file = workspace.root / ".lock.json"
    try:
        lock_holder = json.loads(file.read_text("utf-8"))
        process, host = int(lock_holder["pid"]), lock_holder["host"]
        since = file.stat().st_mtime
    except (OSError, ValueError, KeyError, TypeError):
        return None
    other = process != os.getpid() and host == socket.gethostname()
    return process if other and _is_running(process, since) else None


def can_stop(process: int) -> bool:
    """Whether `stop` works: where there are signals that a process can heed (not on Windows), for one's own process."""
    if os.name == "nt":
        return False
    try:
        os.kill(process, 0)
    except OSError:
        return False
    return True


def request_stop(workspace: Workspace, process: int) -> None:
    """Ask it to finish the step, save and leave, as Ctrl+C in its terminal does. Once: a second one leaves at once.

    Raises:
        UserError: it does not train there any more, or is not ours.
    """
    if find_training_process(workspace) != process:
        raise UserError(f"Process {process} does not train in {workspace.root} any more.")
    try:
        os.kill(process, signal.SIGINT)
    except OSError as error:
        raise UserError(f"Process {process} cannot be asked to stop ({error}). Stop it where it runs.") from error


def _is_running(process: int, since: float) -> bool:
    """Whether it is alive and no younger than the lock: numbers of dead processes are given away again."""
    try:
        found = psutil.Process(process)
        return bool(found.status() != psutil.STATUS_ZOMBIE and found.create_time() <= since + _CLOCK_TOLERANCE)
    except psutil.Error:
        return False
