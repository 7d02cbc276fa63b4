"""Durable files: written under a temporary name in the same folder, flushed, fsynced and renamed.

A crash at any moment leaves either the old content or the new one on disk, never a mixture.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

_RENAME_RETRY_SECONDS = 2.5  # virus scanners and indexers on Windows hold new files open for a moment
_WINDOWS_SHARING_ERRORS = (5, 32, 33)
TEMPORARY_SUFFIX = ".tmp"


@contextlib.contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Open `path` for writing bytes that replace its content durably on a clean exit; an error changes nothing.

    Raises:
        OSError: the system's error; if the disk is full, its message names `path`.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            _sync(file.fileno())
        _replace(temporary, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(error.errno, f"the disk is full: could not write {path}") from error
        raise
    sync_folder(path.parent)


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


def sync_folder(folder: Path) -> None:
    """Make a rename in `folder` durable (POSIX; other systems need no call)."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:  # some network file systems cannot sync a folder
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def remove_stale_temporaries(folder: Path) -> int:
    """Delete the files that interrupted `atomic_write` calls left in `folder`; return their number.

    Call it only while holding the workspace's lock.
    """
    strays = list(folder.glob(f".*{TEMPORARY_SUFFIX}")) if folder.is_dir() else []
    for stray in strays:
        stray.unlink(missing_ok=True)
    return len(strays)


def _sync(descriptor: int) -> None:
    if sys.platform == "darwin":
        import fcntl

        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)  # fsync alone does not flush the drive's cache
    else:
        os.fsync(descriptor)


def _replace(source: Path, target: Path) -> None:
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
    """Return `name`, or `name_2` and so on if it is used (ignoring case), and add it to `used_names` in lower case."""
    candidate, number = name, 1
    while candidate.lower() in used_names:
        number += 1
        candidate = f"{name}_{number}"
    used_names.add(candidate.lower())
    return candidate
