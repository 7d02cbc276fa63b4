"""Real runs that go back to an earlier checkpoint, or are trained further: which branch is continued."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.core.test_trainer import only, state_digest, stop_at, train
from tests.small_runs import make_photos
from trainer_core.control import Stopped
from trainer_core.errors import UserError
from trainer_core.events import Notice, RunStarted
from trainer_core.training.loop import TrainingLoop
from trainer_core.workspace.layout import Workspace, deploy_path
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
    _, events = train(photos, tmp_path, stop_at(4), resume_from=back, learning_rate=1e-4, checkpoint_interval=1)
    assert step_names(tmp_path) == [2, 3, 4], "three of the new branch, none of the old one"
    text = next(n.text for n in only(Notice, events) if "goes back to step 2" in n.text)
    (folder,) = (tmp_path / "previous_runs").iterdir()
    assert str(folder / "checkpoints" / "scale4_step6.pth") in text
    assert step_names(folder) == [4, 6] and (folder / "models" / "wqv_neosr_x4.pth").exists()
    _, events = train(photos, tmp_path, stop_at(5), resume_from="latest")
    assert only(RunStarted, events)[0].start_step == 4
    abandoned = folder / "checkpoints" / "scale4_step6.pth"
    assert state_digest(abandoned) == old
    _, events = train(photos, tmp_path, resume_from=str(abandoned), steps=7)
    assert only(RunStarted, events)[0].start_step == 6 and step_names(tmp_path) == [4, 6, 7]


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


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(bytes(data))


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def write_text(path: Path) -> None:
    path.write_text("step 6")


def make_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_dangling_link(path: Path) -> None:
    path.unlink()
    path.symlink_to("nowhere.pth")


def make_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.fixture(scope="module")
def finished(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of six steps with checkpoints at 2, 4 and 6."""
    folder = tmp_path_factory.mktemp("finished") / "w"
    train(photos, folder, steps=6, checkpoint_interval=2, val_interval=100)
    for name in ("scale4_final.pth", "scale4_final_deploy.pth", "scale4_best.pth", "scale4_best_deploy.pth"):
        (folder / "checkpoints" / name).unlink()
    return folder


@pytest.fixture
def workspace(finished: Path, tmp_path: Path) -> Workspace:
    return Workspace(Path(shutil.copytree(finished, tmp_path / "w")))


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
@pytest.mark.parametrize("damage", [flip, truncate, empty, write_text, make_folder, make_dangling_link, make_pipe])
def test_latest_falls_back_to_the_newest_checkpoint_that_verifies(
    photos: Path, workspace: Workspace, damage: Callable[[Path], None]
) -> None:
    damaged = workspace.checkpoint_path(4, "step6")
    damage(damaged)
    _, events = train(photos, workspace.root, stop_at(5), resume_from="latest")
    assert only(RunStarted, events)[0].start_step == 4
    text = next(n.text for n in only(Notice, events) if n.level == "warning" and "passed over" in n.text)
    assert str(damaged) in text
    (folder,) = workspace.previous_runs.iterdir()
    assert os.path.lexists(folder / "checkpoints" / damaged.name) and not os.path.lexists(damaged)
    assert not [n.text for n in only(Notice, events) if f"--resume {folder}" in n.text], "a damaged file is no advice"


def test_a_damaged_newest_checkpoint_costs_nothing_where_the_best_one_is_as_new(
    photos: Path, workspace: Workspace
) -> None:
    newest = workspace.checkpoint_path(4, "step6")
    best = workspace.checkpoint_path(4, "best")
    shutil.copy(newest, best)
    flip(newest)
    _, events = train(photos, workspace.root, stop_at(7), resume_from="latest", steps=9)
    assert only(RunStarted, events)[0].start_step == 6 and best.exists() and step_names(workspace.root) == [2, 4, 7]


def test_a_deploy_sibling_is_the_last_resort_of_latest(photos: Path, workspace: Workspace) -> None:
    for _, path in workspace.step_checkpoints():
        path.write_bytes(b"")
    _, events = train(photos, workspace.root, stop_at(7), resume_from="latest", steps=9)
    assert only(RunStarted, events)[0].resumed_from.endswith("scale4_step6_deploy.pth")
    assert any("new optimizer" in notice.text for notice in only(Notice, events))


def test_with_only_deploy_siblings_left_latest_continues_the_newest(photos: Path, workspace: Workspace) -> None:
    for _, path in workspace.step_checkpoints():
        path.unlink()
    _, events = train(photos, workspace.root, stop_at(7), resume_from="latest", steps=9)
    assert only(RunStarted, events)[0].start_step == 6


def test_a_named_damaged_checkpoint_is_refused_with_one_that_verifies(photos: Path, workspace: Workspace) -> None:
    (_, oldest), (_, middle), (_, newest) = workspace.step_checkpoints()
    for path in (middle, newest):
        flip(path)
    with pytest.raises(UserError, match=rf"step6\.pth .*is damaged.*--resume {oldest}"):
        train(photos, workspace.root, resume_from=str(newest))
    flip(oldest)
    with pytest.raises(UserError, match=r"its weights do: --resume .*step6_deploy\.pth"):
        train(photos, workspace.root, resume_from=str(newest))
    _, events = train(photos, workspace.root, stop_at(7), resume_from=str(deploy_path(newest)), steps=9)
    assert only(RunStarted, events)[0].start_step == 6 and step_names(workspace.root) == [2, 4, 7]


def test_a_run_without_any_usable_file_is_refused_and_left_as_it_is(photos: Path, workspace: Workspace) -> None:
    for path in workspace.checkpoints_folder.iterdir():
        path.write_bytes(b"text")
    before = sorted(path.name for path in workspace.checkpoints_folder.iterdir())
    with pytest.raises(UserError, match=r"None of the 6 files .*step6\.pth"):
        train(photos, workspace.root, resume_from="latest")
    assert sorted(path.name for path in workspace.checkpoints_folder.iterdir()) == before
    assert not workspace.previous_runs.exists()


def test_a_run_that_is_stopped_at_once_still_says_which_files_it_moved(
    photos: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(*arguments: object) -> None:
        raise Stopped

    monkeypatch.setattr(TrainingLoop, "__init__", stop)
    result, events = train(photos, workspace.root, resume_from=str(workspace.checkpoint_path(4, "step2")))
    assert result.outcome == "stopped" and any("goes back to step 2" in notice.text for notice in only(Notice, events))
