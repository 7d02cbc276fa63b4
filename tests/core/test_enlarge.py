"""Enlarging without a training: the photo chooses the model, its colors stay, the file says what made it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from tests.core.networks import network_of, saved
from tests.core.starter_files import make_starter, use_starters
from tests.small_runs import picture, watch_photo
from trainer_core.errors import UserError
from trainer_core.model.spec import NetworkSpec
from trainer_core.pixels import enlarge_bicubic, has_color
from trainer_core.starters.card import starter_name
from trainer_core.tools import main
from trainer_core.verbs.enlarge import enlarge
from trainer_core.verbs.mean_color import match_mean_color, mean_chroma
from trainer_core.verbs.mirroring import MIRRORS, average_mirrored, enlarge_mirrored
from trainer_core.verbs.picture_files import read_pictures
from trainer_core.verbs.upscale import Upscaler
from trainer_core.watches import WQV1, WQV10


@pytest.fixture
def starters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "starters"
    use_starters(monkeypatch, folder, "wqv1_x4", "wqv10_x4", "wqv1_x2")
    return folder


def color_photo(path: Path, seed: int = 1) -> Path:
    picture(seed).resize((176, 144)).save(path, quality=80)
    return path


def pixels_of(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def made_by(path: Path) -> str:
    return str(Image.open(path).text["Description"])  # type: ignore[attr-defined]


def test_only_results_of_this_program_are_replaced(starters: Path, tmp_path: Path) -> None:
    photo, other = watch_photo(tmp_path / "harbor.png"), color_photo(tmp_path / "garden.jpg")
    out = tmp_path / "out"
    out.mkdir()
    picture(7).save(out / "harbor.png")
    before = (out / "harbor.png").read_bytes()
    for _ in range(2):
        done = enlarge([photo, other], out, device="cpu")
        assert [path.name for path in done.written] == ["garden.png"], "a photo of its own, or an earlier result"
        assert len(done.refused) == 1 and "was not made by this program. Choose another" in done.refused[0][1]
    assert (out / "harbor.png").read_bytes() == before


def test_the_folder_with_the_photos_takes_no_results(starters: Path, tmp_path: Path) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    color_photo(folder / "garden.jpg")
    with pytest.raises(UserError, match=r"photos is the folder with the photos\. .* such as .*enlarged"):
        enlarge([folder], folder, device="cpu")
    assert [path.name for path in folder.iterdir()] == ["garden.jpg"]
    assert enlarge([folder], folder / "enlarged", device="cpu").written
    assert enlarge([folder / "garden.jpg"], folder, device="cpu").written, "a single photo may lie beside its result"


def test_each_photo_is_enlarged_by_the_model_of_its_watch(starters: Path, tmp_path: Path) -> None:
    mono, color = watch_photo(tmp_path / "harbor.png"), color_photo(tmp_path / "garden.jpg")
    done = enlarge([mono, color], tmp_path / "out", device="cpu")
    assert [path.name for path in done.written] == ["harbor.png", "garden.png"] and not done.refused
    assert done.notices == []
    by_mono = Upscaler(starters / "wqv1_x4_starter.pth", device="cpu")
    levels = np.repeat(np.asarray(Image.open(mono))[..., None], 3, axis=2)
    assert np.array_equal(pixels_of(done.written[0]), by_mono(levels))
    assert pixels_of(done.written[1]).shape == (4 * 144, 4 * 176, 3)
    assert made_by(done.written[0]).startswith("Enlarged x4 by wqv1_x4_starter (RRDB x4 8/1/8, step 7, gray only), wqv")
    assert made_by(done.written[1]).startswith("Enlarged x4 by wqv10_x4_starter (RRDB x4 8/1/8, step 7), wqv")
    text = Image.open(done.written[1]).text  # type: ignore[attr-defined]
    assert (text["Title"], text["Source"], text["Software"]) == ("garden", "garden.jpg", "wqv-upscale result")
    assert len(text["Model SHA-256"]) == 64


@pytest.fixture
def watch_files(tmp_path: Path) -> Path:
    """A folder with a watch photo, a dump of two and a Palm database of two, all of one gray but the first."""
    folder = tmp_path / "watch"
    watch_photo(folder / "a.png")
    codes = bytes([0x99]) * 7200
    (folder / "dump.bin").write_bytes(2 * (b"title".ljust(24, b" ") + struct.pack("5B", 1, 2, 3, 4, 5) + codes))
    record = b"title".ljust(26, b"\0") + struct.pack(">IHHH", 3_000_000_000, 0, 7200, 800) + codes + bytes(800)
    header = b"WQVLinkDB".ljust(60, b"\0") + b"DATACASI" + bytes(8) + struct.pack(">H", 2)
    places = [78 + 2 * 8 + 2 + number * len(record) for number in range(2)]
    table = b"".join(struct.pack(">II", place, 0x40 << 24) for place in places)
    (folder / "link.pdb").write_bytes(header + table + b"\0\0" + 2 * record)
    return folder


def test_folders_dumps_and_palm_databases_are_enlarged_with_progress(
    starters: Path, watch_files: Path, tmp_path: Path
) -> None:
    reports: list[tuple[int, int, str, int, int]] = []
    done = enlarge([watch_files], tmp_path / "out", device="cpu", progress=lambda *report: reports.append(report))
    names = ["a", "dump_001", "dump_002", "link_001", "link_002"]
    assert [path.name for path in done.written] == [f"{name}.png" for name in names]
    assert reports == [(number, 3, name, 1, 1) for number, name in zip((1, 2, 2, 3, 3), names)]
    gray = Upscaler(starters / "wqv1_x4_starter.pth", device="cpu")(np.full((120, 120, 3), 255 - 17 * 9, np.uint8))
    assert not done.notices and all(np.array_equal(pixels_of(path), gray) for path in done.written[1:])
    assert all("by wqv1_x4_starter" in made_by(path) for path in done.written)


def test_the_command_prints_progress_on_a_terminal(
    starters: Path,
    watch_files: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    assert main(["enlarge", str(watch_files), "-o", str(tmp_path / "out"), "--device", "cpu"]) == 0
    lines = capsys.readouterr().err.split("\r")[1:]
    shown = ("1 of 3, a", "2 of 3, dump_001", "2 of 3, dump_002", "3 of 3, link_001", "3 of 3, link_002")
    assert [line.splitlines()[0].rstrip() for line in lines] == [f"{text}: 1/1" for text in shown]


def test_the_watch_of_other_pictures_follows_from_their_content(tmp_path: Path) -> None:
    color = np.asarray(picture(3, 200, 150))
    gray = np.asarray(picture(3, 200, 150).convert("L").convert("RGB"))
    tinted = np.clip(gray + np.array([5, 0, -5]), 0, 255).astype(np.uint8)
    for name, pixels, watch in (("a", color, WQV10), ("b", gray, WQV1), ("c", tinted, WQV1)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
        (found,) = read_pictures(tmp_path / f"{name}.png")
        assert (found.watch, found.is_capture) == (watch, False), name
    (found,) = read_pictures(watch_photo(tmp_path / "d.png"))
    assert (found.watch, found.is_capture) == (WQV1, True)


def test_pictures_that_no_watch_took_are_named(starters: Path, tmp_path: Path) -> None:
    picture(3, 60, 40).save(tmp_path / "a.png")
    (notice,) = enlarge([tmp_path / "a.png"], tmp_path / "out", device="cpu").notices
    assert notice.startswith("a does not come unchanged from a watch")


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_color_photos_keep_their_mean_colors(mode: str, starters: Path, tmp_path: Path) -> None:
    pale = np.asarray(picture(5, 176, 144).convert(mode).convert("RGB")) // 2 + np.array([60, 20, 100], np.uint8)
    pale[:40] = [255, 250, 0]  # a saturated part, which cannot be shifted
    Image.fromarray(pale).save(tmp_path / "a.png")
    starter = Upscaler(starters / "wqv10_x4_starter.pth", device="cpu")
    assert np.abs(mean_chroma(starter(pale)) - mean_chroma(pale)).max() > 1.5
    (written,) = enlarge([tmp_path / "a.png"], tmp_path / "out", device="cpu").written
    assert np.abs(mean_chroma(pixels_of(written)) - mean_chroma(pale)).max() <= 1.0


def test_matching_the_mean_color_changes_nothing_that_matches() -> None:
    photo = np.asarray(picture(4, 60, 40))
    result = enlarge_bicubic(photo, 4)
    assert match_mean_color(result, photo) is result


def test_a_missing_scale_is_computed_from_another_one(starters: Path, tmp_path: Path) -> None:
    mono, color = watch_photo(tmp_path / "a.png"), color_photo(tmp_path / "b.jpg")
    done = enlarge([mono, color], tmp_path / "out", scale=2, device="cpu")
    assert done.notices == [
        "There is no built-in model for the color watch at x2; the results are those of wqv10_x4_starter, resized."
    ]
    assert made_by(done.written[0]).startswith("Enlarged x2 by wqv1_x2_starter")
    assert made_by(done.written[1]).startswith("Enlarged x2 by wqv10_x4_starter")
    large = enlarge([color], tmp_path / "x4", device="cpu").written[0]
    halves = pixels_of(large).astype(float).reshape(144 * 2, 2, 176 * 2, 2, 3).mean((1, 3))
    assert np.abs(halves - pixels_of(done.written[1])).mean() < 0.6
    (huge,) = enlarge([mono], tmp_path / "x8", scale=8, device="cpu").written
    assert pixels_of(huge).shape == (960, 960, 3) and "by wqv1_x4_starter" in made_by(huge)


def test_a_watch_without_a_model_is_named_and_the_others_are_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x4")
    files = [color_photo(tmp_path / "b.jpg"), watch_photo(tmp_path / "a.png")]
    done = enlarge(files, tmp_path / "out", device="cpu")
    assert [path.name for path in done.written] == ["a.png"]
    ((file, reason),) = done.refused
    assert file.name == "b.jpg" and "no built-in model for the color watch (WQV-3, WQV-10) at x4" in reason
    assert enlarge(files[:1], tmp_path / "none", device="cpu").refused
    assert not (tmp_path / "none").exists(), "nothing was written there"
    (tmp_path / "mine").mkdir()
    assert enlarge(files[:1], tmp_path / "mine", device="cpu").refused and (tmp_path / "mine").is_dir()
    use_starters(monkeypatch, tmp_path / "empty")
    with pytest.raises(UserError, match=r"no built-in models\. Choose .* your own\. Name it with --model"):
        enlarge(files, tmp_path / "out2", device="cpu")
    assert not (tmp_path / "out2").exists()


def test_another_model_enlarges_all_photos(starters: Path, tmp_path: Path) -> None:
    own = saved(network_of(NetworkSpec(2, 8, 1, 8)), tmp_path / "own_x2.pth")
    files = [color_photo(tmp_path / "b.jpg"), watch_photo(tmp_path / "a.png")]
    done = enlarge(files, tmp_path / "out", model=own, device="cpu")
    assert [pixels_of(path).shape for path in done.written] == [(288, 352, 3), (240, 240, 3)]
    assert made_by(done.written[0]).startswith("Enlarged x2 by own_x2 (RRDB x2 8/1/8), wqv-upscale-trainer ")
    with pytest.raises(UserError, match=r"own_x2\.pth enlarges x2, not x4\. Omit --scale, or choose another model"):
        enlarge(files, tmp_path / "out", model=own, scale=4, device="cpu")
    with pytest.raises(UserError, match=r"Omit --best or --model"):
        enlarge(files, tmp_path / "out", model=own, best=True, device="cpu")
    (gray,) = enlarge(
        files[:1], tmp_path / "out", model=starters / f"{starter_name(WQV1, 4)}.pth", device="cpu"
    ).notices
    assert gray == "wqv1_x4_starter is a gray model; it turned 1 color photo gray."


def test_a_gray_photo_stays_gray_with_a_color_model_and_the_notice_says_so(starters: Path, tmp_path: Path) -> None:
    own = saved(network_of(NetworkSpec(2, 8, 1, 8)), tmp_path / "own_x2.pth")
    files = [watch_photo(tmp_path / "a.png"), color_photo(tmp_path / "b.jpg")]
    done = enlarge(files, tmp_path / "out", model=own, device="cpu")
    assert [has_color(pixels_of(path)) for path in done.written] == [False, True]
    assert done.notices[0].startswith("1 gray photo stays gray: own_x2 is a color model")


def test_best_averages_what_the_card_names(starters: Path, tmp_path: Path) -> None:
    make_starter(starters, mono=False, scale=4, mirrors=["horizontal", "both_parity"])
    mono, color = watch_photo(tmp_path / "a.png"), color_photo(tmp_path / "b.jpg")
    reports: list[Any] = []
    done = enlarge([mono, color], tmp_path / "out", best=True, device="cpu", progress=lambda *r: reports.append(r[3:]))
    assert done.notices == ["Averaging mirrored photos does not help wqv1_x4_starter: --best has no effect on it."]
    assert "averaged with 2 mirrored" in made_by(done.written[1])
    assert reports == [(1, 1), (1, 3), (2, 3), (3, 3)]
    starter, pixels = Upscaler(starters / "wqv10_x4_starter.pth", device="cpu"), pixels_of(color)
    results = [starter(pixels), starter(pixels[:, ::-1].copy())[:, ::-1]]
    longer = np.pad(pixels, ((0, 1), (0, 1), (0, 0)), mode="edge")
    results.append(starter(longer[::-1, ::-1].copy())[::-1, ::-1][: 144 * 4, : 176 * 4])
    mean = np.mean([result.astype(float) for result in results], axis=0)
    matched = match_mean_color((mean + 0.5).astype(np.uint8), pixels)
    assert np.abs(matched.astype(int) - pixels_of(done.written[1])).max() <= 1


@pytest.mark.parametrize("name", MIRRORS)
def test_a_mirrored_picture_comes_back_in_place_with_its_parity_kept(name: str) -> None:
    photo = np.asarray(picture(6, 36, 24))
    mirror = MIRRORS[name]
    given: list[np.ndarray] = []

    def repeat(pixels: np.ndarray) -> np.ndarray:
        given.append(pixels)
        return pixels.repeat(4, 0).repeat(4, 1)

    result = enlarge_mirrored(repeat, photo, mirror)[:96, :144]
    assert np.array_equal(result, photo.repeat(4, 0).repeat(4, 1))
    assert np.array_equal(average_mirrored(repeat, photo, [name]), result)
    first = [int(mirror.keeps_parity and axis in mirror.axes) for axis in (0, 1)]
    last = [side - 1 if axis in mirror.axes else 0 for axis, side in enumerate(photo.shape[:2])]
    assert np.array_equal(given[0][first[0], first[1]], photo[last[0], last[1]])  # odd places stay odd


def test_photos_are_never_overwritten(starters: Path, tmp_path: Path) -> None:
    photo = watch_photo(tmp_path / "a.png")
    before = photo.read_bytes()
    done = enlarge([photo], tmp_path, device="cpu")
    assert not done.written and "one of the photos to enlarge" in done.refused[0][1]
    assert photo.read_bytes() == before


def test_the_command_enlarges_and_says_what_it_could_not(
    starters: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photo = watch_photo(tmp_path / "a.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n nothing")
    words = [str(photo), "-o", str(tmp_path / "out"), "--device", "cpu", "--scale", "2"]
    assert main(["enlarge", *words]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(tmp_path / "out" / "a.png")]
    assert err.endswith("Photos enlarged: 1 by wqv1_x2_starter.\n")
    assert main(["enlarge", str(tmp_path / "broken.png"), *words]) == 2
    out, err = capsys.readouterr()
    assert out.splitlines() == [str(tmp_path / "out" / "a.png")] and "broken.png" in err
    assert err.endswith("Photos enlarged: 1 by wqv1_x2_starter.\n")
    assert main(["enlarge", str(tmp_path / "broken.png"), *words[1:]]) == 2
    assert capsys.readouterr().err.endswith("Photos enlarged: 0.\n")
    with pytest.raises(SystemExit):
        main(["enlarge", *words[:-1], "3"])
