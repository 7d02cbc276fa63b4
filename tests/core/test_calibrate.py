"""A profile fitted to captures: it comes closer to them, and what cannot be fitted is refused with the reason."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

from tests.small_runs import make_photos, picture
from trainer_core.calibration.calibrate import calibrate
from trainer_core.calibration.captures import MIN_CAPTURES
from trainer_core.calibration.clean_frames import MIN_PHOTOS, cut_clean_frame
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera import CameraProfile, build_camera
from trainer_core.errors import UserError
from trainer_core.tools import main

NOISY = {
    "mono": {"noise": (0.25, 0.3), "gain": (2.5, 3.0), "psf_v": (1.5, 1.6), "sharpen_h": (0.2, 0.25)},
    "color": {"noise": (0.8, 1.0), "gain": (0.9, 1.0)},
}


def captures_in(folder: Path, kind: str, count: int = MIN_CAPTURES) -> Path:
    """Photos of a noisy watch of this kind, as files."""
    folder.mkdir(exist_ok=True)
    profile = CameraProfile.builtin("wqv1" if kind == "mono" else "wqv10")
    profile = dataclasses.replace(profile, ranges={**profile.ranges, **NOISY[kind]})
    camera = build_camera(profile, 2)
    frames = np.stack([cut_clean_frame(np.asarray(picture(50 + n, 420, 340)), camera, 5, n) for n in range(count)])
    for number, pixels in enumerate(simulate_photos(profile, frames, 2, 6)):
        Image.fromarray(pixels).save(folder / f"{kind}{number:02d}.png")
    return folder


@pytest.fixture(scope="module")
def mono(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return captures_in(tmp_path_factory.mktemp("mono"), "mono")


def test_a_mono_watch_is_recognized_and_its_profile_comes_closer(mono: Path, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", 16, width=420, height=340)
    calls: list[int] = []
    done = calibrate(
        [mono], tmp_path / "watch.json", photos=photos, frames=16, candidates=60, progress=lambda n, *_: calls.append(n)
    )
    written = CameraProfile.load(tmp_path / "watch.json")
    assert written == done.profile and (written.kind, written.name) == ("mono", "watch")
    assert done.captures == MIN_CAPTURES and calls[-1] == 60
    assert done.fitted.total < 0.95 * done.builtin.total
    text = done.format_table()
    assert "built-in wqv1" in text and "fitted watch" in text and f"{done.fitted.distance:.3f}" in text
    assert len(done.split_half_distances) == 3 and f"{done.split_half_distances[0]:.3f}" in text


def test_a_color_watch_is_recognized_with_content_from_the_built_in_scenes(tmp_path: Path) -> None:
    done = calibrate([captures_in(tmp_path / "c", "color")], tmp_path / "watch.json", frames=3, candidates=1)
    assert CameraProfile.load(tmp_path / "watch.json").kind == "color"
    assert ("no closer" in done.format_table()) is (done.fitted.total >= done.builtin.total)


def test_the_same_captures_give_the_same_profile_whatever_their_files_are_called(mono: Path, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", MIN_PHOTOS, width=420, height=340)
    other = tmp_path / "renamed" / "deeper"
    other.mkdir(parents=True)
    for number, path in enumerate(sorted(mono.iterdir(), reverse=True)):
        shutil.copy(path, other / f"{number:02d}.png")
    for name, folder in (("a", mono), ("b", other.parent)):
        (tmp_path / name).mkdir()
        calibrate([folder], tmp_path / name / "watch.json", photos=photos, frames=3, candidates=2)
    assert (tmp_path / "a/watch.json").read_bytes() == (tmp_path / "b/watch.json").read_bytes()


def test_photos_that_cannot_be_decoded_are_passed_over_by_name(mono: Path, tmp_path: Path) -> None:
    photos = make_photos(tmp_path / "photos", MIN_PHOTOS + 1, width=420, height=340)
    broken = sorted(photos.iterdir())[3]
    broken.write_bytes(broken.read_bytes()[:3000])
    done = calibrate([mono], tmp_path / "watch.json", photos=photos, frames=MIN_PHOTOS + 1, candidates=1)
    assert [path for path, _ in done.refused] == [broken] and broken.name in done.refused[0][1]
    sorted(photos.iterdir())[0].unlink()
    with pytest.raises(UserError, match=f"at least {MIN_PHOTOS} usable photos, but has {MIN_PHOTOS - 1}"):
        calibrate([mono], tmp_path / "watch.json", photos=photos, candidates=1)


def test_a_flat_capture_is_passed_over_with_the_reason(mono: Path, tmp_path: Path) -> None:
    Image.new("L", (120, 120), 255).save(tmp_path / "finger.png")
    done = calibrate([mono, tmp_path / "finger.png"], tmp_path / "watch.json", frames=3, candidates=1)
    assert done.captures == MIN_CAPTURES
    assert [reason for _, reason in done.refused] == [
        f"{tmp_path / 'finger.png'} has only one tone, so nothing can be measured in it."
    ]


def test_gray_copies_are_no_captures_of_the_color_watch(tmp_path: Path) -> None:
    for number in range(MIN_CAPTURES):
        gray = np.random.default_rng(number).integers(0, 256, (144, 176), dtype=np.uint8)
        Image.fromarray(gray).save(tmp_path / f"{number:02d}.png")
        Image.fromarray(gray).convert("RGB").save(tmp_path / f"{number:02d}.jpg")
    with pytest.raises(
        UserError, match=rf"usable here: 0.*Refused files: {2 * MIN_CAPTURES}; .*00.jpg has .*no colors"
    ):
        calibrate([tmp_path], tmp_path / "watch.json", frames=3, candidates=1)


def test_a_drawing_among_the_captures_is_passed_over_with_the_reason(mono: Path, tmp_path: Path) -> None:
    lines = np.full((120, 120), 255, np.uint8)
    lines[30:34, 10:110] = lines[50:90, 60:64] = 0
    Image.fromarray(lines).save(tmp_path / "map.png")
    done = calibrate([mono, tmp_path / "map.png"], tmp_path / "watch.json", frames=3, candidates=1)
    assert done.captures == MIN_CAPTURES
    assert [reason for _, reason in done.refused] == [
        f"{tmp_path / 'map.png'} has hardly more than two tones: a drawing or a picture of the art mode, not a photo."
    ]


def test_copies_do_not_count_and_too_few_are_refused(mono: Path, tmp_path: Path) -> None:
    few = sorted(mono.iterdir())[: MIN_CAPTURES - 1]
    with pytest.raises(UserError, match=f"different captures; usable here: {MIN_CAPTURES - 1}"):
        calibrate([*few, *few, few[0].parent / few[0].name], tmp_path / "watch.json")
    assert not (tmp_path / "watch.json").exists()


def test_wrong_files_are_refused_with_the_reason(mono: Path, tmp_path: Path) -> None:
    picture(0).save(tmp_path / "large.png")
    with pytest.raises(UserError, match=r"usable here: 0.*large.png.*224x208"):
        calibrate([tmp_path / "large.png"], tmp_path / "watch.json")
    with pytest.raises(UserError, match="no file"):
        calibrate([tmp_path / "none.png"], tmp_path / "watch.json")


def test_captures_of_two_watches_are_refused(mono: Path, tmp_path: Path) -> None:
    color = captures_in(tmp_path / "c", "color", 2)
    with pytest.raises(UserError, match=f"{MIN_CAPTURES} mono and 2 color"):
        calibrate([mono, color], tmp_path / "watch.json")


def test_nothing_but_a_profile_is_replaced(mono: Path, tmp_path: Path) -> None:
    (tmp_path / "notes.json").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="exists and is not a camera profile"):
        calibrate([mono], tmp_path / "notes.json")
    with pytest.raises(UserError, match="There is no folder"):
        calibrate([mono], tmp_path / "none" / "watch.json")
    assert (tmp_path / "notes.json").read_text(encoding="utf-8") == "mine"
    with pytest.raises(UserError, match="cannot be reached: File name too long"):
        calibrate([mono], tmp_path / ("x" * 300))


def test_a_folder_that_cannot_be_written_to_is_refused_before_the_work(
    mono: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object, **more: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tempfile.TemporaryFile", refuse)  # root may write everywhere
    monkeypatch.setattr(
        "trainer_core.calibration.calibrate.iterate_fit", lambda *_, **__: pytest.fail("the work began")
    )
    with pytest.raises(UserError, match="Cannot write to the folder"):
        calibrate([mono], tmp_path / "watch.json", frames=3, candidates=1)


def test_the_verb_shows_what_came_of_it(
    mono: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer_core.calibration.calibrate.DEFAULT_CANDIDATES", {"mono": 2})
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    (tmp_path / "bad.png").write_bytes(b"no picture")
    out = tmp_path / "watch.json"
    assert main(["calibrate", str(mono), str(tmp_path / "bad.png"), "-o", str(out)]) == 0
    said = capsys.readouterr()
    assert "fitted watch" in said.out and str(out) in said.out
    assert "skipped: " in said.err and "bad.png" in said.err and "2/2, best" in said.err
    assert CameraProfile.load(out).kind == "mono"


def test_the_verb_says_what_it_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.png").write_bytes(b"no picture")
    assert main(["calibrate", str(tmp_path / "bad.png"), "-o", str(tmp_path / "watch.json")]) == 2
    assert "usable here: 0" in capsys.readouterr().err
