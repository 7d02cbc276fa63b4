"""The names of preview files: `step00000100_1.png` for a validation frame, `step00000100_pinned_NAME.png` for one of
the user's own watch photos. The part after the step is the picture's key, the same in every preview of a run.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from trainer_core.events import Sample

_PINNED = "pinned_"
_NAME = re.compile(r"step(\d{8,})_(\d+|pinned_.+)\.png")


def keys_of(samples: Sequence[Sample]) -> tuple[str, ...]:
    """Each sample's key: validation frames by number, pinned photos by name."""
    return tuple(f"{_PINNED}{sample.name}" if sample.hr is None else str(n) for n, sample in enumerate(samples, 1))


def keys_of_files(files: Sequence[str]) -> tuple[str, ...]:
    """The same from the names of the files of one preview."""
    named = [step_and_key(Path(file)) for file in files]
    return tuple(found[1] for found in named if found)


def pinned_name(key: str) -> str:
    """The pinned photo that a key stands for, or "" for a validation frame."""
    return key[len(_PINNED) :] if key.startswith(_PINNED) else ""


def file_name(step: int, key: str) -> str:
    """Where a picture of a preview is written, within `previews/`."""
    return f"step{step:08d}_{key}.png"


def step_and_key(path: Path) -> tuple[int, str] | None:
    """What `file_name` was made of, or None for another file."""
    found = _NAME.fullmatch(path.name)
    return (int(found.group(1)), found.group(2)) if found else None


def previews_in(folder: Path) -> dict[int, tuple[str, ...]]:
    """Step -> keys of the pictures on disk: validation frames by number, then pinned photos by name."""
    found: dict[int, list[str]] = {}
    for path in folder.glob("step*.png") if folder.is_dir() else ():
        named = step_and_key(path)
        if named:
            found.setdefault(named[0], []).append(named[1])
    return {step: tuple(sorted(found[step], key=_order)) for step in sorted(found)}


def _order(key: str) -> tuple[bool, int, str]:
    return (False, int(key), "") if key.isdigit() else (True, 0, key)
