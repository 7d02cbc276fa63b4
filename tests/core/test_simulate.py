"""Synthetic watch photos written to files: what is in them, what they are called, what is refused."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

pytest.importorskip("torch")

from tests.small_runs import picture
from trainer_core.data.captures import read_captures
from trainer_core.data.pyramid import enlarge, enlarge_part
from trainer_core.errors import UserError
from trainer_core.files import write_bytes
from trainer_core.tools import main
from trainer_core.verbs import simulate as simulate_module
from trainer_core.verbs.simulate import simulate


def photo(path: Path, seed: int = 0, width: int = 400, height: int = 320) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, width, height).save(path)
    return path


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines()[-1]


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
    assert isinstance(jpeg, JpegImageFile)
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


def test_each_color_frame_of_a_photo_comes_with_its_own_jpeg(tmp_path: Path) -> None:
    simulate([photo(tmp_path / "sea.png")], tmp_path / "out", camera="wqv10", scale=2, count=2)
    assert names_in(tmp_path / "out/lr") == ["sea_1.jpg", "sea_1.png", "sea_2.jpg", "sea_2.png"]
    for name in ("sea_1", "sea_2"):
        jpeg = pixels(tmp_path / f"out/lr/{name}.jpg")
        assert np.array_equal(pixels(tmp_path / f"out/lr/{name}.png"), jpeg)
    assert not np.array_equal(jpeg, pixels(tmp_path / "out/lr/sea_1.jpg"))
    assert names_in(tmp_path / "out/target") == ["sea_1.png", "sea_2.png"]


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


def test_a_photo_named_twice_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photo(tmp_path / "in/x.png")
    monkeypatch.chdir(tmp_path)
    done = simulate(["in", "in/x.png", "in/../in/x.png"], "out", camera="wqv1", scale=2)
    assert names_in(tmp_path / "out/lr") == ["x.png"] and len(done.written) == 2


def test_a_broken_photo_in_a_folder_that_is_named_besides_is_refused_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo(tmp_path / "in/x.png")
    (tmp_path / "in/bad.png").write_bytes(b"no picture")
    monkeypatch.chdir(tmp_path)
    done = simulate(["in", "in/bad.png"], "out", camera="wqv1", scale=2)
    assert [path.name for path, _ in done.refused] == ["bad.png"]


def test_copies_of_a_photo_in_a_folder_are_made_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for place in ("a/x.png", "b/x.png", "b/y.png"):
        photo(tmp_path / "in" / place)
    words = ["simulate", str(tmp_path / "in"), "-o", str(tmp_path / "out"), "--camera", "wqv1", "--scale", "2"]
    assert main(words) == 0
    assert names_in(tmp_path / "out/lr") == ["a_x.png", "b_x.png", "y.png"]
    assert "cannot be used" not in capsys.readouterr().err


def test_the_folder_of_the_photos_may_take_the_results(tmp_path: Path) -> None:
    photo(tmp_path / "sea.png", 1)
    photo(tmp_path / "deep/bee.png", 2)
    before = (tmp_path / "sea.png").read_bytes()
    for _ in range(2):
        done = simulate([tmp_path], tmp_path, camera="wqv10", scale=2)
        assert len(done.written) == 6 and not done.refused
    assert names_in(tmp_path / "lr") == ["bee.jpg", "bee.png", "sea.jpg", "sea.png"]
    assert names_in(tmp_path / "target") == ["bee.png", "sea.png"]
    assert (tmp_path / "sea.png").read_bytes() == before


def test_a_folder_of_results_that_is_named_itself_is_refused_with_the_reason(tmp_path: Path) -> None:
    photo(tmp_path / "lr/sea.png")
    done = simulate([tmp_path / "lr"], tmp_path, camera="wqv1", scale=2)
    assert "one of the photos" in done.refused[0][1] and not done.written


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


@pytest.mark.parametrize("bad", ["empty", "none.png"])
def test_a_folder_without_photos_or_a_missing_file_does_not_stop_the_others(tmp_path: Path, bad: str) -> None:
    (tmp_path / "empty").mkdir()
    done = simulate([tmp_path / bad, photo(tmp_path / "sea.png")], tmp_path / "out", camera="wqv1", scale=2)
    assert [path.name for path, _ in done.refused] == [bad] and len(done.written) == 2


def test_nothing_to_do_is_an_error_that_names_each_reason_and_makes_no_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"empty contains no files.* no file .*none\.png"):
        simulate([tmp_path / "empty", tmp_path / "none.png"], tmp_path / "out", camera="wqv1", scale=2)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        (["--count", "0"], "--count must be from 1 to 1000, not 0."),
        (["--count", "1001"], "--count must be from 1 to 1000, not 1001."),
        (["--seed", "-1"], "--seed must be from 0 to 2147483647, not -1."),
        (["--seed", "18446744073709551616"], "--seed must be from 0 to 2147483647, not 18446744073709551616."),
    ],
)
def test_numbers_out_of_their_limits_are_refused_in_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], option: list[str], sentence: str
) -> None:
    words = ["simulate", str(photo(tmp_path / "sea.png")), "-o", str(tmp_path / "out"), "--camera", "wqv1"]
    assert main([*words, "--scale", "2", *option]) == 2
    assert sentence in capsys.readouterr().err and not (tmp_path / "out").exists()


def test_the_largest_seed_of_the_training_is_taken(tmp_path: Path) -> None:
    done = simulate([photo(tmp_path / "x.png")], tmp_path / "out", camera="wqv10", scale=2, count=2, seed=2**31 - 1)
    assert len(done.written) == 6 and not done.refused


def test_of_a_panorama_no_more_is_enlarged_than_the_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    resize = Image.Image.resize

    def watched(image: Image.Image, size: tuple[int, int], *args: Any, **options: Any) -> Image.Image:
        assert size[0] * size[1] <= 960 * 960, f"enlarged to {size}"  # the whole of it would take 10 GB
        return resize(image, size, *args, **options)

    panorama = photo(tmp_path / "sea.png", 0, 30_000, 8)
    monkeypatch.setattr(Image.Image, "resize", watched)
    simulate([panorama], tmp_path / "out", camera="wqv1", scale=8, count=2)
    assert pixels(tmp_path / "out/target/sea_2.png").shape == (960, 960)


def test_a_part_enlarged_alone_is_that_part_of_the_whole_enlarged() -> None:
    clean = np.asarray(picture(3, 150, 40))
    for left, top, width, height in ((0, 0, 90, 96), (117, 5, 100, 60), (270, 0, 90, 96)):
        whole = enlarge(clean, 360, 96)[top : top + height, left : left + width]
        part = enlarge_part(clean, (360, 96), left, top, width, height)
        assert np.abs(whole.astype(int) - part).max() <= 2  # Pillow's rounding


def test_a_photo_is_never_overwritten(tmp_path: Path) -> None:
    inside = photo(tmp_path / "lr/sea.png")
    before = inside.read_bytes()
    done = simulate([inside], tmp_path, camera="wqv1", scale=2)
    assert "one of the photos" in done.refused[0][1] and inside.read_bytes() == before


def test_a_photo_is_not_removed_as_the_jpeg_of_an_earlier_run(tmp_path: Path) -> None:
    inside = photo(tmp_path / "lr/sea.jpg", 0, 176, 144)
    done = simulate([inside], tmp_path, camera="wqv1", scale=2)
    assert "one of the photos" in done.refused[0][1] and inside.exists()


@pytest.mark.parametrize(
    ("place", "camera"),
    [("lr/sea.png", "wqv1"), ("target/sea.png", "wqv1"), ("lr/sea.jpg", "wqv1"), ("lr/sea.jpg", "wqv10")],
)
def test_a_file_that_is_no_result_is_never_replaced(tmp_path: Path, place: str, camera: str) -> None:
    own = photo(tmp_path / "out" / place, 1, 176, 144)
    before = own.read_bytes()
    sea, bee = photo(tmp_path / "sea.png", 2), photo(tmp_path / "bee.png", 3)
    done = simulate([sea, bee], tmp_path / "out", camera=camera, scale=2)
    assert done.refused == [(sea, f"{own} already exists and was not made by this program. Choose another folder.")]
    assert own.read_bytes() == before and {path.stem for path in done.written} == {"bee"}


def test_a_second_run_replaces_its_files_and_says_so_and_touches_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    words = ["simulate", str(photo(tmp_path / "sea.png")), "-o", str(out), "--camera", "wqv10", "--scale", "2"]
    assert main(words) == 0 and last_line(capsys) == "wqv-upscale-tools: Files written: 3."
    foreign = [photo(out / place, 9) for place in ("lr/mine.png", "target/sea.jpg", "sea.png")]
    before, first = [path.read_bytes() for path in foreign], (out / "lr/sea.png").read_bytes()
    assert main([*words, "--seed", "5"]) == 0
    assert last_line(capsys) == "wqv-upscale-tools: Files written: 3, earlier files replaced: 3."
    assert [path.read_bytes() for path in foreign] == before and (out / "lr/sea.png").read_bytes() != first
    assert names_in(out / "lr") == ["mine.png", "sea.jpg", "sea.png"]


@pytest.mark.parametrize("camera", ["wqv1", "wqv10"])
def test_an_own_jpeg_beside_a_mono_frame_is_no_result(tmp_path: Path, camera: str) -> None:
    sea = photo(tmp_path / "sea.png")
    simulate([sea], tmp_path / "out", camera="wqv1", scale=2)
    own = photo(tmp_path / "out/lr/sea.jpg", 1, 176, 144)
    before = own.read_bytes()
    done = simulate([sea], tmp_path / "out", camera=camera, scale=2)
    assert done.refused == [(sea, f"{own} already exists and was not made by this program. Choose another folder.")]
    assert own.read_bytes() == before


def test_a_mono_frame_in_place_of_a_color_one_takes_the_jpeg_away(tmp_path: Path) -> None:
    sea, bee = photo(tmp_path / "sea.png", 1), photo(tmp_path / "bee.png", 2)
    simulate([sea, bee], tmp_path / "out", camera="wqv10", scale=2)
    foreign = photo(tmp_path / "out/lr/own.jpg", 3)
    done = simulate([sea, photo(tmp_path / "own.png")], tmp_path / "out", camera="wqv1", scale=2)
    assert names_in(tmp_path / "out/lr") == ["bee.jpg", "bee.png", "own.jpg", "own.png", "sea.png"]
    assert (done.replaced, done.removed) == (
        2,
        1,
    ) and "JPEG files of an earlier color simulation removed: 1" in done.format_summary()
    assert Image.open(foreign).size == (400, 320)


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


@pytest.mark.skipif(os.name == "nt", reason="links need a right on Windows")
def test_links_in_a_circle_are_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = photo(tmp_path / "in" / "sea.png").parent
    (folder / "a.png").symlink_to(folder / "b.png")
    (folder / "b.png").symlink_to(folder / "a.png")
    (folder / "again").symlink_to(folder)
    words = ["-o", str(tmp_path / "out"), "--camera", "wqv1", "--scale", "2"]
    assert main(["simulate", str(folder), *words]) == 2
    assert names_in(tmp_path / "out" / "lr") == ["sea.png"] and "a.png cannot be used" in capsys.readouterr().err
    for verb in (["simulate", str(folder / "a.png")], ["simulate", str(folder / "a.png" / "x")]):
        assert main([*verb, *words]) == 2 and "cannot be reached" in capsys.readouterr().err


def test_lack_of_memory_is_said_for_the_photo_and_the_others_are_simulated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = photo(tmp_path / "in" / "a.png").parent
    photo(folder / "b.png", seed=1)
    write = simulate_module._write_frame

    def hungry(*arguments: Any) -> list[Path]:
        if arguments[-1] == "a":
            raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory")
        return write(*arguments)

    monkeypatch.setattr(simulate_module, "_write_frame", hungry)
    assert main(["simulate", str(folder), "-o", str(tmp_path / "out"), "--camera", "wqv1", "--scale", "2"]) == 2
    error = capsys.readouterr().err
    assert f"There is not enough memory to simulate {folder / 'a.png'}." in error
    assert names_in(tmp_path / "out" / "lr") == ["b.png"]


@pytest.mark.parametrize("camera", ["wqv1", "wqv10"])
def test_a_full_disk_leaves_no_watch_photo_without_its_target(
    tmp_path: Path, camera: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = photo(tmp_path / "harbor.png"), tmp_path / "out"

    def fail_at_the_target(path: Path, content: bytes) -> None:
        if path.parent.name == "target":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write_bytes(path, content)

    monkeypatch.setattr(simulate_module, "write_bytes", fail_at_the_target)
    assert main(["simulate", str(source), "-o", str(out), "--camera", camera, "--scale", "4"]) != 0
    assert "No space left" in capsys.readouterr().err
    assert not names_in(out / "lr") and not names_in(out / "target")


def test_rounding_does_not_move_the_largest_frame_out_of_a_photo(tmp_path: Path) -> None:
    width, height = 800, 700
    assert width - 176 * 4 * (width / (176 * 4)) < 0 or height - 144 * 4 * (height / (144 * 4)) < 0
    done = simulate(
        [photo(tmp_path / "harbor.png", width=width, height=height)], tmp_path / "out", camera="wqv10", scale=4
    )
    assert done.written and not done.refused
