"""Durable files: written under a temporary name in the same folder, flushed, fsynced and renamed.

A crash at any moment leaves either the old content or the new one on disk, never a mixture. A file that cannot be
written raises `WriteError`, whatever library wrote it.
"""

from __future__ import annotations

import contextlib
import errno
import filecmp
import hashlib
import io
import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

_RENAME_RETRY_SECONDS = 2.5  # virus scanners and indexers on Windows hold new files open for a moment
_WINDOWS_SHARING_ERRORS = (5, 32, 33)
_WINDOWS_NOT_FOUND_ERRORS = (2, 3, 206)
_WINDOWS_MAX_PATH = 248  # characters; 260 with a name of the old form, 8.3, in it
TEMPORARY_SUFFIX = ".tmp"
_MAX_STEM_BYTES = 230  # of 255, the limit of most file systems
_MAX_NAME_BYTES = 220  # a longer name leaves no room for what the temporary name adds

# Reasons in words, by the names of the system's error numbers; not every system has all of them.
_REASONS = {
    "the disk is full": ("ENOSPC",),
    "your disk quota is used up": ("EDQUOT",),
    "the disk is read-only": ("EROFS",),
    "access is denied": ("EACCES", "EPERM"),
    "its folder does not exist": ("ENOENT", "ENOTDIR"),
    "the drive is not connected": ("ESTALE", "ENOTCONN", "EHOSTDOWN", "EHOSTUNREACH", "ETIMEDOUT", "ENODEV", "ENXIO"),
    "the disk reports an error": ("EIO",),
    "the file is larger than this disk allows": ("EFBIG",),
    "too many files are open": ("EMFILE", "ENFILE"),
}
_REASON_OF = {getattr(errno, name): text for text, names in _REASONS.items() for name in names if hasattr(errno, name)}
_NO_ROOM = tuple(getattr(errno, name) for name in ("ENOSPC", "EDQUOT") if hasattr(errno, name))
_NO_SYNC = tuple(
    getattr(errno, name) for name in ("EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "ENOTTY") if hasattr(errno, name)
)


class WriteError(OSError):
    """The failure to write a file: the error of the system, with the reason in words.

    Args:
        path: the file that keeps its old content, or its absence.
        cause: the error of the system.
    """

    def __init__(self, path: Path, cause: OSError) -> None:
        super().__init__(cause.errno or errno.EIO, describe_error(cause), str(path))

    def __str__(self) -> str:
        return f"{self.filename} cannot be written: {self.strerror}"


def describe_error(error: OSError) -> str:
    """Return the reason of an error of the system in words, with the system's own words behind it."""
    if isinstance(error, WriteError):
        return error.strerror or ""
    words = error.strerror or str(error) or type(error).__name__
    reason = _windows_reason(error) or _REASON_OF.get(error.errno or 0)
    return f"{reason} ({words})" if reason else words


def _windows_reason(error: OSError) -> str:
    """Return the reason of an error of Windows that its POSIX number does not tell, or ""."""
    number = getattr(error, "winerror", None) or 0
    if number in _WINDOWS_NOT_FOUND_ERRORS and len(str(error.filename or "")) >= _WINDOWS_MAX_PATH:
        return "the path is too long for Windows; use a folder with a shorter path, or allow long paths in the system"
    return "another program has it open" if number in _WINDOWS_SHARING_ERRORS[1:] else ""


def explain_error(error: OSError) -> str:
    """Return a sentence on an error of the system that names the file, if the error knows it."""
    if isinstance(error, WriteError):
        return f"{error}."
    return f"{error.filename}: {describe_error(error)}." if error.filename else f"{describe_error(error)}."


def is_lack_of_room(error: OSError) -> bool:
    """Whether the error means that the disk or the quota is full."""
    return error.errno in _NO_ROOM


class _RecordingWriter(io.BufferedWriter):
    """Buffered file that keeps the system's first error, because torch replaces it with an error without a cause."""

    error: OSError | None = None

    def write(self, data: Any) -> int:
        with self._recording():
            return super().write(data)

    def flush(self) -> None:
        with self._recording():
            super().flush()

    @contextlib.contextmanager
    def _recording(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.error = self.error or error
            raise


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for writing bytes that replace its content durably on a clean exit; an error changes nothing.

    Raises:
        WriteError: the file cannot be written, or is a device, a pipe or a socket. It takes the place of any error that
            a library raises in the `with` block because of it.
    """
    temporary = _temporary_path(path)
    file = None
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):  # replacing /dev/null would break the system
            raise OSError(errno.EINVAL, "it is a device, a pipe or a socket, not a regular file", str(path))
        with _RecordingWriter(io.FileIO(temporary, "w")) as file:
            yield file
            file.flush()
            if file.error is not None:
                raise file.error
            sync_file(file.fileno())
        rename_file(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        cause = file.error if file is not None and file.error is not None else error
        if isinstance(error, Exception) and isinstance(cause, OSError) and not isinstance(cause, WriteError):
            raise WriteError(path, cause) from error
        raise
    sync_folder(path.parent)


def _temporary_path(path: Path) -> Path:
    name = path.name
    if len(os.fsencode(name)) > _MAX_NAME_BYTES:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()[:16]
    return path.with_name(f".{name}.{os.getpid()}{TEMPORARY_SUFFIX}")


def link_or_copy(source: Path, target: Path) -> None:
    """Make `target` a hard link to `source`, atomically; where the file system has no links, a durable copy.

    Raises:
        WriteError: neither is possible, or the copy reads back differently.
    """
    temporary = _temporary_path(target)
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()
    try:
        os.link(source, temporary)
    except OSError:
        _copy(source, target)
        return
    try:
        rename_file(temporary, target)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise WriteError(target, error) from error
    with contextlib.suppress(FileNotFoundError):
        temporary.unlink()  # POSIX renames nothing if `target` is a link to the same file already
    sync_folder(target.parent)


def _copy(source: Path, target: Path) -> None:
    with atomic_write(target) as file:
        with open(source, "rb") as original:
            shutil.copyfileobj(original, file, 1 << 20)
        file.flush()
        if not filecmp.cmp(source, file.name, shallow=False):
            raise WriteError(target, OSError(errno.EIO, "the copy differs from the original"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write `content` durably; see `atomic_write`."""
    with atomic_write(path) as file:
        file.write(content)


def write_json(path: Path, data: Any) -> None:
    """Write `data` durably as indented UTF-8 JSON; undecodable file names survive as surrogate escapes."""
    write_bytes(path, json.dumps(data, indent=2, ensure_ascii=True).encode("ascii") + b"\n")


def file_identity(path: Path) -> tuple[int, int] | None:
    """Return the device and inode, equal for all names of one file or folder; None if it does not exist."""
    try:
        status = os.stat(path)
    except OSError:
        return None
    return status.st_dev, status.st_ino


def sync_file(descriptor: int) -> None:
    """Write the content of an open file through to the disk, as far as the file system can.

    Raises:
        OSError: the content could not be written.
    """
    if sys.platform == "darwin":
        import fcntl

        with contextlib.suppress(OSError):  # network drives know only fsync
            fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # fsync alone does not flush the drive's cache
            return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _NO_SYNC:
            raise


def real_path(path: Path) -> Path:
    """Return the absolute path without links; a link that leads to itself stays in it, where `resolve` would raise."""
    return Path(os.path.realpath(path))


def is_same_folder(one: Path | str, other: Path | str) -> bool:
    """Whether two paths lead to the same folder, whatever their spelling and the links in them."""
    identity = file_identity(Path(one))  # tells on a file system that ignores the case of letters
    return os.path.realpath(one) == os.path.realpath(other) or (
        identity is not None and identity == file_identity(Path(other))
    )


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable (POSIX; other systems need no call).

    An error is ignored: the file has its new content already, and some file systems cannot sync a folder.
    """
    if os.name != "posix":
        return
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def remove_stale_temporaries(folder: Path) -> int:
    """Delete the files that interrupted `atomic_write` calls left in `folder`; return their number.

    Call it only while holding the workspace's lock.
    """
    strays = list(folder.glob(f".*{TEMPORARY_SUFFIX}")) if folder.is_dir() else []
    for stray in strays:
        with contextlib.suppress(OSError):
            stray.unlink()
    return len(strays)


def rename_file(source: Path, target: Path) -> None:
    """Rename a file or a folder, replacing a file; on Windows wait a moment for a program that has it open."""
    deadline = time.monotonic() + _RENAME_RETRY_SECONDS
    while True:
        try:
            os.replace(source, target)
            return
        except OSError as error:
            sharing = os.name == "nt" and getattr(error, "winerror", 0) in _WINDOWS_SHARING_ERRORS
            if not sharing or time.monotonic() > deadline:
                raise
            time.sleep(0.05)


def unique_name(name: str, used_names: set[str]) -> str:
    """Return `name`, or `name_2` and so on if it is used (ignoring case), and add it to `used_names` in lower case.

    A name that would be too long for a file with an addition such as `_compare.png` is shortened.
    """
    name = shorten_name(name)
    candidate, number = name, 1
    while candidate.lower() in used_names:
        number += 1
        candidate = f"{name}_{number}"
    used_names.add(candidate.lower())
    return candidate


def shorten_name(name: str) -> str:
    """Return a name without its end if it is too long for a file with an addition such as `_compare.png`."""
    while len(os.fsencode(name)) > _MAX_STEM_BYTES:
        name = name[:-1]
    return name
