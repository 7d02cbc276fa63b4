"""Recognize the folders of a divided data set: `find_folder_splits` maps photos to the split that their folder names.

Names are compared word by word, so that train, Training, val, validation, eval, train_HR and DIV2K_train_HR count, and
a folder with other words, such as "train trip", does not. Only the first folder of a name decides, below a folder that
contains everything.
"""

from __future__ import annotations

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
        "sharp",  # REDS
    )
)
_DATA_SET = re.compile(r"(?=.*\d)[a-z0-9]+|coco|imagenet|lsdir")  # div2k, bsds500; also the 512 of train_512
_REDUCED_WORDS = frozenset(("bicubic", "unknown", "mild", "difficult", "wild"))  # how DIV2K reduced its photos
_ORIGINAL = re.compile(r"hr|gt(mod\d+)?")
_REDUCED = re.compile(r"(lr|lq)(bic[a-z]*)?(x?\d+)?")  # LR, LQ, LRbicx4, LRx4, LR4
_FACTOR = re.compile(r"x[2348]|[2348]x|bicubic")  # X4, 4x
_FRAMES = frozenset(("sharp", "blur"))  # REDS: train_sharp_bicubic holds reduced frames of train_sharp
_ORIGINAL_FILE = re.compile(r"(.+)[ _-](?:hr|gt)(?:x?\d+)?")
# a_LR, a_LR4; of the benchmarks of SelfExSR also a_SRF_4_bicubic and what other programs made of a_SRF_4_LR
_COPY_FILE = re.compile(r"(.+)[ _-](?:lr|lq)(?:x?\d+)?|(.+_srf_\d)_(?!hr).+")
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

    A folder LR, LQ or X4 counts only beside one with the photos themselves (HR or GT), one like DIV2K_train_LR_bicubic
    or train_sharp_bicubic always.
    """
    words = {name: set(_words(name)) for name in names}
    originals = [found for found in words.values() if any(map(_ORIGINAL.fullmatch, found))]
    return [name for name, found in words.items() if found not in originals and _is_reduced(found, originals)]


def find_reduced_files(names: Iterable[str]) -> list[str]:
    """Return the files that are copies of another one by their names: a_LR.png and a_LR4.png beside a_HR.png."""
    stems = {name: name.lower().rpartition(".")[0] for name in names}
    originals = {match[1] for match in map(_ORIGINAL_FILE.fullmatch, stems.values()) if match}
    copies = ((name, _COPY_FILE.fullmatch(stem)) for name, stem in stems.items())
    return [name for name, match in copies if match and (match[1] or match[2]) in originals]


def _is_reduced(words: set[str], originals: list[set[str]]) -> bool:
    if any(map(_REDUCED.fullmatch, words)):
        return bool(originals or words & _REDUCED_WORDS)
    if "bicubic" in words and words & _FRAMES:
        return True
    others = {word for word in words if not _FACTOR.fullmatch(word)}
    return others < words and any(others <= found for found in originals)


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
