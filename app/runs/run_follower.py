"""The follower of a run in another process: it polls journal and process twice a second, in the background."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from app.runs.workspace_contents import WorkspaceContents
from app.system.background import Background
from app.system.folder_watch import FolderWatch
from trainer_core.events import Event
from trainer_core.sinks.journal_follower import JournalFollower
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.other_process import find_training_process

_POLL_INTERVAL = 500  # milliseconds from one answer to the next poll
_JOB = "follow"


@dataclass(frozen=True)
class _PollResult:
    """New events of the journal, and whether they continue the run that is followed."""

    events: tuple[Event, ...]
    process: int | None
    continues_run: bool


class RunFollower(QObject):
    """Follower of one workspace at a time, from `follow_workspace` until `stop`.

    While a process trains in the workspace, `events_read` carries its new events in batches. `ended` reports that the
    contents of the workspace are out of date: the run ended, another one replaced it, or a first one began. The
    receiver then reads the workspace again.
    """

    events_read = Signal(object)  # tuple[Event, ...]
    ended = Signal()

    def __init__(self, background: Background, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.process: int | None = None
        self.workspace: Workspace | None = None
        self._background = background
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_POLL_INTERVAL)
        self._timer.timeout.connect(self._poll)
        self._folder_watch = FolderWatch(self)
        self._folder_watch.changed.connect(self._poll_for_process)
        self._journal: JournalFollower | None = None

    def follow_workspace(self, contents: WorkspaceContents) -> None:
        """Follow a workspace, beginning after the events already read."""
        self.stop()
        self.workspace, self.process, self._journal = contents.workspace, contents.process, contents.journal
        if self.process is None:
            self._folder_watch.set_folders([contents.workspace.root])
        else:
            self._timer.start()

    def stop(self) -> None:
        """Stop following."""
        self._timer.stop()
        self._folder_watch.stop()
        self._background.cancel(_JOB)
        self.workspace = self.process = self._journal = None

    # -- while a process trains ----------------------------------------------------------------

    def _poll(self) -> None:
        workspace, journal = self.workspace, self._journal
        if workspace is not None and journal is not None:
            self._background.run_job(
                _JOB, lambda: _poll_journal(workspace, journal), self._on_polled, self._raise_error
            )

    def _on_polled(self, result: _PollResult) -> None:
        if result.events:
            self.events_read.emit(result.events)
        if self._journal is None:
            return  # a receiver of the events stopped following
        if result.continues_run and result.process == self.process:
            self._timer.start()
        else:
            self.stop()
            self.ended.emit()

    # -- until a process trains ----------------------------------------------------------------

    def _poll_for_process(self) -> None:
        workspace = self.workspace
        if workspace is not None and self.process is None:
            self._background.run_job(
                _JOB, lambda: find_training_process(workspace), self._on_process_polled, self._raise_error
            )

    def _on_process_polled(self, process: int | None) -> None:
        if process is not None:
            self.stop()
            self.ended.emit()

    def _raise_error(self, error: Exception) -> None:
        raise error


def _poll_journal(workspace: Workspace, journal: JournalFollower) -> _PollResult:
    process, files = find_training_process(workspace), journal.files  # before its last events are read below
    events = journal.read_new_events()
    if journal.files != files:
        # The journal of another run may be long: it is read when the workspace opens.
        return _PollResult((), process, continues_run=False)
    return _PollResult(tuple(events), process, continues_run=True)
