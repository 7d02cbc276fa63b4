"""What a dropped file or folder is."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path

import pytest

from trainer_core.planning.recognition import PathKind, classify_content, classify_path
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.stored import StoredSettings
from trainer_core.settings.stored import settings_to_json as to_settings


def stored(folder: Path, **values: object) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "training_config.json").write_text(json.dumps({"schema": 1, **values}), "utf-8")
    return folder


def test_what_is_dropped_is_recognized(tmp_path: Path) -> None:
    run = stored(tmp_path / "run")
    (run / "checkpoints").mkdir()
    files = {
        "run/checkpoints/scale4_step1.pth": PathKind.CHECKPOINT,
        "a.pth": PathKind.WEIGHTS,
        "b.safetensors": PathKind.WEIGHTS,
        "c.JPG": PathKind.PICTURE,
        "e.json": PathKind.PROFILE,
        "d.txt": PathKind.OTHER,
    }
    for name, kind in files.items():
        (tmp_path / name).write_bytes(b"")
        assert classify_path(tmp_path / name, run) is kind, name
    assert classify_path(run) is PathKind.RUN
    assert classify_path(tmp_path) is PathKind.PHOTOS
    assert classify_path(tmp_path / "gone.pth") is PathKind.OTHER
    assert classify_path(run / "checkpoints" / "scale4_step1.pth") is PathKind.WEIGHTS


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ('{"schema": 1, "scale": 2}', PathKind.SETTINGS),
        ('{"batch_size": 8}', PathKind.SETTINGS),
        ('{"schema": 1, "kind": "mono", "ranges": {}, "scale": 2}', PathKind.PROFILE),
        ('{"schema": 1, "name": "of another program"}', PathKind.UNKNOWN_JSON),
        ("[1, 2]", PathKind.UNKNOWN_JSON),
        ("{torn", PathKind.INVALID_JSON),
        ("[" * 100_000, PathKind.INVALID_JSON),
        ("", PathKind.INVALID_JSON),
    ],
)
def test_json_shows_by_its_content_what_it_is(tmp_path: Path, content: str, kind: PathKind) -> None:
    path = tmp_path / "it.json"
    path.write_text(content)
    assert classify_content(path) is kind


def test_camera_profiles_and_exported_settings_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "it.json"
    for name in ("wqv1", "wqv10"):
        path.write_bytes(importlib.resources.files("resources").joinpath(f"{name}.json").read_bytes())
        assert classify_content(path) is PathKind.PROFILE
    path.write_text(json.dumps(to_settings(TrainerConfig(), stored=StoredSettings(), derived=None, warm_start=None)))
    assert classify_content(path) is PathKind.SETTINGS
