"""What a workspace holds of an earlier run: whether it can be continued, and from where."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional

from trainer_core.events import Event, to_json
from trainer_core.sinks.journal import read_journal
from trainer_core.workspace.layout import Workspace


@dataclass(frozen=True)
class Resumable:
    """An unfinished run.

    Args:
        step: of the newest checkpoint.
        total_steps: planned, as far as the journal says.
        saved: when that checkpoint was written, in seconds since 1970.
        ending: "stopped", "discarded", "failed", or "interrupted" when the run could not say good-bye.
    """

    step: int
    total_steps: Optional[int]
    checkpoint: Path
    saved: float
    ending: str
    best_psnr: Optional[float] = None


def resumable(workspace: Workspace, past: Optional[Iterable[Event]] = None) -> Optional[Resumable]:
    """The unfinished run in a workspace, or None; reads file names and the journal only.

    Args:
        past: the journal's events where they have been read already; of the steps the last one is enough.
    """
    steps = workspace.step_checkpoints()
    if not steps or any(workspace.checkpoints.glob("scale*_final.pth")):
        return None
    step, path = steps[-1]
    records = read_journal(workspace.journal_file) if past is None else [to_json(event) for event in past]
    quality = [r["psnr"] for r in records if r["event"] == "Validated" and r.get("split") == "val" and r.get("psnr")]
    best = max(quality, default=None)
    return Resumable(step, _total(records), path, path.stat().st_mtime, _ending(records), best)


def cut_short(workspace: Workspace, past: Iterable[Event]) -> Optional[int]:
    """The last step of a run that was interrupted before its first checkpoint; None where there is no such run."""
    records = [to_json(event) for event in past]
    if workspace.step_checkpoints() or not records or _ending(records) != "interrupted":
        return None
    return max((r["step"] for r in records if isinstance(r.get("step"), int)), default=0)


def _total(records: list[dict[str, Any]]) -> Optional[int]:
    totals = [r["total_steps"] for r in records if isinstance(r.get("total_steps"), int)]
    return totals[-1] if totals else None


def _ending(records: list[dict[str, Any]]) -> str:
    marks = [r for r in records if r["event"] in ("RunStarted", "RunFinished")]
    if marks and marks[-1]["event"] == "RunFinished":
        return str(marks[-1].get("outcome", "stopped"))
    return "interrupted"
