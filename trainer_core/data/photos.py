"""Find the photos under the source folder: `scan_photos` lists each one once, checks its header and sorts by name.

The source folder is opened read-only. `folder_walk` finds the files and their names; lists are sorted by the bytes of
the names, so nothing depends on the order of the file system. Undecodable bytes in names stay surrogate escapes, which
JSON with `ensure_ascii` preserves.
"""

from __future__ import annotations

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn, TypeVar

from trainer_core.control import Stopped
from trainer_core.data.captures import is_watch_photo
from trainer_core.data.decoding import PhotoError, check_photo, decode
from trainer_core.data.folder_walk import FolderWalk, UnusedFile, name_bytes
from trainer_core.data.formats import FOREIGN_SUFFIXES, describe_foreign_suffix, is_video
from trainer_core.data.passed_over import find_run_results
from trainer_core.data.photo_error import DECODE_TIMEOUT, timeout_error
from trainer_core.errors import UserError
from trainer_core.input_files import find_access_problem, open_regular
from trainer_core.pasted_path import describe_foreign_path
from trainer_core.text import escape_control_characters
from trainer_core.workers import WorkerPool

__all__ = [
    "EXTENSIONS",
    "Photo",
    "PhotoError",
    "Scan",
    "ScanCanceled",
    "UnusedFile",
    "WatchPhotosOnly",
    "decode",
    "name_bytes",
    "scan_photos",
]

EXTENSIONS = frozenset({".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".tif", ".tiff", ".webp", ".bmp"})
WATCH_PHOTO_REASON = "a photo from the watch, or of its size and look; train on ordinary sharp photos"
_THREADS = 8

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")


@dataclass(frozen=True)
class Photo:
    """One usable photo: `width` and `height` in pixels after EXIF orientation, `file_bytes` the size on disk."""

    path: Path
    name: str
    width: int
    height: int
    file_bytes: int = 0


class ScanCanceled(Stopped):
    """The end of a scan because `should_continue` returned False."""


class WatchPhotosOnly(UserError):
    """A source folder whose pictures are photos from the watch."""


@dataclass(frozen=True)
class Scan:
    """The content of a source folder; all tuples are sorted by the bytes of the names.

    Attributes:
        root: the source folder.
        photos: the usable photos.
        rejected: files with the extension of a picture that are not used, and folders that cannot be read.
        passed_over: files and folders that hold no photos of the user, such as thumbnails and workspaces.
        linked: links to folders outside of `root`, whose photos are used; the reason is the folder.
    """

    root: Path
    photos: tuple[Photo, ...]
    rejected: tuple[UnusedFile, ...]
    passed_over: tuple[UnusedFile, ...] = ()
    linked: tuple[UnusedFile, ...] = ()


def scan_photos(
    root: Path,
    *,
    exclude: Sequence[Path] = (),
    preferred_names: Collection[str] = (),
    duplicates: bool = False,
    accept_captures: bool = False,
    should_continue: Callable[[], bool] = lambda: True,
) -> Scan:
    """List the usable photos under `root`; read their headers, and whole files only to find duplicates.

    Args:
        root: the source folder.
        exclude: folders to leave out, such as a workspace inside the source.
        preferred_names: the names to list where files are duplicates (those of the recorded split); otherwise the
            first name is listed.
        duplicates: whether to list duplicates as well.
        accept_captures: whether to list photos from the watch like others.
        should_continue: called before every file; once it returns False, the scan stops.

    Raises:
        WatchPhotosOnly: most pictures are photos from the watch, and none is usable.
        UserError: the folder is missing or unreadable, or has no usable photo for another reason.
        ScanCanceled: `should_continue` returned False.
    """
    root = Path(os.path.abspath(root))
    if not os.path.isdir(root):
        problem = find_access_problem(root) or "is a file, not a folder"
        if describe_foreign_path(root):
            raise UserError(describe_foreign_path(root))
        raise UserError(f"The source folder {root} {problem}. Choose a folder with photos.")
    if find_run_results(root) is not None:
        raise UserError(f"Choose the folder with your photos: {root} holds results of a run.")
    walk = FolderWalk(root, exclude)
    files = list(_take_while(should_continue, walk.iterate_files()))
    named = [(name, path) for name, path in files if path.suffix.lower() in EXTENSIONS | FOREIGN_SUFFIXES]
    photos, rejected = _separate_rejected(_check_files(named, should_continue, accept_captures=accept_captures))
    photos, repeated = (photos, []) if duplicates else _without_duplicates(photos, preferred_names, should_continue)
    unused = _sort_by_name(walk.unreadable + rejected + repeated)
    videos = [UnusedFile(name, describe_foreign_suffix(path.suffix)) for name, path in files if is_video(path.suffix)]
    passed_over = _sort_by_name([*filter(_could_be_missed, walk.passed_over), *videos])
    if not photos:
        _refuse_folder(root, unused, passed_over, len(files) - len(named) - len(videos))
    return Scan(root, tuple(photos), unused, passed_over, _sort_by_name(walk.linked))


def _sort_by_name(entries: Iterable[UnusedFile]) -> tuple[UnusedFile, ...]:
    return tuple(sorted(entries, key=lambda entry: name_bytes(entry.name)))


def _could_be_missed(entry: UnusedFile) -> bool:
    """Whether the user could look for photos in something passed over: not in .DS_Store and other hidden files."""
    return entry.name.endswith("/") or entry.reason != "hidden" or Path(entry.name).suffix.lower() in EXTENSIONS


def _take_while(should_continue: Callable[[], bool], items: Iterable[ItemT]) -> Iterator[ItemT]:
    for item in items:
        if not should_continue():
            raise ScanCanceled
        yield item


def _in_parallel(
    work: Callable[[ItemT], ResultT],
    items: Iterable[ItemT],
    on_timeout: Callable[[ItemT], ResultT],
    should_continue: Callable[[], bool],
) -> Iterator[ResultT]:
    """Yield the results in the order of the items; a canceled scan waits for nothing."""

    def check_stop() -> None:
        if not should_continue():
            raise ScanCanceled

    with WorkerPool(_THREADS, name="scan", timeout=DECODE_TIMEOUT) as pool:
        yield from pool.map(work, items, on_timeout=on_timeout, check_stop=check_stop)


def _check_files(
    files: list[tuple[str, Path]], should_continue: Callable[[], bool], *, accept_captures: bool
) -> list[Photo | UnusedFile]:
    files = sorted(files, key=lambda file: name_bytes(file[0]))
    check = partial(_check_file, accept_captures=accept_captures)
    return list(_in_parallel(check, files, lambda file: UnusedFile(file[0], timeout_error().message), should_continue))


def _check_file(file: tuple[str, Path], *, accept_captures: bool) -> Photo | UnusedFile:
    name, path = file
    try:
        if not os.path.isfile(path):
            return UnusedFile(name, "a broken link or not a regular file")
        width, height = check_photo(path)
        if not accept_captures and is_watch_photo(path, width, height):
            return UnusedFile(name, WATCH_PHOTO_REASON)
        return Photo(path, name, width, height, path.stat().st_size)
    except PhotoError as error:
        return UnusedFile(name, error.message)
    except OSError as error:
        return UnusedFile(name, f"cannot be read: {error.strerror}")


def _separate_rejected(results: Sequence[Photo | UnusedFile]) -> tuple[list[Photo], list[UnusedFile]]:
    photos = [result for result in results if isinstance(result, Photo)]
    return photos, [result for result in results if isinstance(result, UnusedFile)]


def _without_duplicates(
    photos: list[Photo], preferred_names: Collection[str], should_continue: Callable[[], bool]
) -> tuple[list[Photo], list[UnusedFile]]:
    """Reject files with exactly the bytes of another; only files of equal size are read."""
    by_size: dict[int, list[Photo]] = defaultdict(list)
    for photo in photos:
        by_size[photo.file_bytes].append(photo)
    same_size = [photo for group in by_size.values() if len(group) > 1 for photo in group]
    same_size.sort(key=lambda photo: (photo.name not in preferred_names, name_bytes(photo.name)))
    first: dict[bytes, str] = {}
    duplicates: dict[str, str] = {}
    for photo, digest in zip(same_size, _in_parallel(_hash_file, same_size, _unique_digest, should_continue)):
        original = first.setdefault(digest, photo.name)
        if original != photo.name:
            duplicates[photo.name] = original
    unique = [photo for photo in photos if photo.name not in duplicates]
    return unique, [UnusedFile(name, f"a duplicate of {original}") for name, original in duplicates.items()]


def _hash_file(photo: Photo) -> bytes:
    digest = hashlib.sha256()
    try:
        with open_regular(photo.path) as file:
            for block in iter(lambda: file.read(1 << 20), b""):
                digest.update(block)
    except OSError:
        return _unique_digest(photo)
    return digest.digest()


def _unique_digest(photo: Photo) -> bytes:
    """Return a value unequal to any digest, for a file that cannot be read; decoding reports the problem."""
    return name_bytes(photo.name)


def count_watch_photos(rejected: Sequence[UnusedFile]) -> int:
    """Count the files that were rejected because they are photos from the watch."""
    return sum(entry.reason == WATCH_PHOTO_REASON for entry in rejected)


def describe_watch_photos(root: Path, count: int, total: int) -> str:
    """Return why a folder with so many photos from the watch, of all its pictures, is no source folder."""
    return (
        "Choose ordinary photos; add watch photos to the previews. "
        f"{count} of the {total} pictures in {root} are from the watch."
    )


def _refuse_folder(
    root: Path, rejected: Sequence[UnusedFile], passed_over: Sequence[UnusedFile], ignored: int
) -> NoReturn:
    """Raise the reason why a folder has no usable photo."""
    from_watch = count_watch_photos(rejected)
    if 2 * from_watch > len(rejected):
        raise WatchPhotosOnly(describe_watch_photos(root, from_watch, len(rejected)))
    raise UserError(_no_photos_message(root, rejected, passed_over, ignored))


def _no_photos_message(
    root: Path, rejected: Sequence[UnusedFile], passed_over: Sequence[UnusedFile], ignored: int
) -> str:
    formats = "PNG, JPEG, TIFF, WebP or BMP"
    if rejected:
        name, reason = escape_control_characters(rejected[0].name), rejected[0].reason
        return (
            f"No photo in {root} can be used. Rejected files: {len(rejected)}; the first: {name} ({reason}). "
            f"Add {formats} photos to it or choose another folder."
        )
    content = f"no photos (other files: {ignored})" if ignored else "no files"
    if passed_over:
        name, reason = escape_control_characters(passed_over[0].name), passed_over[0].reason
        content = f"no photos. Passed over: {len(passed_over)}; the first: {name} ({reason})"
    return f"The source folder {root} contains {content}. Add {formats} photos to it or choose another folder."
