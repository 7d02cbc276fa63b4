"""Scenes: the same for the same seed, new for each index, with the statistics of photographs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trainer_core.data.photos import scan_photos
from trainer_core.data.splits import make_splits
from trainer_core.scenes.painter import render_scene, write_scenes
from trainer_core.scenes.textures import TEXTURE_COUNT, TEXTURE_SIDE, render_texture

SIZE = 256


@pytest.fixture(scope="module")
def scenes() -> np.ndarray:
    return np.stack([render_scene(1, index, SIZE) for index in range(16)])


def luma(pixels: np.ndarray) -> np.ndarray:
    weighted: np.ndarray = pixels @ np.array([0.299, 0.587, 0.114])
    return weighted


def spectral_slope(gray: np.ndarray) -> float:
    """Slope of log power over log frequency, averaged over directions."""
    window = np.hanning(SIZE)[:, None] * np.hanning(SIZE)
    power = np.abs(np.fft.fftshift(np.fft.fft2((gray - gray.mean()) * window))) ** 2
    y, x = np.indices(power.shape) - SIZE // 2
    ring = np.hypot(x, y).astype(int).ravel()
    profile = np.bincount(ring, power.ravel()) / np.bincount(ring)
    frequency = np.arange(4, SIZE // 3)
    return float(np.polyfit(np.log(frequency), np.log(profile[4 : SIZE // 3]), 1)[0])


def test_a_scene_depends_on_seed_and_index_alone(scenes: np.ndarray) -> None:
    assert scenes.shape == (16, SIZE, SIZE, 3) and scenes.dtype == np.uint8
    assert np.array_equal(render_scene(1, 3, SIZE), scenes[3])
    render_texture.cache_clear()
    assert np.array_equal(render_scene(1, 3, SIZE), scenes[3])
    others = [*scenes, render_scene(2, 3, SIZE)]
    assert len({other.tobytes() for other in others}) == len(others)
    assert np.abs(others[-1].astype(int) - scenes[3]).mean() > 10


def test_power_falls_with_frequency_as_in_photographs(scenes: np.ndarray) -> None:
    slopes = [spectral_slope(luma(pixels)) for pixels in scenes]
    assert -2.8 < np.mean(slopes) < -1.6
    assert min(slopes) > -3.6 and max(slopes) < -1.0


def test_brightness_contrast_and_color_are_those_of_photographs(scenes: np.ndarray) -> None:
    gray = luma(scenes)
    assert 90 < gray.mean() < 140
    assert gray.mean(axis=(1, 2)).std() > 10
    assert 35 < np.mean(gray.std(axis=(1, 2))) < 70
    saturation = [np.asarray(Image.fromarray(pixels).convert("HSV"))[..., 1].mean() for pixels in scenes]
    assert 30 < np.mean(saturation) < 110
    assert np.mean(scenes == 255) < 0.1 and np.mean(scenes == 0) < 0.1


def test_there_are_edges_and_calm_areas_at_every_scale(scenes: np.ndarray) -> None:
    gray = luma(scenes)
    for step in (1, 2, 4, 8):
        reduced = gray[:, : SIZE // step * step, : SIZE // step * step]
        reduced = reduced.reshape(16, SIZE // step, step, SIZE // step, step).mean(axis=(2, 4))
        change = np.abs(np.diff(reduced, axis=2))
        assert np.percentile(change, 99) > 30  # edges
        assert np.percentile(change, 99) > 6 * np.median(change)  # and far more calm than edge


def test_edges_are_as_soft_as_a_lens_makes_them(scenes: np.ndarray) -> None:
    """Drawn at this size, a step would be one pixel wide: the next differences would be near zero."""
    gray = luma(scenes)
    across = np.abs(np.diff(gray, axis=2))
    y, row, x = np.nonzero(across[:, :, 2:-2] > 50)
    flanks = across[y, row, x + 1] + across[y, row, x + 3]
    assert np.mean(flanks > 20) > 0.7


def test_textures_are_gray_squares_of_middle_brightness() -> None:
    for number in range(0, TEXTURE_COUNT, 2):
        tile = render_texture(1, number)
        assert tile.mode == "L" and tile.size == (TEXTURE_SIDE, TEXTURE_SIDE)
        assert 60 < np.asarray(tile).mean() < 205 and np.asarray(tile).std() > 8


def test_written_scenes_are_a_pre_staged_source_and_are_kept(tmp_path: Path) -> None:
    counted: list[tuple[int, int]] = []

    def report(number: int, total: int) -> None:
        counted.append((number, total))

    write_scenes(tmp_path / "scenes", seed=4, train=3, val=2, test=1, size=64, report=report)
    assert counted == [(number, 6) for number in range(1, 7)]
    found = scan_photos(tmp_path / "scenes")
    splits = make_splits(found, train_split=0.8, val_split=0.1)
    assert splits.origin == "pre-staged" and not found.rejected
    assert (len(splits.train), len(splits.val), len(splits.test)) == (3, 2, 1)
    assert np.array_equal(np.asarray(Image.open(splits.val[0].path)), render_scene(4, 3, 64))
    before = {photo.name: photo.path.stat().st_mtime_ns for photo in found.photos}
    write_scenes(tmp_path / "scenes", seed=4, train=3, val=2, test=1, size=64)
    assert {photo.name: photo.path.stat().st_mtime_ns for photo in scan_photos(tmp_path / "scenes").photos} == before
