"""The runs that the charts can show beside the present one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from app.charts.comparison import find_comparable_runs
from app.runs.recent_workspaces import add_recent_workspace
from tests.core.test_summary import STARTED, make_workspace
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
    previous, others = find_comparable_runs(this)
    assert [run.root for run in previous] == [earlier.root] and previous[0].differences == "Batch size 8"
    assert [run.text for run in others] == ["broken", "alike", "other: Scale x4"]
