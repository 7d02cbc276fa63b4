"""The unfinished or lost run of a workspace, found from its file names and journal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer_core.events import Event, event_to_json
from trainer_core.sinks.journal_follower import JournalFollower, without_repeats
from trainer_core.workspace.checkpoints import has_final_checkpoint, has_header, list_checkpoints
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.lock import read_lock_holder


@dataclass(frozen=True)
class UnfinishedRun:
    """A run with checkpoints that has not reached its last step, or whose end was interrupted; it can be resumed.

    Args:
        step: step of the newest checkpoint.
        total_steps: planned steps; None if the journal does not give them.
        checkpoint: the newest checkpoint.
        saved_at: time of that checkpoint, in seconds since 1970.
        outcome: "stopped", "discarded" or "failed"; "interrupted" if the journal has no `RunFinished`. Without a
            journal, as in the folder to which a run was moved at its end, it is "stopped".
        seconds: how long the run had trained at that checkpoint; 0 if the journal does not give it.
    """

    step: int
    total_steps: int | None
    checkpoint: Path
    saved_at: float
    outcome: str
    seconds: float = 0.0


def find_unfinished_run(workspace: Workspace, events: Iterable[Event] | None = None) -> UnfinishedRun | None:
    """Return the unfinished run in a workspace, or None; reads file names, a few headers and the journal.

    A run with a final checkpoint is unfinished if it was trained further, or interrupted while it ended.

    Args:
        workspace: the workspace to search.
        events: the journal's events if they have been read already; of the `StepDone` events, the last one is enough.
    """
    checkpoints = list_checkpoints(workspace)
    if not checkpoints:
        return None
    step, path = next((entry for entry in checkpoints if has_header(entry[1])), checkpoints[0])
    if events is None:
        events = without_repeats(JournalFollower(workspace.journal_file).read_new_events())
    records = [event_to_json(event) for event in events]
    if has_final_checkpoint(workspace, step) and (not records or _last_outcome(records) == "completed"):
        return None
    saved_at, seconds = path.lstat().st_mtime, _find_seconds(records, step)
    return UnfinishedRun(step, _last_total(records), path, saved_at, _last_outcome(records), seconds)


def lost_run_step(workspace: Workspace, events: Iterable[Event]) -> int | None:
    """Return the last step of a run that stopped before its first checkpoint, or None without such a run.

    A process that was killed while it prepared a run has written no event, but left its lock.
    """
    records = [event_to_json(event) for event in events]
    if list_checkpoints(workspace):
        return None
    if not records:
        holder = read_lock_holder(workspace.root)
        return 0 if holder is not None and holder.is_here and not holder.is_running else None
    if _last_outcome(records) != "interrupted":
        return None
    return max((r["step"] for r in records if isinstance(r.get("step"), int)), default=0)


def _find_seconds(records: list[dict[str, Any]], step: int) -> float:
    """Return how long a run had trained at a step, from the nearest step of the journal."""
    steps = [r for r in records if r["event"] == "StepDone"]
    nearest = min(steps, key=lambda r: abs(int(r["step"]) - step), default=None)
    return float(nearest["run_seconds"]) * step / max(1, nearest["step"]) if nearest is not None else 0.0


def _last_total(records: list[dict[str, Any]]) -> int | None:
    totals = [r["total_steps"] for r in records if isinstance(r.get("total_steps"), int)]
    return totals[-1] if totals else None


def _last_outcome(records: list[dict[str, Any]]) -> str:
    marks = [r for r in records if r["event"] in ("RunStarted", "RunFinished")]
    if marks and marks[-1]["event"] == "RunFinished":
        return str(marks[-1].get("outcome", "stopped"))
    return "interrupted" if records else "stopped"
