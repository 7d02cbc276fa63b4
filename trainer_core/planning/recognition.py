"""What a dropped path is meant as: photos, a run, weights, a camera profile, a watch photo, or another single picture.

`recognise` reads names only; `look_into` opens the file, since a watch photo shows itself by its content. No torch.
"""

from __future__ import annotations

import json
from enum import Enum
from pathlib import Path

from trainer_core.data.captures import PALM_SUFFIX, read_captures
from trainer_core.data.photos import EXTENSIONS
from trainer_core.errors import UserError
from trainer_core.settings.config import SETTINGS, WEIGHT_FILES
from trainer_core.workspace.layout import Workspace

WEIGHTS = frozenset(WEIGHT_FILES.suffixes)
_PROFILE = ".json"
_LARGEST_JSON = 1 << 20
_OF_A_PROFILE = {"ranges", "chances"}
_MARKS_OF_A_RUN = ("training_config.json", "journal.jsonl")


class Kind(Enum):
    """The meanings of a path."""

    RUN = "run"  # a workspace: open it
    PHOTOS = "photos"  # a folder: the source
    CHECKPOINT = "checkpoint"  # of the workspace that is open: resume
    WEIGHTS = "weights"  # any other weight file: warm start
    PROFILE = "profile"  # of a camera; by its name alone, any JSON file
    SETTINGS = "settings"  # of a run, exported or a workspace's: imported
    WATCH_PHOTO = "watch photo"  # untouched, as the watch took it: pinned in the previews
    PICTURE = "picture"
    STRANGE_JSON = "strange JSON"  # of another program
    BROKEN_JSON = "broken JSON"  # no JSON in spite of its name
    OTHER = "other"


def recognise(path: Path, workspace: Path | None = None) -> Kind:
    """What `path` is by its name, given the workspace that is open; OTHER if it is missing or of no known kind."""
    if path.is_dir():
        return Kind.RUN if any((path / name).is_file() for name in _MARKS_OF_A_RUN) else Kind.PHOTOS
    suffix = path.suffix.lower()
    if not path.is_file():
        return Kind.OTHER
    if suffix in WEIGHTS:
        inside = workspace is not None and Workspace(workspace.resolve()).checkpoints in path.resolve().parents
        return Kind.CHECKPOINT if inside else Kind.WEIGHTS
    if suffix == _PROFILE:
        return Kind.PROFILE
    return Kind.PICTURE if suffix in EXTENSIONS else Kind.OTHER


def look_into(path: Path) -> Kind:
    """What the content says of pictures and of JSON, otherwise what the name says.

    Reads the file: not for the window's thread.
    """
    kind = recognise(path)
    if kind is Kind.PROFILE:
        return _kind_of_json(path)
    if kind not in (Kind.PICTURE, Kind.OTHER) or not path.is_file():
        return kind
    if path.suffix.lower() == PALM_SUFFIX:  # even when damaged: pinning it gives the reason
        return Kind.WATCH_PHOTO
    try:
        read_captures(path)
    except UserError:
        return kind
    return Kind.WATCH_PHOTO


def _kind_of_json(path: Path) -> Kind:
    try:
        if path.stat().st_size > _LARGEST_JSON:
            return Kind.STRANGE_JSON
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return Kind.BROKEN_JSON
    if not isinstance(content, dict):
        return Kind.STRANGE_JSON
    if _OF_A_PROFILE & content.keys():
        return Kind.PROFILE  # whether it can be used shows when it is chosen
    names = {name for name, setting in SETTINGS.items() if setting.stored}
    return Kind.SETTINGS if names & content.keys() else Kind.STRANGE_JSON
