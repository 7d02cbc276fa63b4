"""What lies in a workspace that was opened: read in the background, the journal from end to end but only once."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from app.charts.figures import Figures
from trainer_core.workspace.other_process import running_elsewhere
from trainer_core.events import Event
from trainer_core.workspace.unfinished import Resumable, cut_short, resumable
from trainer_core.sinks.journal_follower import JournalFollower, gist
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import model_of


@dataclass(frozen=True)
class Opened:
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
    figures: Figures
    unfinished: Optional[Resumable]
    cut_short: Optional[int]
    elsewhere: Optional[int]
    model: Optional[Path]
    journal: JournalFollower


def look_into(workspace: Workspace) -> Opened:
    """Read what is there."""
    elsewhere = running_elsewhere(workspace)  # first: the journal of a run that ends now is complete then
    journal, figures = JournalFollower(workspace.journal_file), Figures()
    events = gist(_noting(journal.news(), figures))
    unfinished, lost = resumable(workspace, events), cut_short(workspace, events)
    return Opened(workspace, tuple(events), figures, unfinished, lost, elsewhere, model_of(workspace), journal)


def _noting(events: Iterator[Event], figures: Figures) -> Iterator[Event]:
    for event in events:
        figures.take(event)
        yield event
