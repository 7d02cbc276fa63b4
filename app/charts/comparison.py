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

from app.charts.figures import Figures
from app.charts.panel import ChartPanel
from app.project import Project
from app.runs.recent_workspaces import recent_workspaces
from trainer_core.sinks.journal_follower import JournalFollower
from trainer_core.workspace.layout import PUT_ASIDE_TIME, Workspace

_JOB = "comparison"


@dataclass(frozen=True)
class Choice:
    """A run to compare with."""

    name: str
    root: Path  # of its files


class Comparison(QObject):
    """The menu of the panel's button. What it offers is looked for when it is opened, in the background."""

    told = Signal(str, str)  # level, text

    def __init__(self, panel: ChartPanel, project: Project) -> None:
        super().__init__(panel)
        self._panel, self._project = panel, project
        self._chosen: Choice | None = None
        self.menu = QMenu(panel)
        panel.compare_button.clicked.connect(self._look)

    def _look(self) -> None:
        workspace = self._project.workspace
        self._project.background.run("comparable", lambda: comparable(workspace), self._open, self._escaped)

    def _open(self, found: tuple[list[Choice], list[Choice]]) -> None:
        self.menu.clear()
        self._add("None", lambda: self.choose(None)).setChecked(self._chosen is None)
        for title, choices in zip(("Earlier runs of this workspace", "Recent workspaces"), found):
            if choices:
                self.menu.addSeparator()
                self.menu.addAction(title).setEnabled(False)
            for choice in choices:
                self._add(choice.name, partial(self.choose, choice)).setChecked(choice == self._chosen)
        self.menu.addSeparator()
        self.menu.addAction("Other workspace …").triggered.connect(self._ask)
        button = self._panel.compare_button
        self.menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _add(self, text: str, chosen: Callable[[], object]) -> QAction:
        action = self.menu.addAction(text)
        action.setCheckable(True)
        action.triggered.connect(lambda: chosen())
        return action

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self._panel, "Workspace of the other run")
        if folder:
            self.choose(Choice(Path(folder).name, Path(folder)))

    def choose(self, choice: Choice | None) -> None:
        """Draw this run too; None draws no other."""
        self._project.background.forget(_JOB)
        if choice is None:
            self._chosen = None
            self._panel.compare_with("", None)
            return
        self._project.background.run(
            _JOB, lambda: figures_in(choice.root), lambda figures: self._show(choice, figures), self._escaped
        )

    def _show(self, choice: Choice, figures: Figures) -> None:
        if not figures:
            self.told.emit("warning", f"There is no run in {choice.root}: no figures in its journal.jsonl.")
            return
        self._chosen = choice
        self._panel.compare_with(choice.name, figures)

    def _escaped(self, error: Exception) -> None:
        raise error


def comparable(workspace: Workspace | None) -> tuple[list[Choice], list[Choice]]:
    """Earlier runs of the workspace, newest first, and other workspaces that were opened lately."""
    earlier = workspace.earlier_runs() if workspace else []
    others = [Workspace(path) for path in recent_workspaces() if workspace is None or path != workspace.root]
    return (
        [Choice(_when(path.name), path) for path in earlier],
        [Choice(other.root.name, other.root) for other in others if other.journal_file.is_file()],
    )


def figures_in(root: Path) -> Figures:
    """The figures of the run whose files lie here."""
    figures = Figures()
    for event in JournalFollower(Workspace(root).journal_file).news():
        figures.take(event)
    return figures


def _when(folder: str) -> str:
    """When a run was put aside, from its folder's name."""
    try:
        return time.strftime("%d %b %Y, %H:%M", time.strptime(folder[:19], PUT_ASIDE_TIME))
    except ValueError:
        return folder
