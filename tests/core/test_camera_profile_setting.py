"""`--camera-profile`: a watch of one's own in a training, and what contradicts it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.small_runs import make_photos, profile_file
from trainer_core.camera import ColorCamera, MonoCamera
from trainer_core.errors import UserError
from trainer_core.planning.plan import make_plan
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.cameras import load_profile, make_camera


def given(folder: Path, **settings: object) -> dict[str, object]:
    photos = make_photos(folder / "photos", 1)
    return {"source_dir": str(photos), "workspace": str(folder / "run"), **settings}


def test_the_camera_of_the_profile_is_used(tmp_path: Path) -> None:
    mono = TrainerConfig(camera_profile=str(profile_file(tmp_path, "wqv1")), monochrome_style=True)
    color = TrainerConfig(camera_profile=str(profile_file(tmp_path, "wqv10")))
    for config, kind in ((mono, MonoCamera), (color, ColorCamera)):
        camera = make_camera(config, load_profile(config))
        assert isinstance(camera, kind) and camera.name == "mine"


@pytest.mark.parametrize(("builtin", "mono"), [("wqv1", True), ("wqv10", False)])
def test_the_profile_decides_mono_or_color(builtin: str, mono: bool, tmp_path: Path) -> None:
    plan = make_plan(given(tmp_path, camera_profile=str(profile_file(tmp_path, builtin))))
    assert plan.config.monochrome_style is mono
    assert plan.profile is not None and plan.profile.name == "mine"


def test_the_profile_stored_in_the_workspace_is_used_again(tmp_path: Path) -> None:
    path = profile_file(tmp_path, "wqv1")
    (tmp_path / "run").mkdir()
    stored = {"schema": 1, "camera_profile": str(path), "monochrome_style": True}
    (tmp_path / "run" / "training_config.json").write_text(json.dumps(stored), encoding="utf-8")
    assert make_plan(given(tmp_path)).config.camera_profile == str(path)
    with pytest.raises(UserError, match="--no-camera-profile"):
        make_plan(given(tmp_path, monochrome_style=False))
    assert make_plan(given(tmp_path, monochrome_style=False, camera_profile=None)).config.camera_profile is None


@pytest.mark.parametrize(
    ("builtin", "settings", "said"),
    [
        ("wqv1", {"monochrome_style": False}, "mono watch, which contradicts --no-monochrome-style"),
        ("wqv10", {"monochrome_style": True}, "color watch, which contradicts --monochrome-style"),
        ("wqv1", {"degradation": "bicubic"}, "cannot be combined with --degradation bicubic"),
    ],
)
def test_contradictions_are_reported(builtin: str, settings: dict[str, object], said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        make_plan(given(tmp_path, camera_profile=str(profile_file(tmp_path, builtin)), **settings))


def test_a_profile_of_the_other_kind_is_refused_by_the_camera_too(tmp_path: Path) -> None:
    config = TrainerConfig(camera_profile=str(profile_file(tmp_path, "wqv1")), monochrome_style=False)
    with pytest.raises(UserError, match="is for a mono watch"):
        make_camera(config, load_profile(config))


def test_an_unreadable_profile_is_reported_before_anything_else(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Cannot read the camera profile"):
        make_plan(given(tmp_path, camera_profile=str(tmp_path / "none.json")))
    assert not (tmp_path / "run").exists()
