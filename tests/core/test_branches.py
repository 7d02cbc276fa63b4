"""A run that goes back to an earlier step: its newer files are set aside whole and never taken for the present."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from trainer_core.errors import UserError
from trainer_core.workspace.branches import set_aside_newer
from trainer_core.workspace.checkpoints import list_checkpoints, locate_checkpoint, read_step
from trainer_core.workspace.layout import Workspace, deploy_path


def saved(workspace: Workspace, label: str, step: int) -> Path:
    """A checkpoint and its deploy sibling, with nothing but their step in them."""
    path = workspace.checkpoint_path(4, label)
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"step": step}, path)
    torch.save({"params": {}, "meta": {"step": step}}, deploy_path(path))
    return path


def model(workspace: Workspace, step: int, *, best: bool = False) -> Path:
    path = workspace.model_path(4, best=best)
    path.parent.mkdir(exist_ok=True)
    torch.save({"params": {}, "meta": {"step": step}}, path)
    return path


def journal(workspace: Workspace, *records: dict[str, Any]) -> None:
    workspace.journal_file.write_text("".join(json.dumps(record) + "\n" for record in records), "utf-8")


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """A run that was saved at steps 100 to 300, with its best at step 200."""
    workspace = Workspace(tmp_path)
    for step in (100, 200, 300):
        saved(workspace, f"step{step}", step)
    saved(workspace, "final", 300)
    saved(workspace, "best", 200)
    model(workspace, 300)
    model(workspace, 200, best=True)
    workspace.previews.mkdir()
    for step in (100, 200):
        (workspace.previews / f"step{step:08d}_1.png").write_bytes(b"")
    for name in ("training_config.json", "dataset_splits.json", "journal.jsonl", "trainer.log"):
        (workspace.root / name).write_text(name)
    return workspace


def test_everything_newer_moves_and_the_abandoned_branch_can_be_resumed(workspace: Workspace) -> None:
    before = files(workspace.root)
    folder = set_aside_newer(workspace, 100)
    assert folder is not None and folder.parent == workspace.previous_runs
    kept = {"checkpoints/scale4_step100.pth", "checkpoints/scale4_step100_deploy.pth", "previews/step00000100_1.png"}
    shared = {"training_config.json", "dataset_splits.json", "journal.jsonl", "trainer.log"}
    assert files(workspace.root) - {f"previous_runs/{folder.name}/{name}" for name in files(folder)} == kept | shared
    assert files(folder) == before - kept
    branch = Workspace(folder)
    assert [step for step, _ in list_checkpoints(branch)] == [300, 300, 200, 200]
    assert list_checkpoints(workspace) == [(100, workspace.checkpoint_path(4, "step100"))]


def test_what_both_branches_share_is_in_both(workspace: Workspace) -> None:
    folder = set_aside_newer(workspace, 200)
    assert folder is not None
    for root in (workspace.root, folder):
        assert read_step(Workspace(root).checkpoint_path(4, "best")) == 200
        assert read_step(Workspace(root).model_path(4, best=True)) == 200
    assert not workspace.model_path(4, best=False).exists() and not workspace.checkpoint_path(4, "final").exists()


def test_nothing_is_set_aside_where_nothing_is_newer(workspace: Workspace) -> None:
    (workspace.previews / "step00000310_1.png").write_bytes(b"")  # a killed run writes previews after its checkpoint
    assert set_aside_newer(workspace, 300) is None and not workspace.previous_runs.exists()


def test_damaged_checkpoints_move_whatever_their_step(workspace: Workspace) -> None:
    broken = workspace.checkpoint_path(4, "step100")
    broken.write_bytes(b"")
    (workspace.checkpoints_folder / "scale4_step99.pth").symlink_to("nowhere")
    folder = set_aside_newer(workspace, 300, damaged=[broken, workspace.checkpoints_folder / "scale4_step99.pth"])
    assert folder is not None and {p.name for p in (folder / "checkpoints").iterdir()} == {
        "scale4_step100.pth",
        "scale4_step99.pth",
        "scale4_best.pth",
        "scale4_best_deploy.pth",
    }


def test_latest_is_the_newest_of_all_checkpoints(workspace: Workspace) -> None:
    assert locate_checkpoint(workspace, "latest").name == "scale4_step300.pth"
    saved(workspace, "best", 350)
    assert locate_checkpoint(workspace, "latest").name == "scale4_best.pth"
    workspace.checkpoint_path(4, "best").write_bytes(b"damaged")
    assert locate_checkpoint(workspace, "latest").name == "scale4_step300.pth"


def test_latest_passes_over_a_branch_that_an_older_version_left_in_place(workspace: Workspace) -> None:
    events = [{"event": "CheckpointSaved", "step": step, "time": 0} for step in (100, 200, 300)]
    again = {"event": "CheckpointSaved", "step": 105, "time": 0}
    saved(workspace, "step105", 105)
    later = max(path.stat().st_mtime for path in workspace.checkpoints_folder.iterdir()) + 1
    journal(workspace, *events, {"event": "RunStarted", "start_step": 100, "time": later}, again)
    assert locate_checkpoint(workspace, "latest").name == "scale4_step105.pth"
    earlier = {"event": "RunStarted", "start_step": 100, "time": 1}  # the files were written after it
    journal(workspace, *events, earlier)
    assert locate_checkpoint(workspace, "latest").name == "scale4_step300.pth"


def test_latest_in_a_folder_that_cannot_be_read_or_holds_other_files_says_so(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.checkpoints_folder.write_text("")
    with pytest.raises(UserError, match="cannot be read"):
        locate_checkpoint(workspace, "latest")
    workspace.checkpoints_folder.unlink()
    workspace.checkpoints_folder.mkdir()
    (workspace.checkpoints_folder / "notes.txt").write_text("")
    with pytest.raises(UserError, match="None of its 1 files is a checkpoint"):
        locate_checkpoint(workspace, "latest")
