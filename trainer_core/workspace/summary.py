"""The run of a workspace in one line, for a list of workspaces: watch, scale, gain, state and date."""

from __future__ import annotations

import os
from dataclasses import dataclass

from trainer_core.events import Event, RunFinished, RunStarted, Validated
from trainer_core.settings.config import TrainerConfig
from trainer_core.sinks.journal_follower import JournalFollower, without_repeats
from trainer_core.watches import Watch, select_watch
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.other_process import find_training_process
from trainer_core.workspace.unfinished import find_unfinished_run, lost_run_step


@dataclass(frozen=True)
class RunSummary:
    """The latest run in a workspace.

    Attributes:
        watch: the watch that it is for.
        scale: 2, 4 or 8.
        state: "training" in another process; "completed"; "interrupted", "stopped", "discarded" or "failed" for a run
            that can be resumed; "lost" for one that stopped before its first checkpoint; "empty" without a run.
        gain: PSNR of the best model above bicubic enlargement, dB; None before the first validation.
        changed_at: time of the last event, in seconds since 1970; None without a run.
    """

    watch: Watch
    scale: int
    state: str
    gain: float | None
    changed_at: float | None

    @property
    def is_resumable(self) -> bool:
        """Whether the run can be resumed here."""
        return self.state in ("interrupted", "stopped", "discarded", "failed")


def summarize_run(workspace: Workspace) -> RunSummary:
    """Read settings, journal and file names of a workspace.

    Raises:
        UserError: the stored settings cannot be used.
        OSError: the folder cannot be read.
    """
    process = find_training_process(workspace)  # first, as a run that ends now is complete in its journal
    config = TrainerConfig().replace(**workspace.read_settings().values)
    events = without_repeats(JournalFollower(workspace.journal_file).read_new_events())
    return RunSummary(
        watch=select_watch(mono=config.monochrome_style),
        scale=config.scale,
        state="training" if process is not None else _find_state(workspace, events),
        gain=_find_gain(events),
        changed_at=os.stat(workspace.journal_file).st_mtime if events else None,
    )


def _find_state(workspace: Workspace, events: list[Event]) -> str:
    unfinished = find_unfinished_run(workspace, events)
    if unfinished is not None:
        return unfinished.outcome
    if not events:
        return "empty" if lost_run_step(workspace, events) is None else "lost"
    ends = [event for event in events if isinstance(event, (RunStarted, RunFinished))]
    is_complete = bool(ends) and isinstance(ends[-1], RunFinished) and ends[-1].outcome == "completed"
    return "completed" if is_complete else "lost"


def _find_gain(events: list[Event]) -> float | None:
    best = [event for event in events if isinstance(event, Validated) and event.split == "val" and event.is_best]
    return best[-1].psnr - best[-1].bicubic_psnr if best else None
