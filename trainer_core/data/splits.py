"""Decide which photo trains, which validates and which tests, and remember it for ever.

Folders named train, val (valid, validation) and test directly under the source are used as they are.
Otherwise photos are dealt out by the hash of their names: exact shares at first, and when photos are
added later only the new ones are dealt, to whichever side lacks most. A recorded photo never changes
sides, not even while it is missing.
"""

from __future__ import annotations

import hashlib
import json
import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from trainer_core.data.photos import Photo, Scan, name_bytes
from trainer_core.errors import UserError

SPLIT_NAMES = ("train", "val", "test")
_FOLDERS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}

_HINT = "Restore the file, or deal the photos out anew with --resplit."

SplitOrigin = Literal["pre-staged", "recorded", "made"]


@dataclass(frozen=True)
class Splits:
    """The photos of each side, sorted by name.

    Attributes:
        source: "pre-staged" folders, "recorded" by an earlier run (new photos dealt in), or "made" now.
        val_is_train: no photo could be spared for validation; `val` repeats training photos.
        unused: names outside the pre-staged folders, or found there by no side.
        missing: recorded names per side whose photos are gone; they keep their side in the record.
    """

    train: tuple[Photo, ...]
    val: tuple[Photo, ...]
    test: tuple[Photo, ...]
    origin: SplitOrigin
    val_is_train: bool = False
    unused: tuple[str, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def make_splits(
    scan: Scan, *, train_split: float, val_split: float, recorded: Mapping[str, Any] | None = None
) -> Splits:
    """The sides of every photo in `scan`.

    Args:
        train_split: share for training, 0 to 1.
        val_split: share for validation, 0 to 1; the rest is for testing. Three photos or more always
            leave at least one for validation and one for training.
        recorded: the content of `dataset_splits.json`, as `to_json` made it, or None.

    Raises:
        UserError: the shares are impossible, or `recorded` is not such a content.
    """
    if not (0 < train_split <= 1 and 0 <= val_split < 1 and train_split + val_split <= 1 + 1e-9):
        raise UserError(
            f"A train split of {train_split:g} and a validation split of {val_split:g} do not work: "
            "training needs more than 0 and together they may not exceed 1."
        )
    staged = _splits_from_folders(scan.photos)
    if staged is not None:
        return staged
    known = _recorded_splits(recorded, scan.root) if recorded is not None else {}
    splits, counted = _apply_recorded(scan.photos, known)
    _assign_new_photos(counted, splits, _quotas(len(scan.photos), train_split, val_split))
    present = {_normalized_name(photo.name) for photo in scan.photos}
    missing = {
        side: tuple(name for name, where in known.items() if where == side and name not in present)
        for side in SPLIT_NAMES
    }
    return _build_splits(splits, source="recorded" if known else "made", missing=missing)


def splits_to_json(splits: Splits) -> dict[str, Any]:
    """The content of `dataset_splits.json`: names relative to the source, missing ones included."""
    val: Sequence[Photo] = () if splits.val_is_train else splits.val
    present = {"train": splits.train, "val": val, "test": splits.test}
    names = {side: [photo.name for photo in present[side]] + list(splits.missing.get(side, ())) for side in SPLIT_NAMES}
    record: dict[str, Any] = {"version": 1, "source": splits.origin}
    record.update({side: sorted(set(names[side]), key=name_bytes) for side in SPLIT_NAMES})
    return record


def read_splits(path: Path) -> dict[str, Any] | None:
    """The content of a `dataset_splits.json` for `make_splits`, or None where there is none yet.

    Raises:
        UserError: the file is not such a record.
    """
    try:
        content = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read ({error}). {_HINT}") from error
    _recorded_splits(content, None)
    return dict(content)


def _recorded_splits(recorded: Any, root: Path | None) -> dict[str, str]:
    """Name -> side; absolute paths (the earlier trainer's) become relative to `root`."""
    splits: dict[str, str] = {}
    for side in SPLIT_NAMES:
        names = recorded.get(side, [] if side == "test" else None) if isinstance(recorded, Mapping) else None
        if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
            raise UserError(f'dataset_splits.json holds no list of names under "{side}". {_HINT}')
        for name in names:
            splits.setdefault(_normalized_name(_relative_name(name, root)), side)
    return splits


def _relative_name(name: str, root: Path | None) -> str:
    if root is None or not os.path.isabs(name):
        return name
    return os.path.relpath(name, root).replace(os.sep, "/")


def _normalized_name(name: str) -> str:
    """Copying between systems may recompose accents; such a name is still the same photo's."""
    return unicodedata.normalize("NFC", name)


def _name_hash(name: str) -> bytes:
    return hashlib.sha256(name_bytes(_normalized_name(name))).digest()


def _splits_from_folders(photos: Sequence[Photo]) -> Splits | None:
    splits: dict[str, list[Photo]] = {side: [] for side in SPLIT_NAMES}
    unused = []
    for photo in photos:
        folder, _, below = photo.name.partition("/")
        side = _FOLDERS.get(folder.lower()) if below else None
        if side is None:
            unused.append(photo.name)
        else:
            splits[side].append(photo)
    if not splits["train"] or not splits["val"]:
        return None
    return _build_splits(splits, source="pre-staged", unused=tuple(unused))


def _apply_recorded(photos: Iterable[Photo], known: Mapping[str, str]) -> tuple[dict[str, list[Photo]], list[Photo]]:
    splits: dict[str, list[Photo]] = {side: [] for side in SPLIT_NAMES}
    new = []
    for photo in photos:
        side = known.get(_normalized_name(photo.name))
        if side is None:
            new.append(photo)
        else:
            splits[side].append(photo)
    return splits, new


def _quotas(total: int, train_split: float, val_split: float) -> dict[str, int]:
    if total < 3:
        return {"train": total, "val": 0, "test": 0}
    val = max(1, round(total * val_split))
    train = max(1, min(total - val, round(total * train_split)))
    leftover = total - val - train
    if train_split + val_split > 1 - 1e-9:  # nobody asked for a test share: rounding must not make one
        return {"train": train + leftover, "val": val, "test": 0}
    return {"train": train, "val": val, "test": leftover}


def _assign_new_photos(new: Iterable[Photo], sides: dict[str, list[Photo]], quotas: Mapping[str, int]) -> None:
    """Give each new photo, in the order of the hashes, to the side furthest below its quota."""
    for photo in sorted(new, key=lambda photo: _name_hash(photo.name)):
        side = max(SPLIT_NAMES, key=lambda side: quotas[side] - len(sides[side]))
        sides[side].append(photo)


def _build_splits(sides: Mapping[str, list[Photo]], *, source: SplitOrigin, **more: Any) -> Splits:
    train, val, test = (tuple(sorted(sides[side], key=lambda photo: name_bytes(photo.name))) for side in SPLIT_NAMES)
    if not train:
        raise UserError(
            "No photo is left for training: those recorded for it are gone. "
            "Put them back, add photos, or deal them out anew with --resplit."
        )
    if val:
        return Splits(train, val, test, source, **more)
    if test:  # never trained on, so they can stand in
        return Splits(train, test, (), source, **more)
    return Splits(train, train, test, source, val_is_train=True, **more)
