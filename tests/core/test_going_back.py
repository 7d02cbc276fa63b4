"""Real runs that go back to an earlier checkpoint, or are trained further: which branch is continued."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.core.test_trainer import only, state_digest, stop_at, train
from tests.small_runs import make_photos
from trainer_core.events import Notice, RunStarted
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.unfinished import find_unfinished_run


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


def step_names(root: Path) -> list[int]:
    return [step for step, _ in Workspace(root).step_checkpoints()]


def test_after_going_back_latest_continues_the_new_branch(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=6, checkpoint_interval=2, val_interval=100)
    old = state_digest(tmp_path / "checkpoints" / "scale4_step6.pth")
    back = str(tmp_path / "checkpoints" / "scale4_step2.pth")
    _, heard = train(photos, tmp_path, stop_at(4), resume_from=back, learning_rate=1e-4, checkpoint_interval=1)
    assert step_names(tmp_path) == [2, 3, 4], "three of the new branch, none of the old one"
    text = next(n.text for n in only(Notice, heard) if "goes back to step 2" in n.text)
    (folder,) = (tmp_path / "previous_runs").iterdir()
    assert str(folder / "checkpoints" / "scale4_step6.pth") in text
    assert step_names(folder) == [4, 6] and (folder / "models" / "wqv_neosr_x4.pth").exists()
    _, heard = train(photos, tmp_path, stop_at(5), resume_from="latest")
    assert only(RunStarted, heard)[0].start_step == 4
    abandoned = folder / "checkpoints" / "scale4_step6.pth"
    assert state_digest(abandoned) == old
    _, heard = train(photos, tmp_path, resume_from=str(abandoned), steps=7)
    assert only(RunStarted, heard)[0].start_step == 6 and step_names(tmp_path) == [4, 6, 7]


def test_a_run_that_goes_back_to_its_best_keeps_it(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path, steps=5, checkpoint_interval=1, val_interval=100, learning_rate=1e-9, ema_decay=0.0)
    best = tmp_path / "checkpoints" / "scale4_best.pth"
    train(photos, tmp_path, stop_at(6), resume_from=str(best), steps=9)
    assert best.exists() and not (tmp_path / "previous_runs").exists()


def test_a_finished_run_that_is_trained_further_and_dies_is_offered_again(photos: Path, tmp_path: Path) -> None:
    class Killed(BaseException):
        pass

    train(photos, tmp_path, steps=3)
    assert find_unfinished_run(Workspace(tmp_path)) is None

    def kill_at(event: object, control: object) -> None:
        if isinstance(event, RunStarted):
            raise Killed

    with pytest.raises(Killed):
        train(photos, tmp_path, kill_at, resume_from="latest", steps=50)
    train(photos, tmp_path, stop_at(6), resume_from="latest", steps=50)
    found = find_unfinished_run(Workspace(tmp_path))
    assert found is not None and (found.step, found.total_steps) == (6, 50)
