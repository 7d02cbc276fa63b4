"""A process killed in the middle of a save: the next session completes the files, the end of the run and the report."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.core.test_trainer import only, state_digest, train
from tests.small_runs import make_photos
from trainer_core.errors import UserError
from trainer_core.events import CheckpointSaved
from trainer_core.sinks.journal import read_journal
from trainer_core.training import saver
from trainer_core.weights.export import Deployable
from trainer_core.workspace.checkpoints import read_step
from trainer_core.workspace.layout import Workspace, deploy_path
from trainer_core.workspace.unfinished import find_unfinished_run


class Killed(BaseException):
    """Ends a run as SIGKILL does: nothing of the program's own runs after it but `finally`."""


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


@pytest.fixture
def kill(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that lets the n-th call of a function of `saver`, or of a method, end the process at its begin."""

    def at(name: str, call: int, owner: Any = saver) -> None:
        real, calls = getattr(owner, name), []

        def counted(*args: Any, **kwargs: Any) -> Any:
            calls.append(name)
            if len(calls) == call:
                raise Killed
            return real(*args, **kwargs)

        monkeypatch.setattr(owner, name, counted)

    return at


def saves(workspace: Path) -> list[tuple[int, str]]:
    return [
        (r["step"], r["kind"]) for r in read_journal(workspace / "journal.jsonl") if r["event"] == "CheckpointSaved"
    ]


def test_a_save_that_was_cut_off_is_completed_by_the_next_session(photos: Path, tmp_path: Path, kill: Any) -> None:
    kill("write", 2, Deployable)  # after the sibling of step 2, before its model
    with pytest.raises(Killed):
        train(photos, tmp_path, steps=4, checkpoint_interval=2, val_interval=100)
    assert saves(tmp_path) == []
    _, events = train(photos, tmp_path, resume_from="latest")
    assert next((e.step, e.kind) for e in only(CheckpointSaved, events)) == (2, "step")
    assert saves(tmp_path) == [(2, "step"), (4, "best"), (4, "final")]


def test_the_best_checkpoint_that_was_cut_off_gets_its_model(photos: Path, tmp_path: Path, kill: Any) -> None:
    kill("write", 1, Deployable)
    with pytest.raises(Killed):
        train(photos, tmp_path, steps=4, val_interval=2, checkpoint_interval=100)
    best = Workspace(tmp_path).model_path(4, best=True)
    assert not best.exists()
    train(photos, tmp_path, resume_from="latest")
    assert best.exists() and (2, "best") in saves(tmp_path)


@pytest.mark.parametrize(
    ("name", "call"),
    [
        pytest.param("link_or_copy", 1, marks=pytest.mark.long),
        ("link_or_copy", 2),
        pytest.param("CheckpointSaved", 5, marks=pytest.mark.long),
    ],
)
def test_an_end_that_was_cut_off_is_completed(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kill: Any, name: str, call: int
) -> None:
    train(photos, tmp_path / "straight", steps=4, checkpoint_interval=1, keep_checkpoints=2)
    kill(name, call)
    with pytest.raises(Killed):
        train(photos, tmp_path / "w", steps=4, checkpoint_interval=1, keep_checkpoints=2)
    assert find_unfinished_run(Workspace(tmp_path / "w")) is not None
    monkeypatch.undo()
    result, _ = train(photos, tmp_path / "w", resume_from="latest")
    assert result.outcome == "completed" and find_unfinished_run(Workspace(tmp_path / "w")) is None
    names = [sorted(p.name for p in (tmp_path / w / "checkpoints").iterdir()) for w in ("straight", "w")]
    assert names[0] == names[1] and saves(tmp_path / "w") == saves(tmp_path / "straight")
    digests = {state_digest(tmp_path / w / "checkpoints" / "scale4_final.pth") for w in ("straight", "w")}
    assert len(digests) == 1
    with pytest.raises(UserError, match="already at step 4 of 4"):
        train(photos, tmp_path / "w", resume_from="latest")


def test_a_run_killed_after_its_last_event_ends_without_reporting_anything_twice(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=2)
    before = saves(tmp_path)
    (tmp_path / ".lock.json").write_text("{}")
    result, events = train(photos, tmp_path, resume_from="latest")
    assert result.outcome == "completed" and not only(CheckpointSaved, events) and saves(tmp_path) == before
    assert not (tmp_path / ".lock.json").exists() and not list(tmp_path.rglob("*.tmp"))


def test_a_run_that_goes_back_has_a_model_at_once(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train(photos, tmp_path, steps=4, checkpoint_interval=2, val_interval=100)
    model = Workspace(tmp_path).model_path(4, best=False)
    write = Deployable.write

    def write_slowly(deployable: Deployable) -> None:
        time.sleep(0.3)
        write(deployable)

    monkeypatch.setattr(Deployable, "write", write_slowly)

    def look(event: object, control: Any) -> None:
        if type(event).__name__ == "StepDone":
            steps.append(read_step(model))
            control.stop()

    steps: list[int | None] = []
    back = tmp_path / "checkpoints" / "scale4_step2.pth"
    train(photos, tmp_path, look, resume_from=str(back), steps=9)
    assert steps == [2] and deploy_path(back).exists()
