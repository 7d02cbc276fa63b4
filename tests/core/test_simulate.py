"""Synthetic watch photos written to files: what is in them, what they are called, what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from tests.small_runs import picture
from trainer_core.data.captures import read_captures
from trainer_core.errors import UserError
from trainer_core.simulate import simulate
from trainer_core.tools import main


def photo(path: Path, seed: int = 0, width: int = 400, height: int = 320) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, width, height).save(path)
    return path


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_a_mono_frame_has_the_watchs_size_and_levels_and_a_target_of_the_scale(tmp_path: Path) -> None:
    done = simulate([photo(tmp_path / "sea.png")], tmp_path / "out", camera="wqv1", scale=2)
    lr, target = pixels(tmp_path / "out/lr/sea.png"), pixels(tmp_path / "out/target/sea.png")
    assert [path.name for path in done.written] == ["sea.png", "sea.png"]
    assert lr.shape == (120, 120) and lr.dtype == np.uint8 and not (lr % 17).any() and len(np.unique(lr)) > 4
    assert target.shape == (240, 240) and len(np.unique(target)) > 16
    coarse = target.reshape(120, 2, 120, 2).mean((1, 3))
    assert np.corrcoef(coarse.ravel(), lr.ravel())[0, 1] > 0.9
    assert read_captures(tmp_path / "out/lr/sea.png")[0].kind == "mono"


def test_a_color_frame_comes_as_the_watchs_jpeg_and_decoded(tmp_path: Path) -> None:
    simulate([photo(tmp_path / "sea.png")], tmp_path / "out", camera="wqv10", scale=2)
    jpeg = Image.open(tmp_path / "out/lr/sea.jpg")
    assert jpeg.size == (176, 144)
    assert jpeg.quantization[0][0] == 8 and jpeg.quantization[0][63] == 65  # the watch's table, not an IJG one
    assert np.array_equal(pixels(tmp_path / "out/lr/sea.png"), np.asarray(jpeg))
    assert pixels(tmp_path / "out/target/sea.png").shape == (288, 352, 3)


def test_a_photo_gives_the_same_frames_wherever_it_lies(tmp_path: Path) -> None:
    here, there = photo(tmp_path / "one" / "bee.png"), photo(tmp_path / "two" / "deep" / "bee.png")
    simulate([here], tmp_path / "a", camera="wqv1", scale=2, count=2)
    simulate([there], tmp_path / "b", camera="wqv1", scale=2, count=2)
    for name in ("lr/bee_1.png", "lr/bee_2.png", "target/bee_2.png"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_the_same_seed_repeats_a_photo_whatever_else_is_simulated(tmp_path: Path) -> None:
    one, other = photo(tmp_path / "in/one.png", 1), photo(tmp_path / "in/other.png", 2)
    simulate([one], tmp_path / "a", camera="wqv1", scale=2, seed=7)
    simulate([other, one], tmp_path / "b", camera="wqv1", scale=2, seed=7)
    simulate([one], tmp_path / "c", camera="wqv1", scale=2, seed=8)
    assert (tmp_path / "a/lr/one.png").read_bytes() == (tmp_path / "b/lr/one.png").read_bytes()
    assert not np.array_equal(pixels(tmp_path / "a/lr/one.png"), pixels(tmp_path / "c/lr/one.png"))


def test_several_frames_of_a_photo_differ(tmp_path: Path) -> None:
    simulate([photo(tmp_path / "sea.png")], tmp_path / "out", camera="wqv1", scale=2, count=3)
    names = sorted(path.name for path in (tmp_path / "out/target").iterdir())
    assert names == ["sea_1.png", "sea_2.png", "sea_3.png"]
    frames = [pixels(tmp_path / "out/target" / name) for name in names]
    assert not np.array_equal(frames[1], frames[0]) and not np.array_equal(frames[1], frames[2])


def test_names_that_clash_get_their_folder_and_nothing_is_lost(tmp_path: Path) -> None:
    files = [photo(tmp_path / place, seed) for seed, place in enumerate(("a/x.png", "b/X.png", "b/x.bmp", "b/y.png"))]
    simulate([tmp_path / "a", *files[1:]], tmp_path / "out", camera="wqv1", scale=2)
    names = sorted(path.name for path in (tmp_path / "out/lr").iterdir())
    assert names == ["a_x.png", "b_X.png", "b_x-2.png", "y.png"]


def test_a_folder_is_searched_but_not_the_results_in_it(tmp_path: Path) -> None:
    photo(tmp_path / "in/deep/sea.png")
    for _ in range(2):
        done = simulate([tmp_path / "in"], tmp_path / "in/out", camera="wqv1", scale=2)
    assert len(done.written) == 2


def test_a_small_photo_is_enlarged_and_that_is_said(tmp_path: Path) -> None:
    done = simulate([photo(tmp_path / "tiny.png", 0, 90, 200)], tmp_path / "out", camera="wqv1", scale=4)
    assert len(done.notices) == 1 and "enlarged" in done.notices[0]
    assert pixels(tmp_path / "out/target/tiny.png").shape == (480, 480)


def test_a_broken_file_is_refused_and_the_others_are_made(tmp_path: Path) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    done = simulate([tmp_path / "bad.png", photo(tmp_path / "sea.png")], tmp_path / "out", camera="wqv1", scale=2)
    assert [path.name for path, _ in done.refused] == ["bad.png"] and len(done.written) == 2


def test_a_photo_is_never_overwritten(tmp_path: Path) -> None:
    inside = photo(tmp_path / "lr/sea.png")
    before = inside.read_bytes()
    done = simulate([inside], tmp_path, camera="wqv1", scale=2)
    assert "one of the photos" in done.refused[0][1] and inside.read_bytes() == before


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no file"):
        simulate([tmp_path / "none.png"], tmp_path / "out", camera="wqv1", scale=2)


def test_the_verb_prints_what_it_wrote_and_fails_for_what_it_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["simulate", "-o", str(tmp_path / "out"), "--camera", "wqv1", "--scale", "2"]
    assert main([*words, str(photo(tmp_path / "sea.png"))]) == 0
    assert str(tmp_path / "out" / "lr" / "sea.png") in capsys.readouterr().out
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert main([*words, str(tmp_path / "bad.png")]) == 2
    assert "bad.png" in capsys.readouterr().err
