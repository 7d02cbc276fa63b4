"""Assign photos to train, val and test, and store the assignment: `make_splits`, `splits_to_json`, `read_splits`.

Folders named after splits (`split_folders`) are used as they are if there are train and val; where one of these is
missing, the photos of val and test stay there and the others are divided. Otherwise the hash of its name decides where
a photo goes: in exact shares at first; photos added later go to the split that is furthest below its share. A recorded
photo always stays in its split, even while its file is missing.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

from trainer_core.data.photos import Photo, Scan, name_bytes
from trainer_core.data.split_folders import find_folder_splits
from trainer_core.errors import UserError
from trainer_core.json_files import check_version, read_json

SPLIT_NAMES = ("train", "val", "test")

_VERSION = 1
_HINT = "Restore the file, or split the photos again with --resplit."

SplitOrigin = Literal["pre-staged", "recorded", "made"]


@dataclass(frozen=True)
class Splits:
    """The photos of each split, sorted by name.

    Attributes:
        origin: "pre-staged" (by folders), "recorded" (new photos are added to it), or "made" (a new split).
        val_is_train: whether there are too few photos for validation, so that `val` repeats those of `train`.
        val_is_test: whether all validation photos are missing, so that `val` has those of `test`, and `test` none.
        unused: names outside the pre-staged folders.
        notes: sentences on folders that are named after a split while another one is missing.
        missing: recorded names by split whose photos are missing; they stay in the record.
        unknown: other keys of the record, which stay in it.
    """

    train: tuple[Photo, ...]
    val: tuple[Photo, ...]
    test: tuple[Photo, ...]
    origin: SplitOrigin
    val_is_train: bool = False
    val_is_test: bool = False
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def assigned(self) -> dict[str, tuple[Photo, ...]]:
        """Split -> the photos that belong to it, whatever they are used for."""
        val = () if self.val_is_train or self.val_is_test else self.val
        return {"train": self.train, "val": val, "test": self.val if self.val_is_test else self.test}

    @property
    def all_photos(self) -> tuple[Photo, ...]:
        """The photos of all splits; those of `val` are repeated if `val_is_train`."""
        return (*self.train, *self.val, *self.test)


def make_splits(
    scan: Scan, *, train_split: float, val_split: float, recorded: Mapping[str, Any] | None = None
) -> Splits:
    """Assign every photo of `scan` to a split.

    Args:
        scan: the source folder.
        train_split: share for training, 0 to 1.
        val_split: share for validation, 0 to 1; the rest is for testing. Of three photos or more, at least one is for
            validation and one for training.
        recorded: the content of `dataset_splits.json`, as `splits_to_json` returned it, or None.

    Raises:
        UserError: the shares are impossible, or `recorded` is not the content of such a file.
    """
    if not (0 < train_split <= 1 and 0 <= val_split < 1 and train_split + val_split <= 1 + 1e-9):
        raise UserError(
            f"A train split of {train_split:g} and a validation split of {val_split:g} cannot be used: "
            "the train split must be above 0, and the sum of both must not exceed 1."
        )
    unknown = {key: value for key, value in (recorded or {}).items() if key not in ("version", "source", *SPLIT_NAMES)}
    folders = find_folder_splits([photo.name for photo in scan.photos])
    if {"train", "val"} <= set(folders.values()):
        return replace(_splits_from_folders(scan.photos, folders), unknown=unknown)
    known = _parse_record(recorded, scan.root) if recorded is not None else {}
    staged = _stage_partly(scan.photos, folders)
    splits, new = _apply_recorded(staged.divided, known)
    for photo in staged.fixed:
        splits[known.get(_normalized_name(photo.name), folders[photo.name])].append(photo)
    total = train_split + val_split if staged.fixed else 1  # what is not fixed belongs to train and val alone
    quotas = _compute_quotas(len(staged.divided), train_split / total, val_split / total)
    if staged.has_val:
        quotas = {"train": len(staged.divided), "val": 0, "test": 0}
    _assign_new_photos(new, splits, quotas, SPLIT_NAMES[:2] if staged.fixed else SPLIT_NAMES)
    present = {_normalized_name(photo.name) for photo in scan.photos}
    missing = {
        split: tuple(name for name, recorded_split in known.items() if recorded_split == split and name not in present)
        for split in SPLIT_NAMES
    }
    origin: SplitOrigin = "recorded" if known else "made"
    return _build_splits(
        splits, origin=origin, missing=missing, unknown=unknown, unused=staged.unused, notes=_describe(staged, splits)
    )


def splits_to_json(splits: Splits) -> dict[str, Any]:
    """Return the content of `dataset_splits.json`: names relative to the source, missing ones included."""
    present = splits.assigned
    names = {
        split: [photo.name for photo in present[split]] + list(splits.missing.get(split, ())) for split in SPLIT_NAMES
    }
    record: dict[str, Any] = {**splits.unknown, "version": _VERSION, "source": splits.origin}
    record.update({split: sorted(set(names[split]), key=name_bytes) for split in SPLIT_NAMES})
    return record


def read_splits(path: Path) -> dict[str, Any] | None:
    """Read a `dataset_splits.json` for `make_splits`; None if the file does not exist.

    Raises:
        NewerFileError: a newer version of this program wrote the file.
        UserError: the file cannot be read or holds no split.
    """
    try:
        content = read_json(path, advice=_HINT)
    except FileNotFoundError:
        return None
    if isinstance(content, dict) and "version" in content:
        check_version(content, "version", _VERSION, str(path), advice=_HINT)
    _parse_record(content, None)
    return dict(content)


def _parse_record(recorded: Any, root: Path | None) -> dict[str, str]:
    """Return name -> split; absolute paths (of the earlier trainer) become relative to `root`."""
    splits: dict[str, str] = {}
    for split in SPLIT_NAMES:
        names = recorded.get(split, [] if split == "test" else None) if isinstance(recorded, Mapping) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UserError(f'dataset_splits.json has no list of names under "{split}". {_HINT}')
        for name in names:
            splits.setdefault(_normalized_name(_relative_name(name, root)), split)
    return splits


def _relative_name(name: str, root: Path | None) -> str:
    if root is None or not os.path.isabs(name):
        return name
    try:
        return os.path.relpath(name, root).replace(os.sep, "/")
    except ValueError:  # another drive of Windows
        return name


def _normalized_name(name: str) -> str:
    # Copying between systems may recompose accents; the name still belongs to the same photo.
    return unicodedata.normalize("NFC", name)


def _name_hash(name: str) -> bytes:
    return hashlib.sha256(name_bytes(_normalized_name(name))).digest()


def _splits_from_folders(photos: Sequence[Photo], folders: Mapping[str, str]) -> Splits:
    splits: dict[str, list[Photo]] = {split: [] for split in SPLIT_NAMES}
    for photo in photos:
        if photo.name in folders:
            splits[folders[photo.name]].append(photo)
    unused = tuple(photo.name for photo in photos if photo.name not in folders)
    return _build_splits(splits, origin="pre-staged", unused=unused)


class _Staged(NamedTuple):
    """Photos whose folder fixes their split (val or test), and those to divide, where train or val is missing."""

    fixed: tuple[Photo, ...]
    divided: tuple[Photo, ...]
    unused: tuple[str, ...]
    has_val: bool
    has_train: bool


def _stage_partly(photos: Sequence[Photo], folders: Mapping[str, str]) -> _Staged:
    has_train = "train" in folders.values()
    fixed = tuple(photo for photo in photos if folders.get(photo.name) in ("val", "test"))
    to_divide = "train" if has_train else None
    divided = tuple(photo for photo in photos if folders.get(photo.name) == to_divide)
    if not fixed or not divided:
        return _Staged((), tuple(photos), (), False, has_train)
    unused = tuple(photo.name for photo in photos if has_train and photo.name not in folders)
    return _Staged(fixed, divided, unused, "val" in folders.values(), has_train)


def _describe(staged: _Staged, splits: Mapping[str, Sequence[Photo]]) -> tuple[str, ...]:
    if not staged.fixed:
        return ()
    others = "the folder train" if staged.has_train else "the other folders"
    if staged.has_val:
        return (f"There is no folder train, so the photos of {others} are used for training ({len(splits['train'])}).",)
    divided = {photo.name for photo in staged.divided}
    count = sum(photo.name in divided for photo in splits["val"])
    return (
        f"There is a folder test, but none named val: the photos of test are only for testing, and {count} of the "
        f"{len(staged.divided)} photos of {others} are used for validation.",
    )


def _apply_recorded(photos: Iterable[Photo], known: Mapping[str, str]) -> tuple[dict[str, list[Photo]], list[Photo]]:
    splits: dict[str, list[Photo]] = {split: [] for split in SPLIT_NAMES}
    new = []
    for photo in photos:
        split = known.get(_normalized_name(photo.name))
        if split is None:
            new.append(photo)
        else:
            splits[split].append(photo)
    return splits, new


def _compute_quotas(total: int, train_split: float, val_split: float) -> dict[str, int]:
    if total < 3:
        return {"train": total, "val": 0, "test": 0}
    val = max(1, round(total * val_split))
    train = max(1, min(total - val, round(total * train_split)))
    leftover = total - val - train
    if train_split + val_split > 1 - 1e-9:  # a test share of 0 stays 0, whatever the rounding
        return {"train": train + leftover, "val": val, "test": 0}
    return {"train": train, "val": val, "test": leftover}


def _assign_new_photos(
    new: Iterable[Photo], splits: dict[str, list[Photo]], quotas: Mapping[str, int], names: Sequence[str]
) -> None:
    """Assign each new photo, in the order of the hashes, to the split among `names` furthest below its quota."""
    for photo in sorted(new, key=lambda photo: _name_hash(photo.name)):
        split = max(names, key=lambda split: quotas[split] - len(splits[split]))
        splits[split].append(photo)


def _build_splits(splits: Mapping[str, list[Photo]], *, origin: SplitOrigin, **more: Any) -> Splits:
    train, val, test = (tuple(sorted(splits[split], key=lambda photo: name_bytes(photo.name))) for split in SPLIT_NAMES)
    if not train:
        raise UserError(
            "No photo is left for training: the training photos of the recorded split are missing. "
            "Restore them, add photos, or split the photos again with --resplit."
        )
    if val:
        return Splits(train, val, test, origin, **more)
    if test:  # not trained on, so they can replace the validation photos
        return Splits(train, test, (), origin, val_is_test=True, **more)
    return Splits(train, train, test, origin, val_is_train=True, **more)
