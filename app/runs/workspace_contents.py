"""What lies in a workspace that was opened: read in the background, the journal from end to end but only once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from app.charts.figures import RunFigures
from trainer_core.workspace.other_process import find_training_process
from trainer_core.events import Event
from trainer_core.workspace.unfinished import UnfinishedRun, lost_run_step, find_unfinished_run
from trainer_core.sinks.journal_follower import JournalFollower, without_repeats
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import model_of


@dataclass(frozen=True)
class WorkspaceContents:
    """The run in a workspace.

    Args:
        events: of the run, of steps in a row only the last one.
        figures: all of them, ready to be drawn.
        cut_short: the last step of a run that was interrupted before its first checkpoint.
        elsewhere: a process that trains there now.
        model: the model of the run, where the workspace lies now.
        journal: goes on where `events` ends.
    """

    workspace: Workspace
    events: tuple[Event, ...]
    figures: RunFigures
    unfinished: Optional[UnfinishedRun]
    lost_run_step: Optional[int]
    process: Optional[int]
    model: Optional[Path]
    journal: JournalFollower


def read_workspace(workspace: Workspace) -> WorkspaceContents:
    """Read what is there."""
    elsewhere = find_training_process(workspace)  # first: the journal of a run that ends now is complete then
    journal, figures = JournalFollower(workspace.journal_file), RunFigures()
    events = without_repeats(_add_to_figures(journal.read_new_events(), figures))
    unfinished, lost_step = find_unfinished_run(workspace, events), lost_run_step(workspace, events)
    return WorkspaceContents(workspace, tuple(events), figures, unfinished, lost_step, elsewhere, model_of(workspace), journal)


def _add_to_figures(events: Iterator[Event], figures: RunFigures) -> Iterator[Event]:
    for event in events:
        figures.add_event(event)
        yield event
