"""Find the photos under the source folder: once each, checked by header, listed in one fixed order.

The source is only ever read. A photo's name is its path relative to the source with forward slashes;
lists are sorted by the bytes of that name, so nothing depends on the file system's order. Undecodable
bytes in names stay as surrogate escapes, which JSON with `ensure_ascii` keeps.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from trainer_core.data.decoding import PhotoError, decode, read_size
from trainer_core.errors import UserError
from trainer_core.files import file_identity
from trainer_core.text import escape_control_characters

__all__ = [
    "EXTENSIONS",
    "Photo",
    "PhotoError",
    "RejectedFile",
    "Scan",
    "ScanCanceled",
    "decode",
    "name_bytes",
    "scan_photos",
]

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp"})
_MAX_DEPTH = 64
_THREADS = 8

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Photo:
    """One usable photo: `width` and `height` in pixels after EXIF orientation, `file_bytes` on disk."""

    path: Path
    name: str
    width: int
    height: int
    file_bytes: int = 0


@dataclass(frozen=True)
class RejectedFile:
    """One file with a photo's extension that is not used, and why."""

    name: str
    reason: str


class ScanCanceled(Exception):
    """Nobody waits for the answer any more."""


@dataclass(frozen=True)
class Scan:
    """What a source folder holds; both tuples are sorted by the bytes of the names."""

    root: Path
    photos: tuple[Photo, ...]
    rejected: tuple[RejectedFile, ...]


def name_bytes(name: str) -> bytes:
    """The bytes a name is sorted and hashed by, on every system alike."""
    return name.encode("utf-8", "surrogatepass")


def scan_photos(
    root: Path,
    *,
    exclude: Sequence[Path] = (),
    preferred_names: Collection[str] = (),
    duplicates: bool = False,
    should_continue: Callable[[], bool] = lambda: True,
) -> Scan:
    """List the usable photos under `root`, reading headers only (and whole files only to compare twins).

    Args:
        root: the source folder.
        exclude: folders to leave out, such as a workspace inside the source.
        keep: names that win over a twin with the same bytes (those of an earlier run); otherwise
            the first name wins.
        twins: list files with the bytes of another as well.
        wanted: asked before every file; once it is false, the scan is given up.

    Raises:
        UserError: the folder is missing or unreadable, or holds no usable photo.
        ScanGivenUp: see `wanted`.
    """
    root = Path(os.path.abspath(root))
    if not root.is_dir():
        found = "is a file, not a folder" if root.exists() else "does not exist"
        raise UserError(f"The source folder {root} {found}. Name a folder that holds photos.")
    shut: list[RejectedFile] = []
    files = list(_take_while(should_continue, _walk_files(root, {file_identity(path) for path in exclude}, shut)))
    named = [(name, path) for name, path in files if path.suffix.lower() in EXTENSIONS]
    photos, rejected = _separate_rejected(_check_all(named, should_continue))
    photos, surplus = (photos, []) if duplicates else _without_duplicates(photos, preferred_names, should_continue)
    rejected = sorted(shut + rejected + surplus, key=lambda entry: name_bytes(entry.name))
    if not photos:
        raise UserError(_no_photos_message(root, rejected, len(files) - len(named)))
    return Scan(root, tuple(photos), tuple(rejected))


def _walk_files(
    root: Path, seen: set[tuple[int, int] | None], unreadable: list[RejectedFile]
) -> Iterator[tuple[str, Path]]:
    """Every file below `root` as (name, path); each folder once however many links lead to it."""
    pending = [(root, "", 0)]
    while pending:
        folder, prefix, depth = pending.pop()
        identity = file_identity(folder)
        if depth > _MAX_DEPTH or (identity is not None and identity in seen):
            continue
        seen.add(identity)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: name_bytes(entry.name))
        except OSError as error:
            if not prefix:
                raise UserError(f"The source folder {root} cannot be read: {error.strerror}.") from error
            unreadable.append(RejectedFile(prefix.rstrip("/"), f"the folder cannot be read: {error.strerror}"))
            continue
        links: list[tuple[Path, str, int]] = []
        for entry in entries:
            if entry.name.startswith(".") or entry.name == "__MACOSX":
                continue
            if _is_folder(entry):
                below = (folder / entry.name, f"{prefix}{entry.name}/", depth + 1)
                (links if entry.is_symlink() else pending).append(below)
            else:
                yield prefix + entry.name, folder / entry.name
        pending[:0] = links  # links last, so that a folder is known by its own name rather than by a link's


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:
        return False


def _take_while(should_continue: Callable[[], bool], items: Iterable[ItemT]) -> Iterator[ItemT]:
    for item in items:
        if not should_continue():
            raise ScanCanceled
        yield item


def _in_parallel(
    work: Callable[[ItemT], ResultT], items: Iterable[ItemT], should_continue: Callable[[], bool]
) -> Iterator[ResultT]:
    """The results in the items' order; what has not begun when it is given up never does."""
    with ThreadPoolExecutor(_THREADS) as pool:
        try:
            yield from _take_while(should_continue, pool.map(work, items))
        except ScanCanceled:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _check_all(files: list[tuple[str, Path]], should_continue: Callable[[], bool]) -> list[Photo | RejectedFile]:
    return list(_in_parallel(_check, sorted(files, key=lambda file: name_bytes(file[0])), should_continue))


def _check(file: tuple[str, Path]) -> Photo | RejectedFile:
    name, path = file
    try:
        if not path.is_file():
            return RejectedFile(name, "a broken link or not a regular file")
        width, height = read_size(path)
        return Photo(path, name, width, height, path.stat().st_size)
    except PhotoError as error:
        return RejectedFile(name, error.message)
    except OSError as error:
        return RejectedFile(name, f"cannot be read: {error.strerror}")


def _separate_rejected(results: Sequence[Photo | RejectedFile]) -> tuple[list[Photo], list[RejectedFile]]:
    photos = [result for result in results if isinstance(result, Photo)]
    return photos, [result for result in results if isinstance(result, RejectedFile)]


def _without_duplicates(
    photos: list[Photo], preferred_names: Collection[str], should_continue: Callable[[], bool]
) -> tuple[list[Photo], list[RejectedFile]]:
    """Drop files with exactly the bytes of another; only files of equal size are read."""
    by_size: dict[int, list[Photo]] = defaultdict(list)
    for photo in photos:
        by_size[photo.file_bytes].append(photo)
    same_size = [photo for group in by_size.values() if len(group) > 1 for photo in group]
    same_size.sort(key=lambda photo: (photo.name not in preferred_names, name_bytes(photo.name)))
    first: dict[bytes, str] = {}
    twins: dict[str, str] = {}
    for photo, digest in zip(same_size, _in_parallel(_digest, same_size, should_continue)):
        original = first.setdefault(digest, photo.name)
        if original != photo.name:
            twins[photo.name] = original
    kept = [photo for photo in photos if photo.name not in twins]
    return kept, [RejectedFile(name, f"the same file as {original}") for name, original in twins.items()]


def _digest(photo: Photo) -> bytes:
    digest = hashlib.sha256()
    try:
        with open(photo.path, "rb") as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError:
        return name_bytes(photo.name)  # cannot be compared, so no twin; decoding will name the fault
    return digest.digest()


def _no_photos_message(root: Path, rejected: Sequence[RejectedFile], ignored: int) -> str:
    formats = "PNG, JPEG, TIFF, WebP or BMP"
    if rejected:
        name, reason = escape_control_characters(rejected[0].name), rejected[0].reason
        return (
            f"No usable photo in {root}: {len(rejected)} rejected, the first is {name} ({reason}). "
            f"Add {formats} photos to it or name another folder."
        )
    held = f"{ignored} other files, no photo" if ignored else "no file"
    return f"The source folder {root} holds {held}. Add {formats} photos to it or name another folder."
