"""Follows what another process trains: its journal and its life, looked at twice a second in the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from PySide6.QtCore import QObject, QTimer, Signal

from app.background import Background
from app.folder_watch import FolderWatch
from app.runs.workspace_contents import WorkspaceContents
from trainer_core.workspace.other_process import find_training_process
from trainer_core.events import Event
from trainer_core.sinks.journal_follower import JournalFollower
from trainer_core.workspace.layout import Workspace

_POLL_INTERVAL = 500  # milliseconds from one answer to the next look
_JOB = "follow"


@dataclass(frozen=True)
class _News:
    events: tuple[Event, ...]
    process: Optional[int]
    continues_run: bool


class RunFollower(QObject):
    """One workspace at a time, given by `watch`; `stop` ends it.

    While somebody trains there, `news` brings events in batches. `over` tells when what was given is true no longer:
    the training has ended, another run has taken its place, or one has begun. The workspace is to be opened anew then.
    """

    events_read = Signal(object)  # tuple[Event, ...]
    ended = Signal()

    def __init__(self, background: Background, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self.process: Optional[int] = None
        self.workspace: Optional[Workspace] = None
        self._background = background
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_POLL_INTERVAL)
        self._timer.timeout.connect(self._poll)
        self._folder = FolderWatch(self)
        self._folder.changed.connect(self._poll_for_process)
        self._journal: Optional[JournalFollower] = None

    def follow_workspace(self, opened: WorkspaceContents) -> None:
        """Follow this workspace from where it was read."""
        self.stop()
        self.workspace, self.process, self._journal = opened.workspace, opened.process, opened.journal
        if self.process is None:
            self._folder.set_folders([opened.workspace.root])
        else:
            self._timer.start()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()
        self._folder.stop()
        self._background.cancel(_JOB)
        self.workspace = self.process = self._journal = None

    # -- somebody trains there -----------------------------------------------------------------

    def _poll(self) -> None:
        workspace, journal = self.workspace, self._journal
        if workspace is not None and journal is not None:
            self._background.run_job(_JOB, lambda: _read_news(workspace, journal), self._on_polled, self._escaped)

    def _on_polled(self, found: _News) -> None:
        if found.events:
            self.events_read.emit(found.events)
        if self._journal is None:
            return  # whoever heard the news has had enough
        if found.continues_run and found.process == self.process:
            self._timer.start()
        else:
            self.stop()
            self.ended.emit()

    # -- nobody does yet -----------------------------------------------------------------------

    def _poll_for_process(self) -> None:
        workspace = self.workspace
        if workspace is not None and self.process is None:
            self._background.run_job(_JOB, lambda: find_training_process(workspace), self._on_process_polled, self._escaped)

    def _on_process_polled(self, process: Optional[int]) -> None:
        if process is not None:
            self.stop()
            self.ended.emit()

    def _escaped(self, error: Exception) -> None:
        raise error


def _read_news(workspace: Workspace, journal: JournalFollower) -> _News:
    process, files = find_training_process(workspace), journal.files  # first: what it wrote last is read below
    news = journal.read_new_events()
    if journal.files != files:
        return _News((), process, continues_run=False)  # another run: long perhaps, and read when it is opened
    return _News(tuple(news), process, continues_run=True)
