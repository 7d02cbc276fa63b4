"""The user's own watch photos that every preview shows: whatever lies in a workspace's `preview_photos/`.

Files may come and go while a training runs; they are the user's, not the run's. Needs no torch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from trainer_core.data.captures import Capture, read_captures
from trainer_core.errors import UserError
from trainer_core.files import unique_name, write_bytes
from trainer_core.pixels import as_rgb
from trainer_core.watches import WATCHES, select_watch

MAX_PINNED = 12  # of one preview
_MAX_FILES = 100  # looked at
_MAX_NAME_LENGTH = 100  # bytes
_FORBIDDEN_CHARACTERS = frozenset('<>:"/\\|?*')


@dataclass(frozen=True)
class PinnedPhoto:
    """One watch photo. `name` is unique among the folder's and fit for a file name; pixels are uint8 [h, w, 3]."""

    name: str
    file: Path
    pixels: np.ndarray


@dataclass(frozen=True)
class PinnedFolder:
    """What the folder holds; `refused` are file names with the reason why they are not shown."""

    photos: list[PinnedPhoto] = field(default_factory=list)
    refused: dict[str, str] = field(default_factory=dict)


def read_pinned_photos(folder: Path, *, mono: bool) -> PinnedFolder:
    """The first `MOST_PHOTOS` photos of the wanted kind of watch, in the order of their files' names."""
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
                found.refused[file.name] = f"{file}: a preview shows no more than {MAX_PINNED} photos."
                return found
            found.photos.append(PinnedPhoto(_safe_name(capture.name, names), file, as_rgb(capture.pixels)))
    return found


def pin_photo(source: Path, folder: Path, *, mono: bool) -> Path:
    """Copy a watch photo into `folder`, beside others of its name; the copy, or the one there with the same content.

    Raises:
        UserError: it is no watch photo, of the other kind of watch, there are enough, or it cannot be written.
    """
    _matching_captures(source, mono=mono)
    try:
        content = source.read_bytes()
        target = _choose_target(folder, source.name.lstrip("."), content)
        if target.exists():
            return target
        if len(read_pinned_photos(folder, mono=mono).photos) >= MAX_PINNED:
            raise UserError(f"{MAX_PINNED} watch photos are pinned already, more are not shown. Unpin one first.")
        folder.mkdir(parents=True, exist_ok=True)
        write_bytes(target, content)
    except OSError as error:
        raise UserError(f"{source.name} cannot be copied to {folder}: {error.strerror or error}.") from error
    return target


def unpin_photo(name: str, folder: Path) -> Path | None:
    """Delete the file in `folder` that the photo called `name` is from; that file, or None if it was gone.

    Raises:
        UserError: it cannot be deleted.
    """
    photos = [photo for mono in (True, False) for photo in read_pinned_photos(folder, mono=mono).photos]
    for photo in photos:
        if photo.name == name:
            try:
                photo.file.unlink(missing_ok=True)
            except OSError as error:
                raise UserError(f"{photo.file} cannot be deleted: {error.strerror or error}.") from error
            return photo.file
    return None


def _list_files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))


def _matching_captures(file: Path, *, mono: bool) -> list[Capture]:
    captures = read_captures(file)
    found, wanted = WATCHES[captures[0].kind], select_watch(mono=mono)
    if found != wanted:
        raise UserError(f"{file} is of a {found.description}, but this training is for a {wanted.description}.")
    return captures


def _choose_target(folder: Path, name: str, content: bytes) -> Path:
    """Names are told apart without their endings: the endings do not appear in the previews."""
    stem, suffix = Path(name).stem, Path(name).suffix
    there = {path.stem.lower(): path for path in _list_files(folder)}
    candidate, number = stem, 1
    while candidate.lower() in there:
        if there[candidate.lower()].read_bytes() == content:
            return there[candidate.lower()]
        number += 1
        candidate = f"{stem}_{number}"
    return folder / f"{candidate}{suffix}"


def _safe_name(name: str, names: set[str]) -> str:
    plain = "".join(c if c.isprintable() and c not in _FORBIDDEN_CHARACTERS else "_" for c in name)
    plain = plain.encode("utf-8")[:_MAX_NAME_LENGTH].decode("utf-8", "ignore")
    return unique_name(plain, names)
