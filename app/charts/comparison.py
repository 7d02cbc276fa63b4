"""Comparison with other runs in the charts: previous runs of the workspace, and runs of other workspaces."""

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

from app.charts.panel import ChartPanel
from app.form.project import Project
from app.runs.figures import RunFigures
from app.runs.recent_workspaces import read_recent_workspaces
from app.widgets.file_filters import DOCUMENTS, start_folder, store_folder
from app.widgets.plain_text import button_text
from trainer_core.errors import UserError
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.differences import describe_differences
from trainer_core.sinks.journal import parse_line
from trainer_core.sinks.journal_follower import JournalFollower
from trainer_core.workspace.layout import Workspace

_MAX_LINE = 1 << 16  # characters of the first line of a journal
_JOB = "comparison"
_FOLDER = "comparison_folder"


@dataclass(frozen=True)
class ComparableRun:
    """A run that the charts can show beside the current one.

    Args:
        name: name of its folder, "" for a previous run of the workspace.
        root: folder of its files.
        date: when it was started, "" if that is unknown.
        differences: the settings in which it differs from the current one.
    """

    name: str
    root: Path
    date: str = ""
    differences: str = ""

    @property
    def label(self) -> str:
        """Name and date."""
        return ", ".join(filter(None, (self.name, self.date)))

    @property
    def text(self) -> str:
        """Name, date and differences, for a menu."""
        return f"{self.label}: {self.differences}" if self.differences else self.label


class RunComparison(QObject):
    """Menu of the button "Compare"; it searches for runs, in the background, each time it opens."""

    message_posted = Signal(str, str)  # level, text

    def __init__(self, panel: ChartPanel, project: Project) -> None:
        super().__init__(panel)
        self._panel, self._project = panel, project
        self._shown: dict[Path, tuple[ComparableRun, RunFigures]] = {}  # by folder
        self.menu = QMenu(panel)
        panel.compare_button.clicked.connect(self._find_runs)
        project.workspace_opened.connect(lambda opened: self._draw())  # under the name of its run

    def _find_runs(self) -> None:
        workspace = self._project.workspace
        self._project.background.run_job(
            "comparable", lambda: find_comparable_runs(workspace), self._show_menu, self._raise_error
        )

    def _show_menu(self, runs: tuple[list[ComparableRun], list[ComparableRun]]) -> None:
        self.menu.clear()
        self._add("None", self.clear).setChecked(not self._shown)
        for title, group in zip(("Earlier trainings in this folder", "Recent trainings"), runs):
            if group:
                self.menu.addSeparator()
                self.menu.addAction(title).setEnabled(False)
            for choice in group:
                self._add(choice.text, partial(self.toggle, choice)).setChecked(choice.root in self._shown)
        self.menu.addSeparator()
        self.menu.addAction("Another training …").triggered.connect(self._choose_other)
        button = self._panel.compare_button
        self.menu.popup(button.mapToGlobal(button.rect().bottomLeft()))

    def _add(self, text: str, callback: Callable[[], object]) -> QAction:
        action = self.menu.addAction(button_text(text))
        action.setCheckable(True)
        action.triggered.connect(lambda: callback())
        return action

    def _choose_other(self) -> None:
        start = str(start_folder(_FOLDER, DOCUMENTS))
        folder = QFileDialog.getExistingDirectory(self._panel, "Choose the results folder of another training", start)
        if folder:
            store_folder(_FOLDER, Path(folder))
            self.toggle(ComparableRun(Path(folder).name, Path(folder), _training_time(Path(folder))))

    def clear(self) -> None:
        """Show no other run."""
        self._project.background.cancel(_JOB)
        self._shown.clear()
        self._draw()

    def toggle(self, choice: ComparableRun) -> None:
        """Load a run and draw it beside the others, or remove it if it is drawn."""
        self._project.background.cancel(_JOB)
        if self._shown.pop(choice.root, None) is not None:
            self._draw()
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
        self._shown[choice.root] = choice, figures
        self._draw()

    def _draw(self) -> None:
        workspace = self._project.workspace
        run = workspace.root.name if workspace is not None else "this run"
        others: dict[str, RunFigures] = {}
        for choice, figures in self._shown.values():
            names = (choice.name or choice.label, choice.label, f"{choice.label} ({choice.root.parent.name})")
            others[next((name for name in names if name not in (run, *others)), str(choice.root))] = figures
        self._panel.show_others(others, run=run)

    def _raise_error(self, error: Exception) -> None:
        raise error


def find_comparable_runs(workspace: Workspace | None) -> tuple[list[ComparableRun], list[ComparableRun]]:
    """Return the previous runs of the workspace, newest first, and the runs of other recent workspaces.

    Each with the settings in which it differs from the run of the workspace.
    """
    previous = workspace.previous_runs_with_journal() if workspace else []
    others = [Workspace(path) for path in read_recent_workspaces() if workspace is None or path != workspace.root]
    config = _read_config(workspace) if workspace else None
    return (
        [_make_choice("", Workspace(path), config) for path in previous],
        [_make_choice(other.root.name, other, config) for other in others if os.path.isfile(other.journal_file)],
    )


def _make_choice(name: str, run: Workspace, config: TrainerConfig | None) -> ComparableRun:
    date = _training_time(run.root)
    return ComparableRun(name if name or date else run.root.name, run.root, date, _describe(run, config))


def _describe(other: Workspace, config: TrainerConfig | None) -> str:
    """Return the settings in which a run differs from `config`, "" if either is unknown."""
    found = _read_config(other)
    return describe_differences(config, found) if config and found else ""


def _read_config(workspace: Workspace) -> TrainerConfig | None:
    """Read the settings of a run; None if they cannot be used."""
    try:
        return TrainerConfig().replace(**workspace.read_settings().values)
    except (UserError, OSError):
        return None


def load_figures(root: Path) -> RunFigures:
    """Read the figures of the run in a folder from its journal; they are empty if there is none."""
    figures = RunFigures()
    for event in JournalFollower(Workspace(root).journal_file).read_new_events():
        figures.add_event(event)
    return figures


def _training_time(root: Path) -> str:
    """Return the time at which a run was started, from its journal, or ""."""
    try:
        with Workspace(root).journal_file.open(encoding="utf-8") as journal:
            record = parse_line(journal.readline(_MAX_LINE))
        assert record is not None
        return time.strftime("%d %b %Y, %H:%M", time.localtime(record["time"]))
    except (OSError, AssertionError, KeyError, ValueError, OverflowError, TypeError):
        return ""
