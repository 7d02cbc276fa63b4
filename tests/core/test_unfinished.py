"""Runs that can be resumed, and runs that stopped before their first checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

from trainer_core.events import RunFinished, RunStarted, StepDone
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.unfinished import find_unfinished_run, lost_run_step


def stored(folder: Path, **values: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "training_config.json").write_text(json.dumps({"schema": 1, **values}), "utf-8")
    return folder


def begun(folder: Path, *records: object) -> Workspace:
    workspace = Workspace(stored(folder))
    workspace.checkpoints_folder.mkdir()
    (workspace.checkpoints_folder / "scale4_step40.pth").write_bytes(b"")
    lines = [{"event": "RunStarted", "start_step": 0, "total_steps": 100}, {"event": "StepDone", "step": 55}, *records]
    workspace.journal_file.write_text("".join(json.dumps(line) + "\n" for line in lines), "utf-8")
    return workspace


def test_a_run_without_an_end_is_offered_as_interrupted(tmp_path: Path) -> None:
    found = find_unfinished_run(begun(tmp_path / "run"))
    assert found is not None
    assert (found.step, found.total_steps, found.outcome) == (40, 100, "interrupted")


def test_a_stopped_run_is_offered_and_a_finished_one_is_not(tmp_path: Path) -> None:
    workspace = begun(tmp_path / "run", {"event": "RunFinished", "outcome": "stopped", "step": 55})
    found = find_unfinished_run(workspace)
    assert found is not None
    assert found.outcome == "stopped"
    (workspace.checkpoints_folder / "scale4_final.pth").write_bytes(b"")
    assert find_unfinished_run(workspace) is None
    assert find_unfinished_run(Workspace(tmp_path / "nowhere")) is None


def test_a_run_without_an_end_and_without_a_checkpoint_is_lost(tmp_path: Path) -> None:
    workspace = begun(tmp_path / "run")
    started = RunStarted("1", "", 4, True, 0, 100, "cpu", "fp32", 1, {})
    step = StepDone(7, 100, {}, 0.1, 0.1, 1.0, 1.0, None, 1)
    assert lost_run_step(workspace, [started, step]) is None  # it has a checkpoint
    (workspace.checkpoints_folder / "scale4_step40.pth").unlink()
    assert lost_run_step(workspace, [started, step]) == 7
    assert lost_run_step(workspace, [started, step, RunFinished("discarded", 7)]) is None
    assert lost_run_step(workspace, []) is None
