"""What the watch sees: pairs of the user's photos through the camera that a training would use."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.small_runs import make_photos, picture
from trainer_core.camera import CameraProfile
from trainer_core.data.photos import Photo, scan_photos
from trainer_core.errors import UserError
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.batches import make_frame_batch
from trainer_core.training.cameras import make_camera
from trainer_core.training.simulated_view import WatchCamera, WatchPair, iterate_example_frames


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty photos, large enough for a whole frame of either watch at x2."""
    return make_photos(tmp_path_factory.mktemp("photos"), 20, width=400, height=320)


def settings(folder: Path, **more: Any) -> TrainerConfig:
    given = {"monochrome_style": True, "scale": 2, "train_split": 1.0, "val_split": 0.0, **more}
    return TrainerConfig(source_dir=str(folder), workspace=str(folder / "run"), **given)


def pairs(folder: Path, *, count: int = 4, turn: int = 0, **more: Any) -> list[WatchPair]:
    return photograph(settings(folder, **more), scan_photos(folder).photos, count=count, turn=turn)


def photograph(config: TrainerConfig, photos: Sequence[Photo], *, count: int, turn: int = 0) -> list[WatchPair]:
    """Frames of photos or of built-in scenes through the camera, as the window shows them."""
    camera = WatchCamera(config)
    frames = iterate_example_frames(config, photos, camera.spec, count=count, variation=turn)
    return [camera.simulate(frame, turn * count + place) for place, frame in enumerate(frames)]


@pytest.mark.parametrize(("mono", "width", "height"), [(True, 120, 120), (False, 176, 144)])
def test_a_pair_is_a_whole_frame_of_the_watch_and_its_target(folder: Path, mono: bool, width: int, height: int) -> None:
    for pair in pairs(folder, monochrome_style=mono):
        assert pair.lr.dtype == pair.target.dtype == np.uint8
        assert pair.lr.shape == (height, width, 3)
        assert pair.target.shape == (2 * height, 2 * width, 3)
    if mono:
        assert not (pair.lr % 17).any()  # the sixteen grays


def test_the_camera_is_the_one_that_a_training_with_these_settings_uses(folder: Path) -> None:
    config = settings(folder, monochrome_levels=4, base_resolution=96, monochrome_noise=0.0)
    seen = WatchCamera(config)
    frame = next(iterate_example_frames(config, scan_photos(folder).photos, seen.spec, count=1))
    trained = make_frame_batch(frame, make_camera(config), seed=config.seed, index=5, device=torch.device("cpu"))
    pair = seen.simulate(frame, 5)
    assert (pair.lr == (trained.lr[0] * 255).round().byte().permute(1, 2, 0).numpy()).all()
    assert (pair.target == (trained.hr[0] * 255).round().byte().permute(1, 2, 0).numpy()).all()
    assert pair.lr.shape == (96, 96, 3)
    assert set(np.unique(pair.lr)) <= {0, 85, 170, 255}
    assert "4 grays" in seen.description


def test_the_plain_reduction_and_an_own_profile_are_seen_too(folder: Path, tmp_path: Path) -> None:
    plain = pairs(folder, degradation="bicubic", count=1)[0]
    profile = CameraProfile.builtin("wqv1").to_json()
    profile["name"] = "mine"
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(profile), "utf-8")
    config = settings(folder, camera_profile=str(path))
    assert "mine" in WatchCamera(config).description
    assert (plain.lr != photograph(config, scan_photos(folder).photos, count=1)[0].lr).any()
    with pytest.raises(UserError, match="mono watch"):
        WatchCamera(settings(folder, camera_profile=str(path), monochrome_style=False))


def test_the_same_settings_show_the_same_pairs_and_each_turn_other_photos(folder: Path) -> None:
    first, again, other = pairs(folder), pairs(folder), pairs(folder, turn=1)
    assert all((a.lr == b.lr).all() and (a.target == b.target).all() for a, b in zip(first, again))
    assert not {p.name for p in first} & {p.name for p in other}
    assert (pairs(folder, seed=7)[0].lr != first[0].lr).any()


def test_photos_are_spread_over_the_whole_folder(folder: Path) -> None:
    names = sorted(photo.name for photo in scan_photos(folder).photos)
    places = [names.index(pair.name) for pair in pairs(folder)]
    assert places == [0, 5, 10, 15]


def test_few_photos_are_shown_again_in_other_parts(tmp_path: Path) -> None:
    seen = pairs(make_photos(tmp_path, 3, width=700, height=640), count=8)
    assert len(seen) == 8
    assert {pair.name for pair in seen} == {"photo0.png", "photo1.png", "photo2.png"}
    assert len({pair.target.tobytes() for pair in seen}) == 8


def test_an_unreadable_photo_gives_way_to_another(folder: Path, tmp_path: Path) -> None:
    make_photos(tmp_path, 6)
    whole = (tmp_path / "photo2.png").read_bytes()
    middle = len(whole) // 2
    (tmp_path / "photo2.png").write_bytes(whole[:middle] + bytes(99) + whole[middle + 99 :])  # header and end are fine
    names = [pair.name for pair in pairs(tmp_path, count=3)]
    assert names == ["photo0.png", "photo3.png", "photo4.png"]


def test_a_photo_with_few_pixels_is_not_enlarged_to_fill_the_frame(tmp_path: Path) -> None:
    picture(1, 320, 200).save(tmp_path / "small.png")
    pair = pairs(tmp_path, count=1)[0]
    assert pair.lr.shape == (96, 120, 3)
    assert pair.target.shape == (192, 240, 3)


def test_without_photos_there_are_the_built_in_scenes(tmp_path: Path) -> None:
    config = settings(tmp_path, demo=True)
    first, second = photograph(config, (), count=2)
    assert first.name != second.name
    assert first.lr.std() > 10
    assert not list(tmp_path.iterdir())  # nothing is written


def test_the_threads_of_a_training_are_left_as_they_were(folder: Path) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        pairs(folder, count=1)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
