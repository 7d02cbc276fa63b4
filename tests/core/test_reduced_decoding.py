"""JPEG photos decoded at a fraction of their size: nearly the pixels that reducing the whole photo gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.small_runs import picture
from trainer_core.data import frames
from trainer_core.data.color_profiles import Primaries, build_profile
from trainer_core.data.decoding import PhotoError, decode, decode_reduced
from trainer_core.data.frames import Frame, FrameSpec, validation_frames
from trainer_core.data.photos import Photo
from trainer_core.data.pyramid import Box, Pyramid

WIDE: Primaries = (0.3127, 0.3290, 0.64, 0.33, 0.21, 0.71, 0.15, 0.06)
WIDTH, HEIGHT = 1600, 1200
ORIENTATION = 0x0112
# The tolerance that `decode_reduced` states.
MEAN, MOST = 0.6, 3.0


def save(path: Path, orientation: int = 1, mode: str = "RGB", **options: object) -> Path:
    image = picture(3, WIDTH, HEIGHT)
    noise = np.random.default_rng(5).normal(0, 4, (HEIGHT, WIDTH, 1))
    image = Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8)).convert(mode)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image.save(path, quality=92, exif=exif, **options)  # type: ignore[arg-type]
    return path


def assert_alike(found: np.ndarray, expected: np.ndarray) -> None:
    difference = np.abs(found.astype(int) - expected.astype(int))
    assert found.shape == expected.shape
    assert difference.mean() < MEAN and np.percentile(difference, 99) <= MOST


def assert_crops_alike(path: Path, reduction: int) -> None:
    whole, (pixels, found) = Pyramid(decode(path)), decode_reduced(path, reduction)
    reduced = Pyramid(pixels, found)
    assert found == reduction and (reduced.width, reduced.height) == (whole.width, whole.height)
    for zoom in (1.0, 1.37, 2.6):
        side = 100 * reduction * zoom
        box = Box(37.3, 81.8, 37.3 + side, 81.8 + side)
        assert_alike(reduced.cut(box, 100, 100), whole.cut(box, 100, 100))


@pytest.mark.parametrize("reduction", [2, 4])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_crops_of_every_orientation_are_alike(tmp_path: Path, orientation: int, reduction: int) -> None:
    assert_crops_alike(save(tmp_path / "a.jpg", orientation), reduction)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
def test_crops_of_every_sampling_of_the_colors_are_alike(tmp_path: Path, subsampling: int) -> None:
    assert_crops_alike(save(tmp_path / "a.jpg", subsampling=subsampling), 2)


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_other_modes_are_converted_as_before(tmp_path: Path, mode: str) -> None:
    assert_crops_alike(save(tmp_path / "a.jpg", mode=mode), 2)


def test_a_profile_is_applied(tmp_path: Path) -> None:
    profile = build_profile(WIDE, lambda encoded: encoded**1.8)
    path, plain = save(tmp_path / "a.jpg", icc_profile=profile, progressive=True), save(tmp_path / "b.jpg")
    assert_crops_alike(path, 4)
    assert np.abs(decode_reduced(path, 4)[0].astype(int) - decode_reduced(plain, 4)[0]).mean() > 4


def test_the_sides_must_be_divisible_and_the_format_must_allow_it(tmp_path: Path) -> None:
    odd, png = tmp_path / "odd.jpg", tmp_path / "a.png"
    picture(1, 1204, 1002).save(odd)
    picture(1, 1600, 1200).save(png)
    assert [decode_reduced(odd, reduction)[1] for reduction in (1, 2, 4, 8)] == [1, 2, 2, 2]
    pixels, reduction = decode_reduced(png, 8)
    assert reduction == 1 and np.array_equal(pixels, decode(png))
    assert np.array_equal(decode_reduced(odd, 1)[0], decode(odd))


def test_a_damaged_photo_is_still_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.jpg")
    path.write_bytes(path.read_bytes()[:20_000])
    with pytest.raises(PhotoError):
        decode_reduced(path, 4)


@pytest.mark.parametrize("orientation", [1, 6])
@pytest.mark.parametrize("count", [1, 9])  # of few photos, more than the largest frame is cut
def test_validation_frames_are_cut_from_reduced_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int, orientation: int
) -> None:
    saved = save(tmp_path / "0.jpg", orientation)
    size = (WIDTH, HEIGHT) if orientation < 5 else (HEIGHT, WIDTH)
    for number in range(1, count):
        (tmp_path / f"{number}.jpg").write_bytes(saved.read_bytes())
    photos = [Photo(path, path.name, *size) for path in sorted(tmp_path.iterdir())]
    reductions: list[int] = []

    def reduced(path: Path, reduction: int) -> tuple[np.ndarray, int]:
        pixels, found = decode_reduced(path, reduction)
        reductions.append(found)
        return pixels, found

    def cut() -> list[Frame]:
        return validation_frames(photos, FrameSpec(120, 120, 2), seed=1)

    monkeypatch.setattr(frames, "decode_reduced", reduced)
    found = cut()
    monkeypatch.setattr(frames, "decode_reduced", lambda path, reduction: (decode(path), 1))
    expected = cut()
    assert reductions == ([4] * 9 if count == 9 else [1]), "the largest frame has 1200 / 240 = 5 pixels for one"
    for one, other in zip(found, expected):
        assert (one.left, one.top, one.name) == (other.left, other.top, other.name)
        assert_alike(one.hr, other.hr)
        assert_alike(one.thumbnail, other.thumbnail)
