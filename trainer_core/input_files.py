"""Opening files that the program did not write itself: only regular files, at once, or an error in words.

Opening a named pipe waits until another program writes to it, and a device such as /dev/zero never ends. Every path of
the user is therefore opened here: anything but a regular file is refused with an `OSError` whose `strerror` says what
it is, so that callers report it as they report a missing file.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

MAX_LINE_BYTES = 8 << 20
MISSING = "does not exist"
CHECK_PATH = "Check its name and its folder."
"""What to do about a path that is not there, unless a caller knows better."""

_KINDS = (
    (stat.S_ISDIR, "it is a folder, not a file"),
    (stat.S_ISFIFO, "it is a named pipe, not a regular file"),
    (stat.S_ISSOCK, "it is a socket, not a regular file"),
    (stat.S_ISCHR, "it is a device, not a regular file"),
    (stat.S_ISBLK, "it is a device, not a regular file"),
)


def open_regular(path: Path | str) -> BinaryIO:
    """Open a regular file for reading bytes.

    Raises:
        OSError: the file is missing or unreadable, or is a folder, a pipe, a device or a socket.
    """
    check_regular(path)
    # If a pipe takes the file's place meanwhile, O_NONBLOCK keeps `open` from waiting.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        descriptor = os.open(path, flags)
    except BlockingIOError:  # a file server holds a lease on the file and must release it first
        return open(path, "rb")
    try:
        _refuse_special(os.fstat(descriptor).st_mode, path)
        return open(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def read_regular(path: Path | str, max_bytes: int | None = None) -> bytes:
    """Return the content of a regular file, at most its first `max_bytes` bytes.

    Raises:
        OSError: as `open_regular`.
    """
    with open_regular(path) as file:
        return file.read() if max_bytes is None else file.read(max_bytes)


def read_lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield the lines that follow in a file, without those of more than `MAX_LINE_BYTES`, which are no text.

    A power cut can leave zeros at the end of a file, in any number and without a line end.
    """
    while line := file.readline(MAX_LINE_BYTES + 1):
        if len(line) <= MAX_LINE_BYTES:
            yield line
        while len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
            line = file.readline(MAX_LINE_BYTES + 1)


def find_access_problem(path: Path | str) -> str:
    """Return why the system does not reach a file or folder, as the end of a sentence that begins with it, or "".

    `os.path.exists`, `isdir` and `isfile` are false in each of these cases. The methods of `Path` raise some of the
    errors: for a name that is too long, a folder that may not be searched, a network drive that is gone.
    """
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return MISSING
    except (OSError, ValueError) as error:
        return f"cannot be reached: {getattr(error, 'strerror', None) or error}"
    return ""


def explain_missing(path: Path | str, kind: str = "file") -> str:
    """Return a sentence on a path that is not there, or that the system does not reach."""
    problem = find_access_problem(path)
    return f"There is no {kind} {path}." if problem in ("", MISSING) else f"{path} {problem}."


def list_matching(folder: Path, pattern: str) -> list[Path]:
    """Return the paths below a folder that match a pattern, sorted; none if it is missing or cannot be read."""
    try:
        return sorted(folder.glob(pattern)) if os.path.isdir(folder) else []
    except OSError:
        return []


def check_regular(path: Path | str) -> None:
    """Refuse a path that exists and is not a regular file, without opening it.

    Raises:
        OSError: the file is missing or unreachable, or is a folder, a pipe, a device or a socket.
    """
    if "\0" in str(path):
        raise OSError(errno.EINVAL, "its name contains a NUL character", str(path))
    _refuse_special(os.stat(path).st_mode, path)


def _refuse_special(mode: int, path: Path | str) -> None:
    if stat.S_ISREG(mode):
        return
    reason = next((text for is_kind, text in _KINDS if is_kind(mode)), "it is not a regular file")
    raise OSError(errno.EISDIR if stat.S_ISDIR(mode) else errno.EINVAL, reason, str(path))
