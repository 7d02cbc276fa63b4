"""Real full disks: what a checkpoint, a run and the files beside it make of them."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.small_disk import fill, small_disk
from tests.small_runs import TINY, make_photos
from trainer_core import tools
from trainer_core.control import RunControl, SaveAnswer
from trainer_core.events import CheckpointSaved, Event, Notice, RunFinished, SaveBlocked, StepDone, Validated
from trainer_core.files import WriteError, is_lack_of_room
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.plan import make_plan
from trainer_core.sinks.journal import read_journal
from trainer_core.training import evaluation, saving
from trainer_core.training.checkpoint import TrainingState, load_checkpoint, prepare_checkpoint, write_checkpoint
from trainer_core.training.trainer import RunResult, Trainer
from trainer_core.weights.export import prepare_deployable

_SPEC = NetworkSpec(4, num_feat=8, num_block=1, num_grow_ch=4)


def make_state(step: int) -> TrainingState:
    network = RRDBNet(_SPEC)
    optimizer = torch.optim.Adam(network.parameters())
    network(torch.rand(1, 3, 8, 8)).sum().backward()
    optimizer.step()
    weights = {name: values.detach().clone() for name, values in network.named_parameters()}
    return TrainingState(
        params=weights,
        params_ema=weights,
        optimizer=optimizer.state_dict(),
        scaler=None,
        step=step,
        samples=step,
        ema_updates=step,
        run_id="run",
        workspace_id="workspace",
        spec=_SPEC.as_dict(),
        config={},
        photos=["a.png"],
    )


def save_with_free_kilobytes(folder: Path, kilobytes: int) -> bool:
    """Save over an older checkpoint with so much room; return whether it was written, and check what must hold."""
    with small_disk(folder, 1024) as disk:
        path = disk / "scale4_step1.pth"
        write_checkpoint(path, prepare_checkpoint(make_state(1)))
        before = path.read_bytes()
        filler = fill(disk, leave_kilobytes=kilobytes)
        error = save_failure(path)
        assert path.read_bytes() == before if error else load_checkpoint(path).step == 2
        assert not error or (is_lack_of_room(error) and "the disk is full" in str(error))
        assert sorted(disk.iterdir()) == sorted([path, filler])
        return error is None


def save_failure(path: Path) -> WriteError | None:
    try:
        write_checkpoint(path, prepare_checkpoint(make_state(2)))
    except WriteError as error:
        return error
    return None


def test_a_checkpoint_on_a_full_disk_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    assert [save_with_free_kilobytes(tmp_path / str(free), free) for free in (0, 4, 60, 400)] == [False] * 3 + [True]


@pytest.mark.long
def test_a_checkpoint_is_old_or_new_at_every_position_of_the_disk(tmp_path: Path) -> None:
    written = [save_with_free_kilobytes(tmp_path / str(free), free) for free in range(0, 320, 4)]
    assert written == sorted(written) and not written[0] and written[-1]


@pytest.mark.parametrize("name", ["model_x2.pth", "model_x2.safetensors"])
def test_an_export_to_a_full_disk_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    model = tmp_path / "source_x2.pth"
    spec = NetworkSpec(2, num_feat=8, num_block=1, num_grow_ch=4)
    prepare_deployable(model, RRDBNet(spec).state_dict(), spec, {}).write()
    with small_disk(tmp_path / "disk", 64) as disk:
        filler = fill(disk, leave_kilobytes=8)
        assert tools.main(["export", str(model), "-o", str(disk / name)]) == 2
        assert list(disk.iterdir()) == [filler]
    shown = capsys.readouterr().err
    assert f"{name} cannot be written: the disk is full" in shown and "Traceback" not in shown


# -- runs -----------------------------------------------------------------------------------------

Listener = Callable[[Event, RunControl], None]

_HOLD_LOCK = (
    "import sys, time; from pathlib import Path; from trainer_core.workspace.layout import Workspace\n"
    "with Workspace(Path(sys.argv[1])).lock():\n    print('held', flush=True); time.sleep(60)"
)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 4)


@pytest.fixture(autouse=True)
def _no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failed writes are repeated at once, and each write ends before the next step, so that the order is certain."""
    real = saving.Saving.write

    def write(self: saving.Saving, what: str, prepare: saving.Prepare, *, step: int) -> None:
        real(self, what, prepare, step=step)
        self.collect(step=step, leave=0)

    monkeypatch.setattr(saving.Saving, "write", write)
    for name in ("_FIRST_DELAY", "_MAX_DELAY", "_WAIT_DELAY"):
        monkeypatch.setattr(saving, name, 0.0)
    monkeypatch.setattr(saving, "_POLL", 0.01)


def train(
    photos: Path, workspace: Path, listener: Listener, *, patience: float = 30.0, **given: Any
) -> tuple[RunResult, list[Event]]:
    control, events = RunControl(save_patience=patience), []

    def sink(event: Event) -> None:
        events.append(event)
        listener(event, control)

    base = {} if given.get("resume_from") else {**TINY, "scale": 2}
    settings = {**base, "source_dir": str(photos), "workspace": str(workspace), **given}
    return Trainer(make_plan(settings), sink, control).run(), events


def is_step(event: Event, number: int) -> bool:
    return isinstance(event, StepDone) and event.step == number


def ignore(event: Event, control: RunControl) -> None:
    pass


def only(kind: type, events: list[Event]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def notices(events: list[Event], level: str) -> list[str]:
    return [event.text for event in only(Notice, events) if event.level == level]


def test_a_run_survives_a_full_disk_says_so_once_and_recovers(photos: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4096) as disk:

        def change(event: Event, control: RunControl) -> None:
            if is_step(event, 3):
                fill(disk, leave_kilobytes=8)
            if is_step(event, 15):
                (disk / ".filler").unlink()

        settings: dict[str, Any] = dict(steps=20, checkpoint_interval=2, val_interval=2, tensorboard=True)
        result, events = train(photos, disk / "w", change, **settings)
        assert result.outcome == "completed" and (disk / "w/checkpoints/scale2_final.pth").exists()
        (error,) = notices(events, "error")
        assert "the disk is full" in error and re.search(r"One save needs \d+ KB; \d KB free|; \d\.\d KB free", error)
        assert sum("files can be written again" in text for text in notices(events, "info")) == 1
        saved = [event.step for event in only(CheckpointSaved, events) if event.kind == "step"]
        assert saved[0] == 2 and saved[1] in (15, 16), "as soon as there is room"
        steps = [record["step"] for record in read_journal(disk / "w/journal.jsonl") if record["event"] == "Validated"]
        assert steps == [event.step for event in only(Validated, events)]
        assert (disk / "w/trainer.log").read_text().count("One save needs") == 1
        assert not list(disk.rglob("*.tmp"))


def test_the_best_weights_of_a_full_disk_are_written_later(photos: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 4096) as disk:

        def change(event: Event, control: RunControl) -> None:
            if is_step(event, 1):
                fill(disk, leave_kilobytes=8)
            if is_step(event, 4):
                (disk / ".filler").unlink()

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(evaluation, "_MIN_IMPROVEMENT", 1e9)  # only the first validation is the best
            train(photos, disk / "w", change, steps=6, val_interval=2, checkpoint_interval=100)
        assert load_checkpoint(disk / "w/checkpoints/scale2_best.pth").step == 2


@pytest.mark.parametrize("end", ["last step", "stop"])
def test_the_end_of_a_run_waits_for_room(photos: Path, tmp_path: Path, end: str) -> None:
    with small_disk(tmp_path / "disk", 2048) as disk:

        def change(event: Event, control: RunControl) -> None:
            if is_step(event, 2):
                fill(disk, leave_kilobytes=8)
                if end == "stop":
                    control.stop()
            if isinstance(event, SaveBlocked):
                assert not list((disk / "w/checkpoints").iterdir())
                (disk / ".filler").unlink()

        result, events = train(photos, disk / "w", change, steps=2 if end == "last step" else 9)
        assert result.outcome == ("completed" if end == "last step" else "stopped")
        (blocked,) = only(SaveBlocked, events)
        assert blocked.step == 2 and "the disk is full" in blocked.text
        assert load_checkpoint(Path(only(RunFinished, events)[0].checkpoint)).step == 2
        assert read_journal(disk / "w/journal.jsonl")[-1]["outcome"] == result.outcome


@pytest.mark.parametrize("by_answer", [False, True])
@pytest.mark.parametrize("saved_before", [False, True])
def test_a_run_that_cannot_be_saved_fails_and_names_what_is_lost(
    photos: Path, tmp_path: Path, by_answer: bool, saved_before: bool
) -> None:
    with small_disk(tmp_path / "disk", 2048) as disk:

        def change(event: Event, control: RunControl) -> None:
            if is_step(event, 3):
                fill(disk, leave_kilobytes=8)
                control.stop()

        with pytest.MonkeyPatch.context() as patch:
            if by_answer:
                patch.setattr(RunControl, "wait_for_save_answer", lambda self, timeout: SaveAnswer(gives_up=True))
            settings = dict(steps=9, checkpoint_interval=2 if saved_before else 100, val_interval=100)
            result, events = train(photos, disk / "w", change, patience=30.0 if by_answer else 0.1, **settings)
        assert result.outcome == "failed"
        assert (result.error or "").startswith("Not saved: checkpoint and models of step 3. ")
        checkpoint = only(RunFinished, events)[0].checkpoint
        assert (load_checkpoint(Path(checkpoint)).step == 2) if saved_before else checkpoint is None
        assert not any("Traceback" in text for text in notices(events, "error"))


def test_a_run_that_cannot_be_saved_can_move_to_another_folder_and_resume_there(photos: Path, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 2048) as disk:

        def change(event: Event, control: RunControl) -> None:
            if is_step(event, 2):
                fill(disk, leave_kilobytes=8)
                control.stop()

        answers = iter([SaveAnswer(), SaveAnswer(folder=disk), SaveAnswer(folder=tmp_path)])
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RunControl, "wait_for_save_answer", lambda self, timeout: next(answers))
            result, events = train(photos, disk / "w", change, steps=9)
        assert result.outcome == "stopped" and len(only(SaveBlocked, events)) == 3
        assert Path(only(RunFinished, events)[0].checkpoint) == tmp_path / "w/checkpoints/scale2_step2.pth"
        assert result.model == tmp_path / "w/models/wqv_neosr_x2.pth"
    result, _ = train(photos, tmp_path / "w", ignore, resume_from="latest", steps=4)
    assert (result.outcome, result.step) == ("completed", 4)


def test_a_deleted_workspace_is_made_again_with_everything_that_a_resume_needs(photos: Path, tmp_path: Path) -> None:
    def change(event: Event, control: RunControl) -> None:
        if is_step(event, 3):
            shutil.rmtree(tmp_path / "w")
        if is_step(event, 5):
            control.stop()

    result, events = train(photos, tmp_path / "w", change, steps=9, checkpoint_interval=2, val_interval=100)
    assert result.outcome == "stopped" and load_checkpoint(tmp_path / "w/checkpoints/scale2_step5.pth").step == 5
    assert sum("was deleted, so it was made again" in text for text in notices(events, "warning")) == 1
    result, _ = train(photos, tmp_path / "w", ignore, resume_from="latest", steps=6)
    assert (result.outcome, result.step) == ("completed", 6)


@pytest.mark.parametrize("root_is_mount_point", [False, True])
def test_nothing_is_written_below_the_mount_point_of_a_lost_drive(
    photos: Path, tmp_path: Path, root_is_mount_point: bool
) -> None:
    mount_point = tmp_path / "disk"
    with small_disk(mount_point, 2048):

        def change(event: Event, control: RunControl) -> None:
            if is_step(event, 3):
                subprocess.run(["umount", "-l", str(mount_point)], check=True)
                control.stop()

        workspace = mount_point if root_is_mount_point else mount_point / "w"
        result, events = train(photos, workspace, change, patience=0.1, steps=9, checkpoint_interval=2)
        assert result.outcome == "failed" and "the drive is not connected" in (result.error or "")
        assert only(RunFinished, events)[0].checkpoint is None and list(mount_point.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EACCES, errno.EDQUOT])
def test_a_run_goes_on_whatever_the_disk_answers_and_saves_when_it_can(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    is_broken = [False]
    real = os.replace

    def replace(source: Path, target: Path) -> None:
        if is_broken[0]:
            raise OSError(number, os.strerror(number))
        real(source, target)

    def change(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone):
            is_broken[0] = 2 <= event.step < 5

    monkeypatch.setattr(os, "replace", replace)
    result, events = train(photos, tmp_path / "w", change, steps=7, checkpoint_interval=2, val_interval=100)
    assert result.outcome == "completed"
    (error,) = notices(events, "error")
    assert os.strerror(number) in error
    assert 5 in [event.step for event in only(CheckpointSaved, events)]


def test_a_second_trainer_in_the_workspace_keeps_the_first_from_writing(photos: Path, tmp_path: Path) -> None:
    others: list[subprocess.Popen[str]] = []

    def change(event: Event, control: RunControl) -> None:
        if is_step(event, 3):
            (tmp_path / "w/.lock").unlink()
            arguments = [sys.executable, "-c", _HOLD_LOCK, str(tmp_path / "w")]
            others.append(subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True))
            assert others[0].stdout is not None and others[0].stdout.readline() == "held\n"
            control.stop()
        if isinstance(event, SaveBlocked):
            assert f"process {others[0].pid}" in event.text
            others[0].kill()
            others[0].wait()

    result, events = train(photos, tmp_path / "w", change, steps=9, val_interval=100)
    assert result.outcome == "stopped" and len(only(SaveBlocked, events)) == 1
