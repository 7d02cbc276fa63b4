"""What a dropped path is meant as: photos, a run, weights, a camera profile, a watch photo, or another single picture.

`recognize` reads names only; `look_into` opens the file, since a watch photo shows itself by its content. No torch.
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
_MAX_JSON_BYTES = 1 << 20
_PROFILE_KEYS = {"ranges", "chances"}
_RUN_FILES = ("training_config.json", "journal.jsonl")


class PathKind(Enum):
    """The meanings of a path."""

    RUN = "run"  # a workspace: open it
    PHOTOS = "photos"  # a folder: the source
    CHECKPOINT = "checkpoint"  # of the workspace that is open: resume
    WEIGHTS = "weights"  # any other weight file: warm start
    PROFILE = "profile"  # of a camera; by its name alone, any JSON file
    SETTINGS = "settings"  # of a run, exported or a workspace's: imported
    WATCH_PHOTO = "watch photo"  # untouched, as the watch took it: pinned in the previews
    PICTURE = "picture"
    UNKNOWN_JSON = "strange JSON"  # of another program
    INVALID_JSON = "broken JSON"  # no JSON in spite of its name
    OTHER = "other"


def classify_path(path: Path, workspace: Path | None = None) -> PathKind:
    """What `path` is by its name, given the workspace that is open; OTHER if it is missing or of no known kind."""
    if path.is_dir():
        return PathKind.RUN if any((path / name).is_file() for name in _RUN_FILES) else PathKind.PHOTOS
    suffix = path.suffix.lower()
    if not path.is_file():
        return PathKind.OTHER
    if suffix in WEIGHTS:
        inside = workspace is not None and Workspace(workspace.resolve()).checkpoints_folder in path.resolve().parents
        return PathKind.CHECKPOINT if inside else PathKind.WEIGHTS
    if suffix == _PROFILE:
        return PathKind.PROFILE
    return PathKind.PICTURE if suffix in EXTENSIONS else PathKind.OTHER


def classify_content(path: Path) -> PathKind:
    """What the content says of pictures and of JSON, otherwise what the name says.

    Reads the file: not for the window's thread.
    """
    kind = classify_path(path)
    if kind is PathKind.PROFILE:
        return _classify_json(path)
    if kind not in (PathKind.PICTURE, PathKind.OTHER) or not path.is_file():
        return kind
    if path.suffix.lower() == PALM_SUFFIX:  # even when damaged: pinning it gives the reason
        return PathKind.WATCH_PHOTO
    try:
        read_captures(path)
    except UserError:
        return kind
    return PathKind.WATCH_PHOTO


def _classify_json(path: Path) -> PathKind:
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            return PathKind.UNKNOWN_JSON
        content = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return PathKind.INVALID_JSON
    if not isinstance(content, dict):
        return PathKind.UNKNOWN_JSON
    if _PROFILE_KEYS & content.keys():
        return PathKind.PROFILE  # whether it can be used shows when it is chosen
    names = {name for name, setting in SETTINGS.items() if setting.stored}
    return PathKind.SETTINGS if names & content.keys() else PathKind.UNKNOWN_JSON
