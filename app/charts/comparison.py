"""Another run drawn beside this one: an earlier one of the workspace, or one of another workspace."""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QMenu

from app.charts.figures import RunFigures
from app.charts.panel import ChartPanel
from app.project import Project
from app.runs.recent_workspaces import read_recent_workspaces
from trainer_core.sinks.journal_follower import JournalFollower
from trainer_core.workspace.layout import ARCHIVE_TIME_FORMAT, Workspace

_JOB = "comparison"


@dataclass(frozen=True)
class ComparableRun:
    """A run to compare with."""

    name: str
    root: Path  # of its files


class RunComparison(QObject):
    """The menu of the panel's button. What it offers is looked for when it is opened, in the background."""

    message_posted = Signal(str, str)  # level, text

    def __init__(self, panel: ChartPanel, project: Project) -> None:
        super().__init__(panel)
        self._panel, self._project = panel, project
        self._chosen: ComparableRun | None = None
        self.menu = QMenu(panel)
        panel.compare_button.clicked.connect(self._find_runs)

    def _find_runs(self) -> None:
        workspace = self._project.workspace
        self._project.background.run_job(
            "comparable", lambda: find_comparable_runs(workspace), self._show_menu, self._escaped
        )

    def _show_menu(self, found: tuple[list[ComparableRun], list[ComparableRun]]) -> None:
        self.menu.clear()
        self._add("None", lambda: self.choose(None)).setChecked(self._chosen is None)
        for title, choices in zip(("Earlier runs of this workspace", "Recent workspaces"), found):
            if choices:
                self.menu.addSeparator()
                self.menu.addAction(title).setEnabled(False)
            for choice in choices:
                self._add(choice.name, partial(self.choose, choice)).setChecked(choice == self._chosen)
        self.menu.addSeparator()
        self.menu.addAction("Other workspace …").triggered.connect(self._choose_other)
        button = self._panel.compare_button
        self.menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _add(self, text: str, chosen: Callable[[], object]) -> QAction:
        action = self.menu.addAction(text)
        action.setCheckable(True)
        action.triggered.connect(lambda: chosen())
        return action

    def _choose_other(self) -> None:
        folder = QFileDialog.getExistingDirectory(self._panel, "Workspace of the other run")
        if folder:
            self.choose(ComparableRun(Path(folder).name, Path(folder)))

    def choose(self, choice: ComparableRun | None) -> None:
        """Draw this run too; None draws no other."""
        self._project.background.cancel(_JOB)
        if choice is None:
            self._chosen = None
            self._panel.compare_with("", None)
            return
        self._project.background.run_job(
            _JOB, lambda: load_figures(choice.root), lambda figures: self._show(choice, figures), self._escaped
        )

    def _show(self, choice: ComparableRun, figures: RunFigures) -> None:
        if not figures:
            self.message_posted.emit("warning", f"There is no run in {choice.root}: no figures in its journal.jsonl.")
            return
        self._chosen = choice
        self._panel.compare_with(choice.name, figures)

    def _escaped(self, error: Exception) -> None:
        raise error


def find_comparable_runs(workspace: Workspace | None) -> tuple[list[ComparableRun], list[ComparableRun]]:
    """Earlier runs of the workspace, newest first, and other workspaces that were opened lately."""
    earlier = workspace.previous_runs_with_journal() if workspace else []
    others = [Workspace(path) for path in read_recent_workspaces() if workspace is None or path != workspace.root]
    return (
        [ComparableRun(_archive_time(path.name), path) for path in earlier],
        [ComparableRun(other.root.name, other.root) for other in others if other.journal_file.is_file()],
    )


def load_figures(root: Path) -> RunFigures:
    """The figures of the run whose files lie here."""
    figures = RunFigures()
    for event in JournalFollower(Workspace(root).journal_file).read_new_events():
        figures.add_event(event)
    return figures


def _archive_time(folder: str) -> str:
    """When a run was put aside, from its folder's name."""
    try:
        return time.strftime("%d %b %Y, %H:%M", time.strptime(folder[:19], ARCHIVE_TIME_FORMAT))
    except ValueError:
        return folder
