"""Pinned photos: the user's captures in `preview_photos/` of a workspace, which every preview shows.

They belong to the user, not to a run, and may change during a run. Needs no torch.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainer_core.data.captures import Capture, read_captures
from trainer_core.errors import UserError
from trainer_core.files import unique_name, write_bytes
from trainer_core.input_files import list_matching, read_regular
from trainer_core.pixels import as_rgb
from trainer_core.watches import WATCHES, select_watch

MAX_PINNED = 12  # photos in one preview
_MAX_FILES = 100  # files to read
_MAX_NAME_LENGTH = 100  # bytes
_FORBIDDEN_CHARACTERS = frozenset('<>:"/\\|?*')


class WrongWatch(UserError):
    """A capture from the other watch than that of the run."""


class NoRoom(UserError):
    """Refusal of a capture because `MAX_PINNED` photos are pinned."""


@dataclass(frozen=True)
class PinnedPhoto:
    """A pinned photo. `name` is unique in the folder and valid in a file name; `pixels` is uint8 [H, W, 3]."""

    name: str
    file: Path
    pixels: np.ndarray


@dataclass(frozen=True)
class PinnedFolder:
    """Content of the folder; `refused` maps names of files that are not shown to the reason."""

    photos: list[PinnedPhoto] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def read_pinned_photos(folder: Path, *, mono: bool) -> PinnedFolder:
    """Read the first `MAX_PINNED` photos of the mono or the color watch, in the order of their file names."""
    found = PinnedFolder()
    names: set[str] = set()
    try:
        files = _list_files(folder)
    except OSError as error:
        found.refused[folder.name] = f"{folder} cannot be read: {error.strerror or error}."
        return found
    for file in files[:_MAX_FILES]:
        try:
            captures = _matching_captures(file, mono=mono)
        except UserError as error:
            found.refused[file.name] = error.message
            continue
        for capture in captures:
            if len(found.photos) == MAX_PINNED:
                found.refused[file.name] = f"{file} is not shown: a preview shows at most {MAX_PINNED} pinned photos."
                return found
            found.photos.append(PinnedPhoto(_safe_name(capture.name, names), file, as_rgb(capture.pixels)))
    return found


def list_pinned_files(folder: Path) -> list[Path]:
    """List the files of the folder that may hold pinned photos of either watch; none if it cannot be read."""
    try:
        return _list_files(folder)[:_MAX_FILES]
    except OSError:
        return []


def pin_photo(source: Path, folder: Path, *, mono: bool) -> Path:
    """Copy a capture into `folder` under a free name; return the copy, or the existing file with the same content.

    Raises:
        WrongWatch: the capture is from the other watch.
        NoRoom: `MAX_PINNED` photos are pinned.
        UserError: the file is no capture, or copying failed.
    """
    _matching_captures(source, mono=mono)
    try:
        content = read_regular(source)
        target = _choose_target(folder, source.name.lstrip("."), content)
        if os.path.exists(target):
            return target
        if len(read_pinned_photos(folder, mono=mono).photos) >= MAX_PINNED:
            raise NoRoom(f"A preview shows at most {MAX_PINNED} pinned photos. Unpin one first.")
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(target, content)
    except OSError as error:
        text = (
            f"{source.name} cannot be copied to {folder}: {error.strerror or error}. Make room there or choose another "
            "workspace, then try again."
        )
        raise UserError(text) from error
    return target


def unpin_photo(name: str, folder: Path) -> Path | None:
    """Delete the file of the pinned photo `name`; return its path, or None if there was no such photo.

    Raises:
        UserError: the file cannot be deleted.
    """
    photos = [photo for mono in (True, False) for photo in read_pinned_photos(folder, mono=mono).photos]
    for photo in photos:
        if photo.name == name:
            try:
                photo.file.unlink(missing_ok=True)
            except OSError as error:
                text = (
                    f"{photo.file} cannot be deleted: {error.strerror or error}. "
                    "Close what uses it, or delete it in the file manager."
                )
                raise UserError(text) from error
            return photo.file
    return None


def _list_files(folder: Path) -> list[Path]:
    return [path for path in list_matching(folder, "*") if os.path.isfile(path) and not path.name.startswith(".")]


def _matching_captures(file: Path, *, mono: bool) -> list[Capture]:
    captures = read_captures(file)
    watch, expected = WATCHES[captures[0].kind], select_watch(mono=mono)
    if watch != expected:
        raise WrongWatch(f"{file} is from a {watch.description}, but this run is for a {expected.description}.")
    return captures


def _choose_target(folder: Path, name: str, content: bytes) -> Path:
    """Return the existing file with this content, or a path with an unused stem: previews show names without suffix."""
    stem, suffix = Path(name).stem, Path(name).suffix
    existing = {path.stem.lower(): path for path in _list_files(folder)}
    candidate, number = stem, 1
    while candidate.lower() in existing:
        if read_regular(existing[candidate.lower()], len(content) + 1) == content:
            return existing[candidate.lower()]
        number += 1
        candidate = f"{stem}_{number}"
    return folder / f"{candidate}{suffix}"


def _safe_name(name: str, names: set[str]) -> str:
    plain = "".join(c if c.isprintable() and c not in _FORBIDDEN_CHARACTERS else "_" for c in name)
    plain = plain.encode("utf-8")[:_MAX_NAME_LENGTH].decode("utf-8", "ignore")
    return unique_name(plain, names)
