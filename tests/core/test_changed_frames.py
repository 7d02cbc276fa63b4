"""The best PSNR, the best model and early stopping are of the present validation frames."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from tests.core.test_stored_workspace import DATA
from tests.small_runs import TINY, make_photos, picture
from trainer_core.events import CheckpointSaved, Event, Notice, RunFinished, Validated
from trainer_core.planning.plan import make_plan
from trainer_core.training import checkpoint
from trainer_core.training.trainer import Trainer


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Four photos that train and two that validate."""
    make_photos(tmp_path / "photos" / "train", 4)
    make_photos(tmp_path / "photos" / "val", 2, width=240)
    return tmp_path / "photos"


def train(source: Path, workspace: Path, **given: Any) -> list[Event]:
    events: list[Event] = []
    base = {} if given.get("resume_from") else TINY
    settings = {**base, "source_dir": str(source), "workspace": str(workspace), **given}
    Trainer(make_plan(settings), events.append).run()
    return events


def texts(events: list[Event]) -> str:
    return "\n".join(event.text for event in events if isinstance(event, Notice))


def validations(events: list[Event]) -> list[Validated]:
    return [event for event in events if isinstance(event, Validated) and event.split == "val"]


def test_exchanged_validation_photos_restart_the_best_psnr_and_early_stopping(source: Path, tmp_path: Path) -> None:
    (before,) = validations(train(source, tmp_path / "run", steps=2, val_interval=2))
    for number, photo in enumerate(sorted((source / "val").iterdir())):
        Image.new("RGB", (240, 208), (60 + 90 * number,) * 3).save(photo)
    events = train(source, tmp_path / "run", resume_from="latest", steps=5, val_interval=1, early_stop=3)
    said = texts(events)
    assert "The validation photos have changed since the checkpoint: 2 with other content" in said
    assert f"the best PSNR, {before.psnr:.2f} dB at step 2, is on other frames" in said
    first, *others = validations(events)
    assert first.psnr < before.psnr and first.is_best and [event.step for event in others] == [3, 4, 5]
    assert [event for event in events if isinstance(event, CheckpointSaved) and event.kind == "best"]
    assert isinstance(events[-1], RunFinished)
    assert (events[-1].best_psnr, events[-1].bicubic_psnr) == (max(e.psnr for e in others), first.bicubic_psnr)
    meta = checkpoint.load_checkpoint(tmp_path / "run" / "checkpoints" / "scale4_best.pth").best
    assert meta["best_psnr"] == events[-1].best_psnr


def test_unchanged_frames_keep_the_best_psnr(source: Path, tmp_path: Path) -> None:
    train(source, tmp_path / "run", steps=2, val_interval=2)
    make_photos(source / "train", 5)
    events = train(source, tmp_path / "run", resume_from="latest", steps=3)
    assert "start over" not in texts(events)


def test_another_watch_has_other_frames(source: Path, tmp_path: Path) -> None:
    train(source, tmp_path / "run", steps=1)
    events = train(source, tmp_path / "run", resume_from="latest", steps=2, monochrome_noise=8.0)
    assert "the best model and early stopping start over" in texts(events)


def test_exchanged_test_photos_restart_the_test_psnr_alone(source: Path, tmp_path: Path) -> None:
    (source / "test").mkdir()
    picture(59).save(source / "test" / "photo0.png")
    train(source, tmp_path / "run", steps=1)
    picture(60).save(source / "test" / "photo0.png")
    said = texts(train(source, tmp_path / "run", resume_from="latest", steps=2))
    assert "The test frames have changed" in said and "early stopping" not in said


def test_a_run_of_0_1_0_measured_other_frames(tmp_path: Path) -> None:
    shutil.copytree(DATA / "photos", tmp_path / "photos")
    shutil.copytree(DATA / "workspace_0.1.0", tmp_path / "run")
    assert "The validation frames have changed" in texts(
        train(tmp_path / "photos", tmp_path / "run", resume_from="latest")
    )
