"""Runs that can be resumed, and runs that stopped before their first checkpoint."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from trainer_core.events import Event, RunFinished, RunStarted, StepDone
from trainer_core.sinks.journal import format_json_line
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.lock import WorkspaceLock
from trainer_core.workspace.summary import summarize_run
from trainer_core.workspace.unfinished import find_unfinished_run, lost_run_step


def stored(folder: Path, **values: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "training_config.json").write_text(json.dumps({"schema": 1, **values}), "utf-8")
    return folder


def begun(folder: Path, *events: Event) -> Workspace:
    workspace = Workspace(stored(folder))
    workspace.checkpoints_folder.mkdir()
    (workspace.checkpoints_folder / "scale4_step40.pth").write_bytes(b"")
    append(workspace, started(0, 100), StepDone(55, 100, {}, 0.1, 0.1, 1.0, 1.0, None, 1), *events)
    return workspace


def started(step: int, total: int) -> RunStarted:
    return RunStarted("1", "", 4, True, step, total, "cpu", "fp32", 1, {})


def test_a_newest_checkpoint_that_cannot_be_resumed_is_not_offered(tmp_path: Path) -> None:
    workspace = begun(tmp_path / "run")
    torch.save({"step": 30}, workspace.checkpoints_folder / "scale4_step30.pth")
    found = find_unfinished_run(workspace)
    assert found is not None and found.step == 30, "the newest one is an empty file"


def save_final(workspace: Workspace, step: int) -> None:
    torch.save({"step": step}, workspace.checkpoints_folder / "scale4_final.pth")


def append(workspace: Workspace, *events: Event) -> None:
    with workspace.journal_file.open("a", encoding="utf-8") as file:
        file.writelines(format_json_line(event) + "\n" for event in events)


def test_a_run_without_an_end_is_offered_as_interrupted(tmp_path: Path) -> None:
    found = find_unfinished_run(begun(tmp_path / "run"))
    assert found is not None
    assert (found.step, found.total_steps, found.outcome) == (40, 100, "interrupted")


def test_a_stopped_run_is_offered_and_a_finished_one_is_not(tmp_path: Path) -> None:
    workspace = begun(tmp_path / "run", RunFinished("stopped", 55))
    found = find_unfinished_run(workspace)
    assert found is not None
    assert found.outcome == "stopped"
    save_final(workspace, step=40)
    append(workspace, RunFinished("completed", 40))
    assert find_unfinished_run(workspace) is None
    workspace.journal_file.unlink()
    assert find_unfinished_run(workspace) is None
    assert find_unfinished_run(Workspace(tmp_path / "nowhere")) is None


def test_a_finished_run_that_was_trained_further_is_offered_with_its_new_steps(tmp_path: Path) -> None:
    workspace = begun(tmp_path / "run", RunFinished("completed", 40))
    save_final(workspace, step=40)
    append(workspace, started(40, 900))
    found = find_unfinished_run(workspace)
    assert found is not None and (found.step, found.total_steps, found.outcome) == (40, 900, "interrupted")
    torch.save({"step": 60}, workspace.checkpoints_folder / "scale4_step60.pth")
    found = find_unfinished_run(workspace)
    assert found is not None and (found.step, found.total_steps) == (60, 900)


def test_a_run_without_an_end_and_without_a_checkpoint_is_lost(tmp_path: Path) -> None:
    workspace = begun(tmp_path / "run")
    start, step = started(0, 100), StepDone(7, 100, {}, 0.1, 0.1, 1.0, 1.0, None, 1)
    assert lost_run_step(workspace, [start, step]) is None  # it has a checkpoint
    (workspace.checkpoints_folder / "scale4_step40.pth").unlink()
    assert lost_run_step(workspace, [start, step]) == 7
    assert lost_run_step(workspace, [start, step, RunFinished("discarded", 7)]) is None
    assert lost_run_step(workspace, []) is None


def test_a_run_whose_process_was_killed_while_it_prepared_is_lost(tmp_path: Path) -> None:
    workspace = Workspace(stored(tmp_path))
    lock = WorkspaceLock(tmp_path)
    lock.acquire()
    assert lost_run_step(workspace, []) is None, "it is being prepared"
    holder = json.loads((tmp_path / ".lock.json").read_text("utf-8"))
    lock.release()
    assert lost_run_step(workspace, []) is None and summarize_run(workspace).state == "empty"
    (tmp_path / ".lock.json").write_text(json.dumps({**holder, "pid": 2**22 + 1}), "utf-8")
    assert lost_run_step(workspace, []) == 0 and summarize_run(workspace).state == "lost"
    (tmp_path / ".lock.json").write_text(json.dumps({**holder, "host": "another"}), "utf-8")
    assert lost_run_step(workspace, []) is None, "nobody knows what another machine does"


def test_a_workspace_without_a_journal_says_nothing_of_an_interruption(tmp_path: Path) -> None:
    workspace = begun(tmp_path / "run")
    workspace.journal_file.unlink()
    found = find_unfinished_run(workspace)
    assert found is not None and (found.step, found.total_steps, found.outcome) == (40, None, "stopped")
