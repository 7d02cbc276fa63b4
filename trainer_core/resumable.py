"""What a workspace holds of an earlier run: whether it can be continued, from where, and whether it runs elsewhere."""

from __future__ import annotations

import json
import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

import psutil

from trainer_core.sinks.journal import read_journal
from trainer_core.workspace import Workspace


@dataclass(frozen=True)
class Resumable:
    """An unfinished run.

    Args:
        step: of the newest checkpoint; the last step done may be later.
        total_steps: planned, as far as the journal says.
        saved: when that checkpoint was written, in seconds since 1970.
        ending: "stopped", "discarded", "failed", or "interrupted" when the run could not say good-bye.
    """

    step: int
    total_steps: Optional[int]
    checkpoint: Path
    saved: float
    ending: str
    last_step: int
    best_psnr: Optional[float] = None


def resumable(workspace: Workspace) -> Optional[Resumable]:
    """The unfinished run in a workspace, or None; reads file names and the journal only."""
    steps = workspace.step_checkpoints()
    if not steps or any(workspace.checkpoints.glob("scale*_final.pth")):
        return None
    step, path = steps[-1]
    records = read_journal(workspace.journal_file)
    last_step = max((r["step"] for r in records if isinstance(r.get("step"), int)), default=step)
    quality = [r["psnr"] for r in records if r["event"] == "Validated" and r.get("split") == "val" and r.get("psnr")]
    return Resumable(
        step, _total(records), path, path.stat().st_mtime, _ending(records), max(step, last_step),
        max(quality, default=None),
    )  # fmt: skip


def running_elsewhere(workspace: Workspace) -> Optional[int]:
    """The process that trains in this workspace now, if it is another one on this machine."""
    try:
        holder = json.loads((workspace.root / ".lock.json").read_text("utf-8"))
        process, host = int(holder["pid"]), holder["host"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    other = process != os.getpid() and host == socket.gethostname()
    return process if other and _lives(process) else None


def _lives(process: int) -> bool:
    try:
        return bool(psutil.Process(process).status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _total(records: list[dict[str, Any]]) -> Optional[int]:
    totals = [r["total_steps"] for r in records if isinstance(r.get("total_steps"), int)]
    return totals[-1] if totals else None


def _ending(records: list[dict[str, Any]]) -> str:
    marks = [r for r in records if r["event"] in ("RunStarted", "RunFinished")]
    if marks and marks[-1]["event"] == "RunFinished":
        return str(marks[-1].get("outcome", "stopped"))
    return "interrupted"
