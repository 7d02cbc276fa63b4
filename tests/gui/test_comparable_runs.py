"""The runs that the charts can show beside the present one."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import Any

import pytest

from app.charts.comparison import ComparableRun, find_comparable_runs
from app.runs.figures import RunFigures
from app.runs.recent_workspaces import add_recent_workspace
from app.window import Window
from tests.core.test_summary import STARTED, make_workspace
from trainer_core.events import StepDone
from trainer_core.workspace.layout import Workspace


def with_settings(workspace: Workspace, **settings: Any) -> Workspace:
    stored = {"schema": 1, "scale": 2, "monochrome_style": False, **settings}
    workspace.settings_file.write_text(json.dumps(stored), "utf-8")
    return workspace


@pytest.mark.usefixtures("qapp")
def test_each_run_is_named_with_the_settings_in_which_it_differs(tmp_path: Path) -> None:
    this = with_settings(make_workspace(tmp_path / "this", STARTED))
    earlier = with_settings(make_workspace(this.previous_runs / "2026-11-28_10-00-00", STARTED), batch_size=8)
    other = with_settings(make_workspace(tmp_path / "other", STARTED), scale=4)
    alike = with_settings(make_workspace(tmp_path / "alike", STARTED))
    broken = make_workspace(tmp_path / "broken", STARTED)
    broken.settings_file.write_text("no JSON", "utf-8")
    for workspace in (this, other, alike, broken):
        add_recent_workspace(workspace.root)
    for workspace in (this, earlier, other, alike, broken):
        lines = workspace.journal_file.read_text("utf-8")
        workspace.journal_file.write_text(re.sub(r'"time": [\d.]+', '"time": 1700000000', lines, count=1), "utf-8")
    started = time.strftime("%d %b %Y, %H:%M", time.localtime(1_700_000_000))
    previous, others = find_comparable_runs(this)
    assert [(run.root, run.label) for run in previous] == [(earlier.root, started)]
    assert previous[0].differences == "Batch size 8"
    assert [run.text for run in others] == [f"broken, {started}", f"alike, {started}", f"other, {started}: Scale x4"]


def test_runs_of_one_name_differ_in_the_legend(window: Window, tmp_path: Path) -> None:
    runs = [ComparableRun("same", tmp_path / number / "same", date) for number, date in (("1", "May"), ("2", "June"))]
    runs.append(ComparableRun("same", tmp_path / "3" / "same", "June"))
    for run in runs:
        figures = RunFigures()
        figures.add_event(StepDone(1, 2, {"total": 0.1}, 0.1, 0.1, 1.0, 1.0, None, 1))
        window.comparison._show(run, figures)
    assert list(window.charts.others) == ["same", "same, June", "same, June (3)"]
