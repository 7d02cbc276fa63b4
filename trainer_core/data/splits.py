"""Assign photos to train, val and test, and store the assignment: `make_splits`, `splits_to_json`, `read_splits`.

Folders named train, val (valid, validation) and test directly under the source are used as they are. Otherwise the
hash of its name decides where a photo goes: in exact shares at first; photos added later go to the split that is
furthest below its share. A recorded photo always stays in its split, even while its file is missing.
"""

from __future__ import annotations

import hashlib
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from trainer_core.data.photos import Photo, Scan, name_bytes
from trainer_core.errors import UserError
from trainer_core.json_files import check_version, read_json

SPLIT_NAMES = ("train", "val", "test")
_FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

_VERSION = 1
_HINT = "Restore the file, or split the photos again with --resplit."

SplitOrigin = Literal["pre-staged", "recorded", "made"]


@dataclass(frozen=True)
class Splits:
    """The photos of each split, sorted by name.

    Attributes:
        origin: "pre-staged" (by folders), "recorded" (new photos are added to it), or "made" (a new split).
        val_is_train: whether there are too few photos for validation, so that `val` repeats those of `train`.
        unused: names outside the pre-staged folders.
        missing: recorded names by split whose photos are missing; they stay in the record.
        unknown: other keys of the record, which stay in it.
    """

    train: tuple[Photo, ...]
    val: tuple[Photo, ...]
    test: tuple[Photo, ...]
    origin: SplitOrigin
    val_is_train: bool = False
    unused: tuple[str, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)

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
    staged = _splits_from_folders(scan.photos)
    if staged is not None:
        return replace(staged, unknown=unknown)
    known = _parse_record(recorded, scan.root) if recorded is not None else {}
    splits, new = _apply_recorded(scan.photos, known)
    _assign_new_photos(new, splits, _compute_quotas(len(scan.photos), train_split, val_split))
    present = {_normalized_name(photo.name) for photo in scan.photos}
    missing = {
        split: tuple(name for name, recorded_split in known.items() if recorded_split == split and name not in present)
        for split in SPLIT_NAMES
    }
    return _build_splits(splits, origin="recorded" if known else "made", missing=missing, unknown=unknown)


def splits_to_json(splits: Splits) -> dict[str, Any]:
    """Return the content of `dataset_splits.json`: names relative to the source, missing ones included."""
    val: Sequence[Photo] = () if splits.val_is_train else splits.val
    present = {"train": splits.train, "val": val, "test": splits.test}
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
    return os.path.relpath(name, root).replace(os.sep, "/")


def _normalized_name(name: str) -> str:
    # Copying between systems may recompose accents; the name still belongs to the same photo.
    return unicodedata.normalize("NFC", name)


def _name_hash(name: str) -> bytes:
    return hashlib.sha256(name_bytes(_normalized_name(name))).digest()


def _splits_from_folders(photos: Sequence[Photo]) -> Splits | None:
    splits: dict[str, list[Photo]] = {split: [] for split in SPLIT_NAMES}
    unused = []
    for photo in photos:
        folder, _, below = photo.name.partition("/")
        split = _FOLDERS.get(folder.lower()) if below else None
        if split is None:
            unused.append(photo.name)
        else:
            splits[split].append(photo)
    if not splits["train"] or not splits["val"]:
        return None
    return _build_splits(splits, origin="pre-staged", unused=tuple(unused))


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


def _assign_new_photos(new: Iterable[Photo], splits: dict[str, list[Photo]], quotas: Mapping[str, int]) -> None:
    """Assign each new photo, in the order of the hashes, to the split furthest below its quota."""
    for photo in sorted(new, key=lambda photo: _name_hash(photo.name)):
        split = max(SPLIT_NAMES, key=lambda split: quotas[split] - len(splits[split]))
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
        return Splits(train, test, (), origin, **more)
    return Splits(train, train, test, origin, val_is_train=True, **more)
