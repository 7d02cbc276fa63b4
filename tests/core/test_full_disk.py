"""Real full disks: what a checkpoint, a run and the files beside it make of them."""

from __future__ import annotations

from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tests.small_disk import fill, small_disk
from trainer_core.files import WriteError, is_lack_of_room
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.training.checkpoint import TrainingState, load_checkpoint, save_checkpoint

_SPEC = NetworkSpec(4, num_feat=8, num_block=1, num_grow_ch=4)


def make_state(step: int) -> TrainingState:
    weights = {name: values.detach() for name, values in RRDBNet(_SPEC).named_parameters()}
    return TrainingState(
        params=weights,
        params_ema=weights,
        optimizer={},
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
        save_checkpoint(path, make_state(1))
        before = path.read_bytes()
        filler = fill(disk, leave_kilobytes=kilobytes)
        error = save_failure(path)
        assert path.read_bytes() == before if error else load_checkpoint(path).step == 2
        assert not error or (is_lack_of_room(error) and "the disk is full" in str(error))
        assert sorted(disk.iterdir()) == sorted([path, filler])
        return error is None


def save_failure(path: Path) -> WriteError | None:
    try:
        save_checkpoint(path, make_state(2))
    except WriteError as error:
        return error
    return None


def test_a_checkpoint_on_a_full_disk_is_the_old_one_or_the_new_one(tmp_path: Path) -> None:
    assert [save_with_free_kilobytes(tmp_path / str(free), free) for free in (0, 4, 60, 400)] == [False] * 3 + [True]


@pytest.mark.long
def test_a_checkpoint_is_old_or_new_at_every_position_of_the_disk(tmp_path: Path) -> None:
    written = [save_with_free_kilobytes(tmp_path / str(free), free) for free in range(0, 320, 4)]
    assert written == sorted(written) and not written[0] and written[-1]
