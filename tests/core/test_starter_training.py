"""The command that makes starters: trains, measures, writes model and card, and continues from what is there."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")

from benchmarks import starter_best, starter_frames, starter_release, starter_variants, starters
from tests.core.starter_files import make_starter
from tests.small_runs import make_photos
from trainer_core.data.photos import scan_photos
from trainer_core.pixels import enlarge_bicubic
from trainer_core.starters import registry
from trainer_core.starters.card import read_card
from trainer_core.verbs.mirroring import average_mirrored
from trainer_core.verbs.upscale import Upscaler
from trainer_core.watches import WQV1, WQV10
from trainer_core.weights.container.reader import open_weights
from trainer_core.weights.rrdb.dialects import identify

SMALL = ("--batch-size", "1", "--patch-size", "16", "--no-amp", "--threads", "1", "--max-minutes", "0.04")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of starters, few frames and small scenes."""
    monkeypatch.setattr(registry, "FOLDER", tmp_path)
    monkeypatch.setattr(starters, "VAL_SCENES", 1)
    monkeypatch.setattr(starter_frames, "TEST_SCENES", 1)
    monkeypatch.setattr(starter_release, "_MIRROR_SETS", (("horizontal",),))
    return tmp_path


def test_a_starter_is_trained_and_continued_with_an_honest_card(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    photos = make_photos(tmp_path / "photos", 2)
    others = make_photos(tmp_path / "others", 2, width=230)
    words = ["wqv1_x2", "--work", str(tmp_path / "work"), "--force", "--measure", "two pictures", str(others)]
    training = ["train", *words, "--minutes", "9", "--scenes", "2", "--photos", "two free pictures", str(photos)]
    assert starters.main([*training, "--network", "8", "1", "8", "--", *SMALL]) == 0
    starter = read_card(folder / "wqv1_x2_starter.json")
    found = identify(open_weights(starter.path))
    links = list((tmp_path / "work" / "wqv1_x2" / "photos").rglob("*.png"))
    assert len(links) == 5 and all(link.is_symlink() for link in links)
    assert starter.is_intact and found.spec == starter.spec and starter.spec.num_feat == 8
    card = starter.card
    (first,) = card["sessions"]
    assert first["started_from"] is None and card["steps"] == first["steps"] > 0 and card["seconds"] > 0
    assert card["trained_on"] == ["2 built-in scenes of seed 7", "two free pictures"]
    assert first["options"] == {
        "minutes": 9,
        "scenes": 2,
        "variants": 0,
        "photos": ["two free pictures"],
        "start": "present",
        "network": [8, 1, 8],
        "trainer": list(SMALL),
    }
    assert str(tmp_path) not in json.dumps(card)
    assert card["license"] == "Apache-2.0" and card["bytes"] == starter.path.stat().st_size
    frames_of = [figures.frames for figures in starter.measured]
    assert frames_of == ["1 built-in scene of seed 92", "8 frames of two pictures"]
    frames = starter_frames.scene_frames(starter.watch, 2, count=1)
    again = frames.measure(Upscaler(starter.path, device="cpu"))
    assert again.psnr == pytest.approx(starter.measured[0].psnr, abs=0.01)

    assert starters.main([*training, "--scenes", "0", "--", *SMALL]) == 0
    card = read_card(folder / "wqv1_x2_starter.json").card
    assert len(list((tmp_path / "work" / "wqv1_x2" / "photos" / "train").iterdir())) == 2
    assert card["sessions"][1]["trained_on"] == ["two free pictures"]
    options = {**first["options"], "scenes": 0, "network": None}
    assert card["sessions"][1]["options"] == options
    assert card["sessions"][0] == first and card["sessions"][1]["started_from"]["sha256"] == starter.sha256
    assert card["steps"] == sum(session["steps"] for session in card["sessions"])
    stored = json.loads((tmp_path / "work" / "wqv1_x2" / "run" / "training_config.json").read_text("utf-8"))
    assert stored["warm_start"]["function_kept"] and stored["num_feat"] == 8

    before = read_card(folder / "wqv1_x2_starter.json").card
    assert starters.main(["release", *words]) == 0  # the same run again: no new session
    assert read_card(folder / "wqv1_x2_starter.json").card["sessions"] == before["sessions"]
    words.remove("--force")
    assert starters.main(["release", *words]) == 1
    assert "The present wqv1_x2_starter.pth reaches" in capsys.readouterr().err


def test_a_continued_training_has_the_options_of_its_first_command_but_minutes_and_words_for_the_trainer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[list[str]] = []

    def train(words: list[str]) -> int:
        passed.append(words)
        return 0

    def gather(given: argparse.Namespace, folder: Path) -> None:
        gathered.append(folder)

    gathered: list[Path] = []
    monkeypatch.setattr("trainer_core.cli.main", train)
    monkeypatch.setattr(starters, "_gather_photos", gather)
    monkeypatch.setattr(starters, "is_ended", lambda workspace, step: False)
    words = ["train", "wqv1_x2", "--work", str(tmp_path), "--start", "nothing", "--scenes", "40", "--minutes"]
    first = starters._parser().parse_args([*words, "20", "--network", "16", "2", "8", "--photos", "a set", "A"])
    more = ["--camera-profile", str(tmp_path / "mine.json"), f"--model-name={tmp_path / 'x'}", "--lr", "1e-3"]
    assert starters.train(first, WQV1, 2, more) == 0 and gathered == [tmp_path / "wqv1_x2" / "photos"]
    record = tmp_path / "wqv1_x2" / "session.json"
    begun = json.loads(record.read_text("utf-8"))
    assert begun["options"] == {
        "minutes": 20,
        "scenes": 40,
        "variants": 0,
        "photos": ["a set"],
        "start": "nothing",
        "network": [16, 2, 8],
        "trainer": ["--camera-profile", "mine.json", "--model-name=x", "--lr", "1e-3"],
    }
    monkeypatch.setattr(starters, "list_checkpoints", lambda workspace: [(7, tmp_path)])
    again = starters._parser().parse_args(
        ["train", "wqv1_x2", "--work", str(tmp_path), "--variants", "3", "--minutes", "30", "--photos", "others", "B"]
    )
    expected = {**begun["options"], "minutes": 30}
    for further, recorded in ((more, []), ([], []), (["--lr", "1e-4"], ["--lr", "1e-4"])):
        assert starters.train(again, WQV1, 2, further) == 0 and passed[-1][-2:] == ["--resume", "latest"]
        options = {**expected, "trainer": [*expected["trainer"], *recorded]}
        assert json.loads(record.read_text("utf-8")) == {**begun, "options": options}
    assert len(gathered) == 1 and passed[0][0] == passed[-1][0]

    old = {"started_from": None, "trained_on": ["40 scenes"]}
    record.write_text(json.dumps(old), encoding="utf-8")  # of an older program
    assert starters.train(again, WQV1, 2, more) == 0 and json.loads(record.read_text("utf-8")) == old


def test_the_material_is_named_with_its_variants() -> None:
    words = ["train", "wqv1_x2", "--work", "W", "--minutes", "1", "--photos", "a set", "A", "--photos", "another", "B"]
    given = starters._parser().parse_args([*words, "--scenes", "20"])
    assert starters._describe_material(given) == ["20 built-in scenes of seed 7", "a set", "another"]
    given = starters._parser().parse_args([*words, "--scenes", "0", "--variants", "12"])
    assert starters._describe_material(given) == ["a set, and 12 variants of each", "another, and 12 variants of each"]


def test_photos_gain_variants_that_show_the_same_picture(folder: Path, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", 2, width=230)
    words = ["train", "wqv1_x2", "--work", str(tmp_path), "--minutes", "1", "--variants", "3", "--scenes", "1"]
    given = starters._parser().parse_args([*words, "--photos", "two pictures", str(photos)])
    source = tmp_path / "source"
    starters._gather_photos(given, source)
    names = sorted(path.name for path in (source / "train").iterdir())
    assert len(names) == 1 + 2 * (1 + 3) and len(set(names)) == len(names)
    variants = sorted((tmp_path / "variants").iterdir())
    stamps = [path.stat().st_mtime_ns for path in variants]
    starters._gather_photos(given, source)
    assert [path.stat().st_mtime_ns for path in variants] == stamps and len(stamps) == 6


def test_a_variant_belongs_to_one_photo_whatever_its_name_and_place(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("first", "second", "both")]
    for folder, pictures in zip(folders, ({"a.png": 40}, {"a.bmp": 200}, {"a.bmp": 200, "a.png": 40})):
        folder.mkdir()
        for name, gray in pictures.items():
            Image.new("RGB", (230, 200), (gray,) * 3).save(folder / name)

    def write(folder: Path) -> list[Path]:
        return starter_variants.write_variants(scan_photos(folder).photos, tmp_path / "variants", 1, seed=7)

    dark, light = (write(folder)[0] for folder in folders[:2])
    assert [np.asarray(Image.open(path)).mean() < 128 for path in (dark, light)] == [True, False]
    before = dark.read_bytes()
    assert sorted(write(folders[2])) == sorted([dark, light])
    dark.unlink()
    write(folders[2])  # second here, first in its own folder
    assert dark.read_bytes() == before


@pytest.mark.parametrize("seed", range(4))
def test_a_variant_is_turned_and_reduced_without_black_corners(seed: int) -> None:
    flat = np.full((200, 300, 3), 90, np.uint8)
    varied = starter_variants._vary(flat, np.random.default_rng(seed))
    assert varied.shape[0] == varied.shape[1] <= 200 / 1.1 and varied.shape[0] > 200 / 1.42 / 1.41
    assert np.ptp(varied) <= 1  # no black corner, and the same exposure in all places
    edge = np.zeros((200, 200, 3), np.uint8)
    edge[:100] = 255
    first, second = (starter_variants._vary(edge, np.random.default_rng(number)) for number in (seed, seed + 100))
    heights = [np.argmin(varied[:, [3, -4], 0], axis=0) for varied in (first, second)]  # of the edge, left and right
    assert all(abs(int(left) - int(right)) > 1 for left, right in heights) and first.shape != second.shape


def test_a_start_from_another_model_says_what_that_was_trained_on(folder: Path, tmp_path: Path) -> None:
    free, other = ["40 scenes"], ["20 photos"]
    first = {"run": "a", "started_from": None, "trained_on": free, "steps": 1}
    card = {"sha256": "1", "sessions": [first]}
    again = {"run": "b", "started_from": {"sha256": "1", "trained_on": free}, "trained_on": other, "steps": 2}
    foreign = {"run": "c", "started_from": {"sha256": "2", "trained_on": ["paintings"]}, "trained_on": free}
    assert starter_release._add_session(card, again) == [first, again]
    assert starter_release._add_session({**card, "sessions": [first, again]}, {**again, "steps": 3})[1]["steps"] == 3
    assert starter_release._add_session(card, foreign) == [foreign]
    assert starter_release._list_material([first, again]) == ["40 scenes", "20 photos"]
    assert starter_release._list_material([foreign]) == ["paintings", "40 scenes"]
    model = make_starter(tmp_path / "elsewhere" / "run" / "models", mono=True, scale=2)
    given = argparse.Namespace(name="wqv1_x4", start=str(model))
    with pytest.raises(SystemExit, match=r"Nothing says what .*wqv1_x2_starter.pth was trained on"):
        starters._find_start(given)
    (tmp_path / "elsewhere" / "session.json").write_text(json.dumps(first), encoding="utf-8")
    assert starters._find_start(given) == (model, ["40 scenes"])


def test_photos_of_the_training_are_not_measured_on(folder: Path, tmp_path: Path) -> None:
    make_photos(tmp_path / "work" / "wqv1_x2" / "photos" / "train", 2)
    seen = make_photos(tmp_path / "copies", 1)
    given = argparse.Namespace(work=tmp_path / "work", name="wqv1_x2", measure=[("a copy", str(seen))])
    with pytest.raises(SystemExit, match=r"Photos of a copy are among those it was trained on"):
        starters._frames(given, WQV1, 2)


def test_frames_are_measured_beside_bicubic_enlargement() -> None:
    frames = starter_frames.scene_frames(WQV10, 4, count=1)
    bicubic = frames.measure(lambda photo: enlarge_bicubic(photo, 4))
    assert bicubic.gain == pytest.approx(0, abs=1e-3) and bicubic.ssim == pytest.approx(bicubic.bicubic_ssim, abs=1e-3)
    flat = frames.measure(lambda photo: np.full((photo.shape[0] * 4, photo.shape[1] * 4, 3), 128, np.uint8))
    assert flat.gain < 0 and flat.scenes_seed == 92


def test_what_best_adds_is_measured_with_the_mirrored_inputs_of_each_card(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    mono = make_starter(folder, mono=True, scale=2, mirrors=["horizontal"])
    make_starter(folder, mono=False, scale=4)
    photos = make_photos(tmp_path / "photos", 2, width=230)
    monkeypatch.setattr("sys.argv", ["starter_best", "--measure", "two pictures", str(photos)])
    starter_best.main()
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines() if line.startswith("| `")]
    assert [row[:3] for row in rows] == [
        ["`wqv1_x2_starter`", "horizontal", "1 built-in scene of seed 92"],
        ["`wqv1_x2_starter`", "horizontal", "8 frames of two pictures"],
        ["`wqv10_x4_starter`", "none", "1 built-in scene of seed 92"],
        ["`wqv10_x4_starter`", "none", "8 frames of two pictures"],
    ]
    upscaler, frames = Upscaler(mono, device="cpu"), starter_frames.scene_frames(WQV1, 2, count=1)
    before = frames.measure(upscaler)
    after = frames.measure(lambda photo: average_mirrored(upscaler, photo, ["horizontal"]))
    assert after.psnr != before.psnr
    assert [row.split(" dB")[0] for row in rows[0][3:]] == [
        f"{value:+.3f}" for value in (before.gain, after.gain, after.psnr - before.psnr)
    ]
