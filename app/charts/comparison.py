"""Comparison with another run in the charts: a previous run of the workspace, or the run of another workspace."""

from __future__ import annotations

import os
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
from app.file_filters import DOCUMENTS, start_folder, store_folder
from app.plain_text import button_text
from app.project import Project
from app.runs.recent_workspaces import read_recent_workspaces
from trainer_core.sinks.journal import parse_line
from trainer_core.sinks.journal_follower import JournalFollower
from trainer_core.workspace.layout import Workspace

_MAX_LINE = 1 << 16  # characters of the first line of a journal
_JOB = "comparison"
_FOLDER = "comparison_folder"


@dataclass(frozen=True)
class ComparableRun:
    """A run that the charts can show beside the current one."""

    name: str
    root: Path  # folder of its files


class RunComparison(QObject):
    """Menu of the button "Compare with"; it searches for runs, in the background, each time it opens."""

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
            "comparable", lambda: find_comparable_runs(workspace), self._show_menu, self._raise_error
        )

    def _show_menu(self, runs: tuple[list[ComparableRun], list[ComparableRun]]) -> None:
        self.menu.clear()
        self._add("None", lambda: self.choose(None)).setChecked(self._chosen is None)
        for title, group in zip(("Previous runs of this workspace", "Recent workspaces"), runs):
            if group:
                self.menu.addSeparator()
                self.menu.addAction(title).setEnabled(False)
            for choice in group:
                self._add(choice.name, partial(self.choose, choice)).setChecked(choice == self._chosen)
        self.menu.addSeparator()
        self.menu.addAction("Other workspace …").triggered.connect(self._choose_other)
        button = self._panel.compare_button
        self.menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _add(self, text: str, callback: Callable[[], object]) -> QAction:
        action = self.menu.addAction(button_text(text))
        action.setCheckable(True)
        action.triggered.connect(lambda: callback())
        return action

    def _choose_other(self) -> None:
        start = str(start_folder(_FOLDER, DOCUMENTS))
        folder = QFileDialog.getExistingDirectory(self._panel, "Choose the workspace of another run", start)
        if folder:
            store_folder(_FOLDER, Path(folder))
            self.choose(ComparableRun(Path(folder).name, Path(folder)))

    def choose(self, choice: ComparableRun | None) -> None:
        """Load a run and draw it beside the current one; None ends the comparison."""
        self._project.background.cancel(_JOB)
        if choice is None:
            self._chosen = None
            self._panel.compare_with("", None)
            return
        self._project.background.run_job(
            _JOB, lambda: load_figures(choice.root), lambda figures: self._show(choice, figures), self._raise_error
        )

    def _show(self, choice: ComparableRun, figures: RunFigures) -> None:
        if not figures:
            self.message_posted.emit(
                "warning",
                f"{choice.root} contains no run to compare: it has no journal.jsonl with curves. Choose "
                "another workspace.",
            )
            return
        self._chosen = choice
        self._panel.compare_with(choice.name, figures)

    def _raise_error(self, error: Exception) -> None:
        raise error


def find_comparable_runs(workspace: Workspace | None) -> tuple[list[ComparableRun], list[ComparableRun]]:
    """Return the previous runs of the workspace, newest first, and the runs of other recent workspaces."""
    previous = workspace.previous_runs_with_journal() if workspace else []
    others = [Workspace(path) for path in read_recent_workspaces() if workspace is None or path != workspace.root]
    return (
        [ComparableRun(_training_time(path), path) for path in previous],
        [ComparableRun(other.root.name, other.root) for other in others if os.path.isfile(other.journal_file)],
    )


def load_figures(root: Path) -> RunFigures:
    """Read the figures of the run in a folder from its journal; they are empty if there is none."""
    figures = RunFigures()
    for event in JournalFollower(Workspace(root).journal_file).read_new_events():
        figures.add_event(event)
    return figures


def _training_time(root: Path) -> str:
    """Return the time at which an archived run was started, from its journal, or else the name of its folder."""
    try:
        with Workspace(root).journal_file.open(encoding="utf-8") as journal:
            record = parse_line(journal.readline(_MAX_LINE))
        assert record is not None
        return time.strftime("%d %b %Y, %H:%M", time.localtime(record["time"]))
    except (OSError, AssertionError, KeyError, ValueError, OverflowError, TypeError):
        return root.name
