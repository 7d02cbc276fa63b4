"""The run of a workspace in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from trainer_core.errors import UserError
from trainer_core.events import Event, RunFinished, RunStarted, StepDone, Validated
from trainer_core.sinks.journal import format_json_line
from trainer_core.watches import WQV10
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.summary import summarize_run

STARTED = RunStarted("1", "", 2, False, 0, 100, "cpu", "fp32", 1, {})
STEP = StepDone(55, 100, {}, 0.1, 0.1, 1.0, 1.0, None, 1)


def make_workspace(root: Path, *events: Event, checkpoint: str = "") -> Workspace:
    workspace = Workspace(root)
    (root / "checkpoints").mkdir(parents=True)
    stored = {"schema": 1, "scale": 2, "monochrome_style": False}
    workspace.settings_file.write_text(json.dumps(stored), "utf-8")
    if events:
        workspace.journal_file.write_text("".join(format_json_line(event) + "\n" for event in events), "utf-8")
    if checkpoint:
        (workspace.checkpoints_folder / checkpoint).write_bytes(b"")
    return workspace


def validated(step: int, psnr: float, *, best: bool, split: str = "val") -> Validated:
    return Validated(step, split, psnr, 0.8, 20.0, 0.7, best, 4, 1.0)


def test_the_gain_is_that_of_the_best_model_on_validation_frames(tmp_path: Path) -> None:
    workspace = make_workspace(
        tmp_path / "run",
        STARTED,
        validated(10, 21.5, best=True),
        validated(20, 21.0, best=False),
        validated(30, 25.0, best=False, split="test"),
        RunFinished("completed", 30),
        checkpoint="scale2_final.pth",
    )
    summary = summarize_run(workspace)
    assert summary.gain == pytest.approx(1.5)
    assert (summary.watch, summary.scale) == (WQV10, 2)
    assert summary.changed_at == workspace.journal_file.stat().st_mtime


def test_a_run_resumed_before_its_best_model_has_the_gain_of_the_new_one(tmp_path: Path) -> None:
    again = RunStarted("1", "", 2, False, 5, 100, "cpu", "fp32", 1, {})
    events = (STARTED, validated(10, 23.0, best=True), again, validated(10, 20.5, best=True))
    assert summarize_run(make_workspace(tmp_path / "run", *events)).gain == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("events", "checkpoint", "state", "is_resumable"),
    [
        ((), "", "empty", False),
        ((STARTED, STEP), "", "lost", False),
        ((STARTED, STEP), "scale2_step40.pth", "interrupted", True),
        ((STARTED, STEP, RunFinished("stopped", 55)), "scale2_step55.pth", "stopped", True),
        ((STARTED, STEP, RunFinished("failed", 55)), "scale2_step40.pth", "failed", True),
        ((STARTED, STEP, RunFinished("completed", 100)), "", "completed", False),
    ],
)
def test_the_state_follows_from_journal_and_checkpoints(
    tmp_path: Path, events: tuple[Event, ...], checkpoint: str, state: str, is_resumable: bool
) -> None:
    summary = summarize_run(make_workspace(tmp_path / "run", *events, checkpoint=checkpoint))
    assert (summary.state, summary.is_resumable) == (state, is_resumable)
    assert (summary.changed_at is None) == (not events)


def test_a_run_of_another_process_is_in_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_workspace(tmp_path / "run", STARTED, STEP, checkpoint="scale2_step40.pth")
    monkeypatch.setattr("trainer_core.workspace.summary.find_training_process", lambda workspace: 4711)
    assert summarize_run(workspace).state == "training"


def test_a_workspace_without_settings_has_the_defaults(tmp_path: Path) -> None:
    summary = summarize_run(Workspace(tmp_path))
    assert (summary.watch, summary.scale, summary.state, summary.gain) == (WQV10, 4, "empty", None)


def test_unusable_settings_are_an_error(tmp_path: Path) -> None:
    (tmp_path / "training_config.json").write_text('{"schema": 1, "scale": 3}', "utf-8")
    with pytest.raises(UserError):
        summarize_run(Workspace(tmp_path))
