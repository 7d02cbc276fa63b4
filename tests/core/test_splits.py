"""Splits: exact shares, stable for ever, one photo always left to validate on."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from trainer_core.data.photos import Photo, Scan
from trainer_core.data.split_folders import split_of_folder
from trainer_core.data.splits import Splits, make_splits, read_splits, splits_to_json
from trainer_core.errors import UserError
from trainer_core.files import write_json

ROOT = Path("source").absolute()


def listed(*names: str) -> Scan:
    return Scan(ROOT, tuple(Photo(ROOT / name, name, 64, 64) for name in names), ())


def numbered(count: int) -> list[str]:
    return [f"photo {number}.jpg" for number in range(count)]


def dealt(names: list[str], recorded: dict[str, Any] | None = None) -> Splits:
    return make_splits(listed(*names), train_split=0.8, val_split=0.1, recorded=recorded)


def sides(splits: Splits) -> dict[str, str]:
    return {photo.name: side for side in ("train", "val", "test") for photo in getattr(splits, side)}


def counts(splits: Splits) -> tuple[int, int, int]:
    return len(splits.train), len(splits.val), len(splits.test)


def test_shares_are_exact() -> None:
    assert counts(dealt(numbered(100))) == (80, 10, 10)
    assert counts(dealt(numbered(10))) == (8, 1, 1)


def test_sides_do_not_depend_on_the_order_of_the_files() -> None:
    shuffled = random.Random(3).sample(numbered(50), 50)
    assert sides(dealt(shuffled)) == sides(dealt(numbered(50)))
    assert [photo.name for photo in dealt(shuffled).train] == [photo.name for photo in dealt(numbered(50)).train]


def test_every_photo_is_on_one_side_and_sides_are_not_simply_the_alphabet() -> None:
    splits = dealt(numbered(60))
    assert sorted(sides(splits)) == sorted(numbered(60))
    assert [photo.name for photo in splits.val] != sorted(numbered(60))[:6]


@pytest.mark.parametrize("count", range(3, 12))
def test_three_photos_or_more_leave_one_to_validate_on(count: int) -> None:
    splits = dealt(numbered(count))
    assert len(splits.val) == 1 and len(splits.train) >= 2 and not splits.val_is_train
    greedy = make_splits(listed(*numbered(count)), train_split=1.0, val_split=0.0, recorded=None)
    assert len(greedy.val) == 1 and not greedy.test


@pytest.mark.parametrize("count", [1, 2])
def test_one_or_two_photos_train_and_validate_with_a_warning_flag(count: int) -> None:
    splits = dealt(numbered(count))
    assert splits.val_is_train and splits.val == splits.train and len(splits.train) == count
    assert splits_to_json(splits)["val"] == []


def test_a_photo_never_changes_sides_when_photos_are_added() -> None:
    record = None
    known: dict[str, str] = {}
    for count in (2, 3, 4, 10, 11, 40, 100):
        splits = dealt(numbered(count), record)
        now = sides(splits) if not splits.val_is_train else {photo.name: "train" for photo in splits.train}
        assert known.items() <= now.items()
        known, record = now, json.loads(json.dumps(splits_to_json(splits)))
    assert counts(splits) == (80, 10, 10)
    assert splits.origin == "recorded"


def test_removed_photos_are_not_used_but_keep_their_side() -> None:
    first = dealt(numbered(20))
    gone = first.val[0].name
    without = dealt([name for name in numbered(20) if name != gone], splits_to_json(first))
    assert gone not in sides(without) and without.missing["val"] == (gone,)
    assert splits_to_json(without)["val"] == splits_to_json(first)["val"]
    assert sides(dealt(numbered(20), splits_to_json(without))) == sides(first)


def test_without_any_validation_photo_left_those_for_testing_stand_in() -> None:
    first = dealt(numbered(20))
    remaining = [name for name, side in sides(first).items() if side != "val"]
    splits = dealt(remaining, splits_to_json(first))
    assert splits.val == first.test and not splits.val_is_train


def test_test_photos_that_validate_while_those_are_missing_stay_test_photos() -> None:
    record = splits_to_json(dealt(numbered(10)))
    (missing,) = record["val"]
    without = dealt([name for name in numbered(10) if name != missing], record)
    assert without.val_is_test and splits_to_json(without) == {**record, "source": "recorded"}
    again = dealt(numbered(10), splits_to_json(without))
    assert [photo.name for photo in again.val] == [missing] and not again.val_is_test


def test_without_any_training_photo_left_it_is_an_error() -> None:
    first = dealt(numbered(20))
    with pytest.raises(UserError, match="training"):
        dealt([photo.name for photo in first.val], splits_to_json(first))


def test_pre_staged_folders_are_used_as_they_are() -> None:
    splits = dealt(["Train/a.png", "train/b/c.png", "VALIDATION/d.png", "test/e.png", "f.png", "other/train/g.png"])
    assert splits.origin == "pre-staged"
    assert sides(splits) == {
        "Train/a.png": "train",
        "train/b/c.png": "train",
        "VALIDATION/d.png": "val",
        "test/e.png": "test",
    }
    assert splits.unused == ("f.png", "other/train/g.png")


def test_folders_count_as_pre_staged_only_with_both_training_and_validation() -> None:
    assert dealt(["train/a.png", "train/b.png", "test/c.png", "d.png"]).origin == "made"
    assert dealt(["train.png", "val.png", "c.png"]).origin == "made"


def test_test_photos_are_never_trained_on_and_without_a_val_folder_train_photos_validate() -> None:
    train, test = [f"train/t{n}.png" for n in range(10)], [f"test/s{n}.png" for n in range(10)]
    splits = dealt([*train, *test, "outside.png"])
    assert [photo.name for photo in splits.test] == sorted(test)
    assert counts(splits) == (9, 1, 10) and {photo.name for photo in splits.val} < set(train)
    assert splits.unused == ("outside.png",)
    assert "none named val" in splits.notes[0]
    assert "1 of the 10 photos of the folder train are used for validation" in splits.notes[0]
    again = dealt([*train, "train/new.png", *test, "test/new.png"], splits_to_json(splits))
    assert sides(splits).items() <= sides(again).items() and sides(again)["test/new.png"] == "test"


def test_photos_beside_a_val_or_test_folder_train() -> None:
    others = [f"trip/{n}.png" for n in range(10)]
    splits = dealt([*others, "val/a.png", "test/b.png"])
    assert counts(splits) == (10, 1, 1) and sides(splits)["val/a.png"] == "val"
    assert "no folder train" in splits.notes[0]
    assert counts(dealt([*others, "Testing/a.png"])) == (9, 1, 1)
    assert counts(dealt([f"test/{n}.png" for n in range(10)])) == (8, 1, 1), "nothing else is there to train on"
    assert not dealt(numbered(10)).notes


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("DIV2K_train_HR", "DIV2K_valid_HR"),
        ("Train", "Val"),
        ("training", "eval"),
        ("train_set", "validation-set"),
        ("TrainHR", "ValHR"),
        ("DIV2K/DIV2K_train_HR/DIV2K_train_HR", "DIV2K/DIV2K_valid_HR"),
        ("data/set/train/HR", "data/set/dev/HR"),
        ("train2017", "val2017"),
        ("00_trainset", "01_valset"),
        ("LSDIR_train_HR_sub", "imagenet-val-512"),
    ],
)
def test_the_folder_names_of_data_sets_are_known(train: str, val: str) -> None:
    splits = dealt([f"{train}/{n}.png" for n in range(8)] + [f"{val}/{n}.png" for n in range(8, 10)])
    assert splits.origin == "pre-staged" and counts(splits) == (8, 2, 0)


def test_folders_with_other_words_are_no_splits() -> None:
    for folder in ("train trip", "test shots", "value", "trains", "pretest", "train and test"):
        assert dealt([f"{folder}/{n}.png" for n in range(5)] + ["val/a.png", "b.png"]).origin == "made"
        assert split_of_folder(folder) == ""


def test_names_with_accents_composed_anew_or_undecodable_keep_their_side(tmp_path: Path) -> None:
    names = [f"caf\u00e9 {number}.jpg" for number in range(20)] + ["bad\udcff.jpg"]
    write_json(tmp_path / "dataset_splits.json", splits_to_json(dealt(names)))
    record = read_splits(tmp_path / "dataset_splits.json")
    moved = [name.replace("\u00e9", "e\u0301") for name in names]
    after = sides(dealt([*moved, *numbered(40)], record))
    assert {name.replace("e\u0301", "\u00e9"): after[name] for name in moved} == sides(dealt(names))


def test_absolute_paths_of_the_earlier_trainer_are_understood() -> None:
    record = {
        side: [str(ROOT / name) for name in names]
        for side, names in {"train": ["a.png", "sub/b.png"], "val": ["c.png"], "test": ["d.png"]}.items()
    }
    splits = dealt(["a.png", "sub/b.png", "c.png", "d.png"], record)
    assert sides(splits) == {"a.png": "train", "sub/b.png": "train", "c.png": "val", "d.png": "test"}


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"train": ["a.png"]}', '{"train": "a.png", "val": []}', '{"train": [1], "val": []}']
)
def test_a_damaged_record_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "dataset_splits.json").write_text(text)
    with pytest.raises(UserError, match="dataset_splits"):
        read_splits(tmp_path / "dataset_splits.json")


def test_no_record_yet_is_no_error(tmp_path: Path) -> None:
    assert read_splits(tmp_path / "dataset_splits.json") is None


@pytest.mark.parametrize(("train", "val"), [(0.0, 0.1), (0.9, 0.2), (0.8, -0.1), (1.2, 0.0)])
def test_impossible_shares_are_an_error(train: float, val: float) -> None:
    with pytest.raises(UserError, match="split"):
        make_splits(listed(*numbered(9)), train_split=train, val_split=val, recorded=None)
