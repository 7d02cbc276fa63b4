"""The offer to resume the unfinished run of the last session, shown when the window opens something else.

The run of the workspace that the form names has its own card (`app.widgets.cards.ResumeCard`).
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Callable

from PySide6.QtCore import QObject, Signal

from app.form.last_session import load_session
from app.form.project import Project
from app.widgets.cards import Card, format_age
from trainer_core.sinks.event_text import format_step
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.other_process import find_training_process
from trainer_core.workspace.unfinished import UnfinishedRun, find_unfinished_run

_JOB = "last run"
_INTERRUPTED = "Your training in {name} was interrupted"
_UNFINISHED = "Your training in {name} is unfinished"


class LastRunCard(Card):
    """Card of the unfinished run of the last session."""

    resume = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.resume_button = self._button("Resume", "start", self.resume.emit, primary=True)

    def show_run(self, workspace: Path, found: UnfinishedRun) -> None:
        """Show which run is unfinished, and how far it is."""
        title = _INTERRUPTED if found.outcome == "interrupted" else _UNFINISHED
        step = format_step(found.step, found.total_steps).capitalize()
        text = f"{step}, saved {format_age(time.time() - found.saved_at)} in {workspace}."
        self.set_content("waiting", "accent", title.format(name=workspace.name), text)


class LastRun(QObject):
    """Unfinished run of the last session: found in the background, resumed with the choices of that session.

    Args:
        resume_when_ready: resumes the run of the project's workspace as soon as its folders are checked.
    """

    def __init__(self, project: Project, card: LastRunCard, resume_when_ready: Callable[[], None]) -> None:
        super().__init__(project)
        self._project, self._card, self._resume_when_ready = project, card, resume_when_ready
        self._session = load_session()
        self._is_open = False  # whether the workspace of that session is open
        self._has_ended = False  # whether a run has started since
        card.resume.connect(self._resume)
        project.workspace_opened.connect(self._follow_workspace)

    def offer(self) -> None:
        """Offer the run, unless its workspace is open already or another process trains there."""
        self._session = load_session()
        self._find()

    def end(self) -> None:
        """Withdraw the offer for good, because a run starts."""
        self._has_ended = True
        self._project.background.cancel(_JOB)
        self._card.dismiss()

    def _find(self) -> None:
        if self._root is not None:
            workspace = Workspace(self._root)
            self._project.background.run_job(_JOB, lambda: _find_run(workspace), self._show, _raise_error)

    def _show(self, found: UnfinishedRun | None) -> None:
        root, opened = self._root, self._project.workspace
        if found is not None and root is not None and (opened is None or opened.root != root):
            self._card.show_run(root, found)

    @property
    def _root(self) -> Path | None:
        name = self._session.paths.get("workspace")
        return Path(os.path.abspath(name)) if name else None

    def _follow_workspace(self) -> None:
        """Hide the offer where its workspace is opened, and offer the run again where the user leaves that one."""
        workspace = self._project.workspace
        if workspace is None or self._has_ended:
            return
        was_open, self._is_open = self._is_open, workspace.root == self._root
        if self._is_open:
            self._card.dismiss()
        elif was_open:
            self._find()

    def _resume(self) -> None:
        self._card.dismiss()
        self._project.restore_session(self._session)
        self._resume_when_ready()


def _find_run(workspace: Workspace) -> UnfinishedRun | None:
    return None if find_training_process(workspace) else find_unfinished_run(workspace)


def _raise_error(error: Exception) -> None:
    raise error
