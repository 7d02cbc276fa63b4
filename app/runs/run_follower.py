"""Follows what another process trains: its journal and its life, looked at twice a second in the background."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

from PySide6.QtCore import QObject, QTimer, Signal

from app.background import Background
from app.folder_watch import FolderWatch
from app.runs.workspace_contents import Opened
from trainer_core.workspace.other_process import running_elsewhere
from trainer_core.events import Event
from trainer_core.sinks.journal_follower import JournalFollower
from trainer_core.workspace.layout import Workspace

_PERIOD = 500  # milliseconds from one answer to the next look
_JOB = "follow"


@dataclass(frozen=True)
class _Found:
    events: tuple[Event, ...]
    process: Optional[int]
    is_sequel: bool


class Follow(QObject):
    """One workspace at a time, given by `watch`; `stop` ends it.

    While somebody trains there, `news` brings events in batches. `over` tells when what was given is true no longer:
    the training has ended, another run has taken its place, or one has begun. The workspace is to be opened anew then.
    """

    news = Signal(object)  # tuple[Event, ...]
    over = Signal()

    def __init__(self, background: Background, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self.process: Optional[int] = None
        self.workspace: Optional[Workspace] = None
        self._background = background
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PERIOD)
        self._timer.timeout.connect(self._look)
        self._folder = FolderWatch(self)
        self._folder.changed.connect(self._look_for_another)
        self._journal: Optional[JournalFollower] = None

    def watch(self, opened: Opened) -> None:
        """Follow this workspace from where it was read."""
        self.stop()
        self.workspace, self.process, self._journal = opened.workspace, opened.elsewhere, opened.journal
        if self.process is None:
            self._folder.watch([opened.workspace.root])
        else:
            self._timer.start()

    def stop(self) -> None:
        """Look no more."""
        self._timer.stop()
        self._folder.stop()
        self._background.forget(_JOB)
        self.workspace = self.process = self._journal = None

    # -- somebody trains there -----------------------------------------------------------------

    def _look(self) -> None:
        workspace, journal = self.workspace, self._journal
        if workspace is not None and journal is not None:
            self._background.run(_JOB, lambda: _found(workspace, journal), self._take, self._escaped)

    def _take(self, found: _Found) -> None:
        if found.events:
            self.news.emit(found.events)
        if self._journal is None:
            return  # whoever heard the news has had enough
        if found.is_sequel and found.process == self.process:
            self._timer.start()
        else:
            self.stop()
            self.over.emit()

    # -- nobody does yet -----------------------------------------------------------------------

    def _look_for_another(self) -> None:
        workspace = self.workspace
        if workspace is not None and self.process is None:
            self._background.run(_JOB, lambda: running_elsewhere(workspace), self._take_process, self._escaped)

    def _take_process(self, process: Optional[int]) -> None:
        if process is not None:
            self.stop()
            self.over.emit()

    def _escaped(self, error: Exception) -> None:
        raise error


def _found(workspace: Workspace, journal: JournalFollower) -> _Found:
    process, files = running_elsewhere(workspace), journal.files  # first: what it wrote last is read below
    news = journal.news()
    if journal.files != files:
        return _Found((), process, is_sequel=False)  # another run: long perhaps, and read when it is opened
    return _Found(tuple(news), process, is_sequel=True)
