"""Classification of dropped paths: photos, a run, weights, settings, a camera profile, a watch photo or a picture.

`classify_path` uses names only; `classify_content` also reads pictures and JSON files. Needs no torch.
"""

from __future__ import annotations

import os
from enum import Enum
from pathlib import Path

from trainer_core.data.captures import PALM_SUFFIX, RECORD_SUFFIX, read_captures
from trainer_core.data.photos import EXTENSIONS
from trainer_core.errors import UserError
from trainer_core.files import real_path
from trainer_core.input_files import read_regular
from trainer_core.json_files import parse_json
from trainer_core.settings.config import SETTINGS, WEIGHT_FILES
from trainer_core.workspace.layout import Workspace

WEIGHTS = frozenset(WEIGHT_FILES.suffixes)
_PROFILE = ".json"
_MAX_JSON_BYTES = 1 << 20
_PROFILE_KEYS = {"ranges", "chances"}
_RUN_FILES = ("training_config.json", "journal.jsonl")


class PathKind(Enum):
    """Kind of a dropped path, which decides what the window does with it."""

    RUN = "run"  # a workspace: open it
    PHOTOS = "photos"  # a folder: the source
    CHECKPOINT = "checkpoint"  # of the open workspace: resume
    WEIGHTS = "weights"  # any other weight file: warm start
    PROFILE = "profile"  # a camera profile; by name alone, any JSON file
    SETTINGS = "settings"  # exported, or `training_config.json` of a workspace: import
    WATCH_PHOTO = "watch photo"  # an unchanged capture: pin it in the previews
    PICTURE = "picture"
    UNKNOWN_JSON = "unknown JSON"  # from another program
    INVALID_JSON = "invalid JSON"  # not readable as JSON
    OTHER = "other"


def classify_path(path: Path, workspace: Path | None = None) -> PathKind:
    """Return the kind of `path` by its name; OTHER if it does not exist.

    Args:
        path: a file or folder.
        workspace: the open workspace; only its own weight files are checkpoints.
    """
    if os.path.isdir(path):
        return PathKind.RUN if any(os.path.isfile(path / name) for name in _RUN_FILES) else PathKind.PHOTOS
    suffix = path.suffix.lower()
    if not os.path.isfile(path):
        return PathKind.OTHER
    if suffix in WEIGHTS:
        inside = workspace is not None and Workspace(real_path(workspace)).checkpoints_folder in real_path(path).parents
        return PathKind.CHECKPOINT if inside else PathKind.WEIGHTS
    if suffix == _PROFILE:
        return PathKind.PROFILE
    return PathKind.PICTURE if suffix in EXTENSIONS else PathKind.OTHER


def classify_content(path: Path) -> PathKind:
    """Return the kind of `path` by its content for pictures and JSON, otherwise by its name.

    Call it outside the window's thread: it reads the file.
    """
    kind = classify_path(path)
    if kind is PathKind.PROFILE:
        return _classify_json(path)
    if kind not in (PathKind.PICTURE, PathKind.OTHER) or not os.path.isfile(path):
        return kind
    if path.suffix.lower() in (PALM_SUFFIX, RECORD_SUFFIX):  # even if damaged: pinning it reports the reason
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
        content = parse_json(read_regular(path))
    except (OSError, ValueError):
        return PathKind.INVALID_JSON
    if not isinstance(content, dict):
        return PathKind.UNKNOWN_JSON
    if _PROFILE_KEYS & content.keys():
        return PathKind.PROFILE  # choosing it reports whether it can be used
    names = {name for name, setting in SETTINGS.items() if setting.stored}
    return PathKind.SETTINGS if names & content.keys() else PathKind.UNKNOWN_JSON
