"""What is no photo of the user: system folders, copies, other workspaces; links; and that all of it is reported."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.small_runs import make_photos, picture, watch_photo
from trainer_core.data.passed_over import find_file_reason, find_folder_reason
from trainer_core.data.photos import scan_photos
from trainer_core.data.split_folders import find_reduced_folders, split_of_folder
from trainer_core.errors import UserError
from trainer_core.planning.photos import find_photos
from trainer_core.planning.plan import find_run_photos
from trainer_core.settings.config import TrainerConfig


def save(path: Path, seed: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed, 128, 120).save(path)
    return path


def names(root: Path) -> list[str]:
    return [photo.name for photo in scan_photos(root).photos]


def reasons(root: Path) -> dict[str, str]:
    return {entry.name: entry.reason for entry in scan_photos(root).passed_over}


SYSTEM_FOLDERS = {
    "@eaDir": "thumbnails",
    ".thumbnails": "thumbnails",
    "#recycle": "deleted",
    "@Recycle": "deleted",
    "$RECYCLE.BIN": "deleted",
    ".Trash-1000": "deleted",
    ".Trashes": "deleted",
    "lost+found": "operating system",
    "System Volume Information": "operating system",
    "#snapshot": "snapshots",
    "__MACOSX": "AppleDouble",
    ".AppleDouble": "hidden",
    "Trip Previews.lrdata": "another program",
    ".git": "hidden",
    "THMBNL": "thumbnails",
    "LOST.DIR": "operating system",
    "cache": "another program",
}


def test_system_folders_are_passed_over_at_any_depth_and_listed_with_the_reason(tmp_path: Path) -> None:
    save(tmp_path / "trip" / "a.png", 0)
    for number, name in enumerate(SYSTEM_FOLDERS, 1):
        save(tmp_path / "trip" / name / "x" / "b.png", number)
    assert names(tmp_path) == ["trip/a.png"]
    found = reasons(tmp_path)
    assert found.keys() == {f"trip/{name}/" for name in SYSTEM_FOLDERS}
    assert all(word in found[f"trip/{name}/"] for name, word in SYSTEM_FOLDERS.items())


def test_system_files_are_passed_over_and_only_those_that_could_be_missed_are_listed(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 0)
    for name in ("._a.png", ".b.jpg", "SYNOPHOTO_THUMB_XL.jpg", "Thumbs.db", ".DS_Store"):
        (tmp_path / name).write_bytes(b"\0\5\x16\7" + bytes(100))
    assert names(tmp_path) == ["a.png"]
    assert reasons(tmp_path).keys() == {"._a.png", ".b.jpg", "SYNOPHOTO_THUMB_XL.jpg", "Thumbs.db"}
    assert "AppleDouble" in reasons(tmp_path)["._a.png"]


def test_ordinary_names_are_no_system_names() -> None:
    ordinary = ("photos", "2019 #sunset", "@home", "Trip", "models", "train", "LR", "originals", "trash")
    assert [name for name in ordinary if find_folder_reason(name)] == []
    assert [name for name in ("a.jpg", "thumb up.png", "album.png", "~a.png") if find_file_reason(name)] == []


def test_of_a_photo_library_only_the_originals_are_used(tmp_path: Path) -> None:
    library = tmp_path / "Photos Library.photoslibrary"
    for number, name in enumerate(("originals/A/1.png", "resources/derivatives/A/1.png", "Thumbnails/1.png")):
        save(library / name, number)
    assert names(tmp_path) == ["Photos Library.photoslibrary/originals/A/1.png"]


def test_other_workspaces_in_the_source_are_passed_over_even_with_lost_settings(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 0)
    for number, run in enumerate(("runs/a", "runs/b")):
        for place in ("previews/step00000100_1.png", "preview_photos/watch.png", "scenes/train/1.png", "models/m.png"):
            save(tmp_path / run / place, 10 * number + len(place))
        save(tmp_path / run / "previous_runs/2026-01-01_00-00-00/previews/step00000001_1.png", 30 + number)
    (tmp_path / "runs/a/training_config.json").write_text("{}")
    assert names(tmp_path) == ["a.png"]
    assert reasons(tmp_path).keys() == {"runs/a/", "runs/b/"}
    assert all("workspace" in reason for reason in reasons(tmp_path).values())


def test_what_is_left_of_a_workspace_is_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 0)
    for number, name in enumerate(("runs/a/previews/1.png", "runs/b/preview_photos/1.png", "runs/b/scenes/1.png"), 1):
        save(tmp_path / name, number)
    assert names(tmp_path) == ["a.png"]
    assert reasons(tmp_path).keys() == {"runs/a/previews/", "runs/b/"}


def test_photos_beside_the_results_of_a_chosen_workspace_are_used(tmp_path: Path) -> None:
    for number, name in enumerate(("a.png", "more/b.png", "previews/step00000001_1.png", "preview_photos/c.png")):
        save(tmp_path / name, number)
    (tmp_path / "training_config.json").write_text("{}")
    assert names(tmp_path) == ["a.png", "more/b.png"]
    with pytest.raises(UserError, match=r"^Choose the folder with your photos: .*previews holds results of a run\."):
        scan_photos(tmp_path / "previews")


def test_simulated_photos_are_passed_over_and_other_folders_of_these_names_are_not(tmp_path: Path) -> None:
    source = make_photos(tmp_path / "source", 2)
    simulate = pytest.importorskip("trainer_core.verbs.simulate", exc_type=ImportError).simulate
    simulate([source], source / "sim", camera="wqv1", scale=2)
    save(source / "pairs" / "lr" / "x.png", 20)
    save(source / "pairs" / "target" / "y.png", 21)
    assert names(source) == ["pairs/target/y.png", "photo0.png", "photo1.png"]
    assert reasons(source) == {
        "pairs/lr/": "reduced copies (LR) of photos",
        **dict.fromkeys(("sim/lr/", "sim/target/"), "synthetic watch photos of simulate"),
    }


def test_the_reduced_copies_of_a_data_set_are_passed_over_and_a_folder_lr_alone_is_not(tmp_path: Path) -> None:
    for number, name in enumerate(("DIV2K_train_HR/1.png", "DIV2K_train_LR_bicubic/X2/1x2.png", "set/HR/a.png")):
        save(tmp_path / name, number)
    for number, name in enumerate(("set/LR/a.png", "mine/LR/b.png"), 10):
        save(tmp_path / name, number)
    assert names(tmp_path) == ["DIV2K_train_HR/1.png", "mine/LR/b.png", "set/HR/a.png"]
    assert reasons(tmp_path).keys() == {"DIV2K_train_LR_bicubic/", "set/LR/"}
    for names_of_one_folder in (
        ["GTmod12", "LRbicx4"],
        ["DIV2K_HR", "DIV2K_LRx4"],
        ["gt", "lq"],
        ["HighRes", "LowRes"],
        ["HR", "X2", "x4", "X8", "LR_bicubic", "bicubic"],
        ["DIV2K_HR", "DIV2K_x4", "DIV2K_4x_bicubic"],
        ["HR_x4", "LR_x4"],
        ["Set5_SRF_4_HR", "Set5_SRF_4_LR"],
        ["train_sharp", "train_sharp_bicubic", "val_blur_bicubic"],
    ):
        assert find_reduced_folders(names_of_one_folder) == names_of_one_folder[1:]
    for originals in (["X2", "x4"], ["HR", "Test_x4", "trip"], ["HR and LR"], ["bicubic"], ["LR", "train_sharp"]):
        assert find_reduced_folders(originals) == []


def test_the_reduced_files_of_a_data_set_are_passed_over_beside_their_originals(tmp_path: Path) -> None:
    benchmark = [f"image_SRF_4/img_001_SRF_4_{kind}.png" for kind in ("HR", "LR", "bicubic", "A+", "SelfExSR")]
    camera = ["Canon/1_HR.png", "Canon/1_LR4.png", "Canon/2_LR4.png", "Canon/3_hr.jpg", "Canon/3_lr.png"]
    frames = ["train_sharp/000/1.png", "train_sharp_bicubic/X4/000/1.png", "val_sharp/000/1.png"]
    for number, name in enumerate([*benchmark, *camera, *frames]):
        save(tmp_path / name, number)
    assert names(tmp_path) == [
        *("Canon/1_HR.png", "Canon/2_LR4.png", "Canon/3_hr.jpg"),
        *("image_SRF_4/img_001_SRF_4_HR.png", "train_sharp/000/1.png", "val_sharp/000/1.png"),
    ]
    copies = {*benchmark[1:], "Canon/1_LR4.png", "Canon/3_lr.png"}
    folders = {"train_sharp_bicubic/": "reduced copies (LR) of photos"}
    assert reasons(tmp_path) == {
        **dict.fromkeys(copies, "a reduced copy (LR) of another photo, or made from one"),
        **folders,
    }
    assert [split_of_folder(name) for name in ("train_sharp", "val_sharp", "train_blur")] == ["train", "val", ""]


@pytest.mark.skipif(os.name == "nt", reason="links need privileges on Windows")
def test_a_link_out_of_the_source_is_reported_and_never_leads_to_all_of_it_or_to_results(tmp_path: Path) -> None:
    source = tmp_path / "source"
    save(source / "a.png", 0)
    save(tmp_path / "disk" / "b.png", 1)
    save(tmp_path / "run" / "previews" / "c.png", 2)
    (tmp_path / "run" / "training_config.json").write_text("{}")
    save(tmp_path / "@eaDir" / "d.png", 3)
    for name, target in (
        ("shots", tmp_path / "disk"),
        ("all", tmp_path),
        ("run", tmp_path / "run"),
        ("results", tmp_path / "run" / "previews"),
        ("small", tmp_path / "@eaDir"),
    ):
        (source / name).symlink_to(target, target_is_directory=True)
    found = scan_photos(source)
    assert [photo.name for photo in found.photos] == ["a.png", "shots/b.png"]
    assert [(link.name, link.reason) for link in found.linked] == [("shots/", str(tmp_path / "disk"))]
    assert reasons(source).keys() == {"all/", "results/", "run/", "small/"}
    (notice,) = (text for text in find_photos(source, train_split=0.8, val_split=0.1).notices if "Links" in text)
    assert f"shots/ leads to {tmp_path / 'disk'}" in notice


def test_what_is_passed_over_is_a_notice_with_one_line_for_each_reason(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 0)
    for number in range(7):
        (tmp_path / f"._{number}.png").write_bytes(b"\0\5\x16\7")
    save(tmp_path / "@eaDir" / "b.png", 1)
    (notice,) = find_photos(tmp_path, train_split=0.8, val_split=0.1).notices
    first, *lines = notice.splitlines()
    assert first.endswith("(8):") and "passed over" in first
    assert lines[0].startswith("  ._0.png, ._1.png, ._2.png, ._3.png, ._4.png and 2 more: a macOS note")
    assert lines[1] == "  @eaDir/: thumbnails"


def test_a_source_with_nothing_but_thumbnails_is_an_error_that_names_them(tmp_path: Path) -> None:
    save(tmp_path / "@eaDir" / "b.png", 1)
    with pytest.raises(UserError, match=r"no photos\. Passed over: 1; the first: @eaDir/ \(thumbnails\)"):
        scan_photos(tmp_path)


def test_the_same_folder_as_source_and_workspace_is_an_error_that_proposes_another(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((64, 64, 3), np.uint8)).save(tmp_path / "a.png")
    for workspace in (tmp_path, tmp_path / "." / "x" / ".."):
        with pytest.raises(UserError, match=r"are the same folder.*another folder for the workspace, such as .*run"):
            find_run_photos(TrainerConfig(source_dir=str(tmp_path), workspace=str(workspace)))
    inside = save(tmp_path / "run" / "photos" / "a.png", 1).parent
    found = find_run_photos(TrainerConfig(source_dir=str(inside), workspace=str(tmp_path / "run")))
    assert [photo.name for photo in found.scan.photos] == ["a.png"]


def test_photos_from_the_watch_are_not_trained_on_and_reported(tmp_path: Path) -> None:
    ordinary = make_photos(tmp_path / "p", 2)
    watch_photo(ordinary / "watch.png")
    levels = np.asarray(Image.open(ordinary / "watch.png"))
    Image.fromarray(levels.repeat(4, 0).repeat(4, 1)).save(ordinary / "enlarged.bmp")
    picture(5, 176, 144).save(ordinary / "color.jpg")
    picture(6, 120, 120).save(ordinary / "colorful.png")
    found = find_photos(ordinary, train_split=0.8, val_split=0.1)
    assert [photo.name for photo in found.scan.photos] == ["colorful.png", "photo0.png", "photo1.png"]
    assert "color.jpg, enlarged.bmp, watch.png: a photo from the watch" in found.warnings[0]
    watch_photo(ordinary / "another.png", 1)
    warnings = find_photos(ordinary, train_split=0.8, val_split=0.1).warnings
    assert "Most pictures in" in warnings[1] and "ordinary sharp photos" in warnings[1]
    for photo in found.scan.photos:
        photo.path.unlink()
    with pytest.raises(UserError, match=r"^Choose ordinary photos; .* 4 of the 4 pictures in"):
        scan_photos(ordinary)
    assert len(scan_photos(ordinary, accept_captures=True).photos) == 4
