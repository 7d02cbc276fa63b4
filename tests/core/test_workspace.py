"""The workspace: one writer, runs archived and restored, checkpoints found, settings stored."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from tests.small_disk import second_name
from trainer_core.errors import UserError
from trainer_core.files import rename_file
from trainer_core.settings.config import TrainerConfig
from trainer_core.workspace import layout
from trainer_core.workspace.checkpoints import archive_containing, locate_checkpoint
from trainer_core.workspace.layout import COPIED_FILES, Workspace, deploy_path


def test_what_a_killed_writer_left_is_removed_under_the_lock(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.checkpoints_folder.mkdir()
    stray = workspace.checkpoints_folder / ".scale4_step1.pth.99.tmp"
    stray.write_bytes(b"half")
    with workspace.lock():
        assert not stray.exists()


def test_a_second_writer_is_refused_by_name_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from trainer_core.workspace.layout import Workspace\n"
        "with Workspace(Path(sys.argv[1])).lock():\n    print('held', flush=True); time.sleep(60)"
    )
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None and holder.stdout.readline() == "held\n"
    try:
        with pytest.raises(UserError, match=f"in use by process {holder.pid}"), Workspace(tmp_path).lock():
            pass
    finally:
        holder.kill()
        holder.wait()
    with Workspace(tmp_path).lock():
        pass


def test_a_run_is_archived_whole_and_restored(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.checkpoints_folder.mkdir()
    (workspace.checkpoints_folder / "scale4_step20.pth").write_bytes(b"1")
    workspace.log_file.write_text("log")
    workspace.splits_file.write_text("{}")
    folder = workspace.archive_run()
    assert folder is not None and folder.parent == workspace.previous_runs
    assert not workspace.checkpoints_folder.exists() and workspace.splits_file.exists()
    assert (folder / "dataset_splits.json").exists() and (folder / "trainer.log").read_text() == "log"
    moved = folder / "checkpoints" / "scale4_step20.pth"
    assert archive_containing(workspace, moved) == folder
    workspace.restore_run(folder)
    assert workspace.step_checkpoints() == [(20, workspace.checkpoints_folder / "scale4_step20.pth")]
    assert Workspace(tmp_path / "new").archive_run() is None


RUN_FILES = (
    *("checkpoints/scale4_step20.pth", "models/m.pth", "tensorboard/t", "previews/p.png"),
    *("trainer.log", "journal.jsonl"),
)


def make_run(root: Path) -> Workspace:
    for name in (*RUN_FILES, *COPIED_FILES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return Workspace(root)


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} - {".lock"}


def interrupt(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object], moves: int) -> bool:
    """Do `work`, but interrupt it before it moves one more than this number of files; return whether that happened."""
    left = iter([True] * moves)

    def rename_or_raise(source: Path, target: Path) -> None:
        if not next(left, False):
            raise KeyboardInterrupt
        rename_file(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(layout, "rename_file", rename_or_raise)
        try:
            work()
        except KeyboardInterrupt:
            return True
    return False


def test_an_interrupted_archiving_is_completed_into_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for moves in range(len(RUN_FILES) + 1):
        workspace = make_run(tmp_path / str(moves))
        assert interrupt(monkeypatch, workspace.archive_run, moves) is (moves < len(RUN_FILES))
        started = [path for path in workspace.previous_runs.iterdir() if moves]
        for again in range(2):
            with workspace.lock() as lock:
                found = [text for text in lock.notices if "interrupted move" in text]
                assert len(found) == (again == 0 and 0 < moves < len(RUN_FILES))
                if not moves and not again:
                    assert workspace.has_run() and not any(workspace.previous_runs.iterdir())
                workspace.archive_run()
        (folder,) = workspace.previous_runs.iterdir()
        assert not started or started == [folder]
        assert files_in(folder) == {*RUN_FILES, *COPIED_FILES} and not workspace.has_run()


def test_an_interrupted_restoring_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    count = len(RUN_FILES) + len(COPIED_FILES)
    for moves in range(count + 1):
        workspace = make_run(tmp_path / str(moves))
        folder = workspace.archive_run()
        assert folder is not None
        (folder / "training_config.json").write_text("its own")
        assert interrupt(monkeypatch, partial(workspace.restore_run, folder), moves) is (moves < count)
        with workspace.lock() as lock:
            assert len([text for text in lock.notices if "interrupted move" in text]) == (moves < count)
        assert workspace.settings_file.read_text() == "its own"
        assert not any(workspace.previous_runs.iterdir()) and {*RUN_FILES, *COPIED_FILES} <= files_in(workspace.root)


def test_an_interrupted_move_never_mixes_two_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    workspace = make_run(tmp_path)
    interrupt(monkeypatch, workspace.archive_run, 1)
    workspace.checkpoints_folder.mkdir()
    (workspace.checkpoints_folder / "scale4_step5.pth").write_text("of a program that knows no mark")
    with workspace.lock():
        (folder,) = workspace.previous_runs.iterdir()
        assert not (folder / ".archiving").exists() and workspace.log_file.exists()
        assert files_in(folder) == {RUN_FILES[0], *COPIED_FILES}


def test_two_runs_archived_in_the_same_second_stay_separate(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    folders = set()
    for _ in range(3):
        workspace.log_file.write_text("log")
        folders.add(workspace.archive_run())
    assert len(folders) == 3


def test_resume_finds_latest_by_number_and_the_raw_checkpoint_of_a_deploy_file(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    with pytest.raises(UserError, match="no checkpoint to resume"):
        locate_checkpoint(workspace, "latest")
    workspace.checkpoints_folder.mkdir()
    for step in (900, 1000):
        path = workspace.checkpoint_path(4, f"step{step}")
        path.write_bytes(b"1")
        deploy_path(path).write_bytes(b"1")
    assert locate_checkpoint(workspace, "latest").name == "scale4_step1000.pth"
    deployed = workspace.checkpoints_folder / "scale4_step900_deploy.pth"
    assert locate_checkpoint(workspace, str(deployed)).name == "scale4_step900.pth"
    (workspace.checkpoints_folder / "scale4_step900.pth").unlink()
    assert locate_checkpoint(workspace, str(deployed)) == deployed
    outside = tmp_path.parent / "elsewhere.pth"
    outside.write_bytes(b"1")
    with pytest.raises(UserError, match="outside the workspace"):
        locate_checkpoint(workspace, str(outside))


def test_settings_keep_their_workspace_id_and_unknown_fields_over_rewrites(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    config = TrainerConfig(source_dir="a", workspace=str(tmp_path))
    first = workspace.write_settings(config, {}, None)
    text = workspace.settings_file.read_text().replace('"schema": 1', '"schema": 1, "new_thing": [1]')
    workspace.settings_file.write_text(text)
    assert first and workspace.write_settings(config, {}, None) == first
    assert workspace.read_settings().unknown == {"new_thing": [1]}


def test_a_broken_settings_file_is_named_and_left_alone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.settings_file.write_text("{half")
    with pytest.raises(UserError, match=r"training_config\.json cannot be read as JSON"):
        workspace.read_settings()
    assert workspace.settings_file.read_text() == "{half"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="imitated with a second mount of the folder")
def test_a_checkpoint_is_found_inside_its_workspace_under_another_spelling_of_the_path(tmp_path: Path) -> None:
    workspace, other = Workspace(tmp_path / "Runs"), tmp_path / "runs"
    archived = workspace.previous_runs / "2026-01-01" / "checkpoints" / "scale4_step7.pth"
    checkpoint = workspace.checkpoint_path(4, "step9")
    for path in (archived, checkpoint):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"1")
    with second_name(workspace.root, other):
        found = locate_checkpoint(workspace, str(other / "checkpoints" / checkpoint.name))
        assert found == checkpoint
        found = locate_checkpoint(workspace, str(other / archived.relative_to(workspace.root)))
        archive = archive_containing(workspace, found)
        assert archive is not None and archive.samefile(archived.parent.parent)


def test_what_killed_processes_left_anywhere_in_a_workspace_goes_with_the_next_lock(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    names = ["", "checkpoints", "models", "previews", "preview_photos", "previous_runs/a", "previous_runs/a/models"]
    strays = [tmp_path / name / f".x.{ended.pid}.tmp" for name in names] + [tmp_path / ".probe.99"]
    being_pinned = workspace.preview_photos / f".y.{os.getpid()}.tmp"
    for stray in (*strays, being_pinned):
        stray.parent.mkdir(parents=True, exist_ok=True)
        stray.write_bytes(b"half")
    with workspace.lock():
        assert not [stray for stray in strays if stray.exists()]
        assert being_pinned.exists(), "the window pins photos while a run trains"


def test_a_run_that_was_moved_out_of_previous_runs_is_not_mixed_with_the_present_one(tmp_path: Path) -> None:
    workspace, old = Workspace(tmp_path), tmp_path / "old"
    (old / "checkpoints").mkdir(parents=True)
    checkpoint = old / "checkpoints" / "scale4_step5.pth"
    checkpoint.write_bytes(b"")
    assert locate_checkpoint(workspace, str(checkpoint)) == checkpoint  # only a checkpoint in some folder
    (old / "training_config.json").write_text("{}", "utf-8")
    with pytest.raises(UserError, match=r"belongs to the run in .*old\. Move that folder into .*previous_runs"):
        locate_checkpoint(workspace, str(checkpoint))
    workspace.previous_runs.mkdir()
    back = old.rename(workspace.previous_runs / "old") / "checkpoints" / checkpoint.name
    assert locate_checkpoint(workspace, str(back)) == back
    assert locate_checkpoint(Workspace(back.parent.parent), str(back)) == back
