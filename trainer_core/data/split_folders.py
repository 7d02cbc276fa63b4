"""Recognize the folders of a divided data set: `find_folder_splits` maps photos to the split that their folder names.

Names are compared word by word, so that train, Training, val, validation, eval, train_HR and DIV2K_train_HR count, and
a folder with other words, such as "train trip", does not. Only the first folder of a name decides, below a folder that
contains everything.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable

_WORDS = {
    **dict.fromkeys(("train", "training", "trn", "trainset"), "train"),
    **dict.fromkeys(("val", "valid", "validation", "validate", "eval", "evaluation", "dev", "valset"), "val"),
    **dict.fromkeys(("test", "tests", "testing", "tst", "testset"), "test"),
}
_EXTRA_WORDS = frozenset(
    (
        "hr",
        "gt",
        "set",
        "data",
        "dataset",
        "images",
        "imgs",
        "img",
        "photos",
        "pictures",
        "split",
        "originals",
        "full",
        "sub",
    )
)
_DATA_SET = re.compile(r"(?=.*\d)[a-z0-9]+|coco|imagenet|lsdir")  # div2k, bsds500; also the 512 of train_512
_REDUCED_WORDS = frozenset(("bicubic", "unknown", "mild", "difficult", "wild"))  # how DIV2K reduced its photos
_ORIGINAL = re.compile(r"hr|gt(mod\d+)?")
_REDUCED = re.compile(r"(lr|lq)(bic[a-z]*)?(x\d+)?")  # LR, LQ, LRbicx4, LRx4
_WITH_NUMBER = re.compile(rf"\b({'|'.join(_WORDS)})(\d+)\b")  # val2017
_RESOLUTION = re.compile(r"\b(high|low)[ _-]?res(?:olution)?\b")


def split_of_folder(name: str) -> str:
    """Return "train", "val" or "test" for a folder that is named after it, otherwise ""."""
    words = _words(name)
    splits = [_WORDS[word] for word in words if word in _WORDS]
    others = [word for word in words if word not in _WORDS]
    is_known = all(word in _EXTRA_WORDS or _DATA_SET.fullmatch(word) for word in others)
    return splits[0] if len(splits) == 1 and is_known else ""


def find_folder_splits(names: Collection[str]) -> dict[str, str]:
    """Return the split of each photo that lies in a folder named after one, by the photo's name."""
    start = len(_common_folder(names))
    found = {}
    for name in names:
        folder, slash, _ = name[start:].partition("/")
        split = split_of_folder(folder) if slash else ""
        if split:
            found[name] = split
    return found


def find_reduced_folders(names: Iterable[str]) -> list[str]:
    """Return the folders with reduced (LR) copies of photos among the names in one folder.

    A folder LR or LQ counts only beside one with the photos themselves (HR or GT), one like DIV2K_train_LR_bicubic
    always.
    """
    words = {name: set(_words(name)) for name in names}
    has_originals = any(map(_ORIGINAL.fullmatch, itertools.chain(*words.values())))
    reduced = {name: found for name, found in words.items() if any(map(_REDUCED.fullmatch, found))}
    return [name for name, found in reduced.items() if has_originals or found & _REDUCED_WORDS]


def _words(name: str) -> list[str]:
    separated = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)  # TrainHR
    separated = _WITH_NUMBER.sub(r"\1 \2", separated.lower())
    separated = _RESOLUTION.sub(lambda match: f"{match[1][0]}r", separated)
    return [word for word in re.split(r"[^a-z0-9]+", separated) if word]


def _common_folder(names: Iterable[str]) -> str:
    """Return the folders, with a slash at the end, that contain all names and are not named after a split."""
    common, parts = "", [name.split("/") for name in names]
    depth = 0
    while parts and all(len(part) > depth + 1 and part[depth] == parts[0][depth] for part in parts):
        if split_of_folder(parts[0][depth]):
            break
        common += f"{parts[0][depth]}/"
        depth += 1
    return common
