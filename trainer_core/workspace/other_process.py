"""Another process that trains in a workspace on this machine: find it, and ask it to save and stop."""

from __future__ import annotations

import os
import signal

from trainer_core.errors import UserError
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.lock import read_lock_holder


def find_training_process(workspace: Workspace) -> int | None:
    """Return the id of another process on this machine that is training in the workspace, or None."""
    holder = read_lock_holder(workspace.root)
    return holder.process if holder and holder.process != os.getpid() and holder.is_running else None


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
    if not can_stop(process):  # on Windows the signal would end it without saving
        raise UserError(f"Process {process} cannot be stopped from here. Press Ctrl+C in its terminal.")
    try:
        os.kill(process, signal.SIGINT)
    except OSError as error:
        raise UserError(
            f"Process {process} cannot be stopped from here ({error}). Press Ctrl+C in its terminal."
        ) from error
