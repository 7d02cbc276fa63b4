"""The contents of an opened workspace: `read_workspace` reads them in the background, the journal in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from app.runs.figures import RunFigures
from trainer_core.events import Event
from trainer_core.sinks.journal_follower import JournalFollower, without_repeats
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import model_of
from trainer_core.workspace.other_process import find_training_process
from trainer_core.workspace.unfinished import UnfinishedRun, find_unfinished_run, lost_run_step


@dataclass(frozen=True)
class WorkspaceContents:
    """The run in a workspace.

    Attributes:
        events: the events of the run; of consecutive steps only the last one.
        figures: the curves of the run, every step included.
        unfinished: the run, if it can be resumed.
        lost_run_step: the last step of a run that stopped before its first checkpoint.
        process: the id of another process that trains there now.
        model: the model of the run, if there is one.
        journal: follower of the journal, which continues after the last of `events`.
    """

    workspace: Workspace
    events: tuple[Event, ...]
    figures: RunFigures
    unfinished: UnfinishedRun | None
    lost_run_step: int | None
    process: int | None
    model: Path | None
    journal: JournalFollower


def read_workspace(workspace: Workspace) -> WorkspaceContents:
    """Read the run in a workspace."""
    process = find_training_process(workspace)  # first, so that the journal of a run that ends now is read completely
    journal, figures = JournalFollower(workspace.journal_file), RunFigures()
    events = without_repeats(_add_to_figures(journal.read_new_events(), figures))
    unfinished, lost_step = find_unfinished_run(workspace, events), lost_run_step(workspace, events)
    return WorkspaceContents(
        workspace, tuple(events), figures, unfinished, lost_step, process, model_of(workspace), journal
    )


def _add_to_figures(events: Iterator[Event], figures: RunFigures) -> Iterator[Event]:
    for event in events:
        figures.add_event(event)
        yield event
