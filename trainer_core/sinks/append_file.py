"""A file that only grows, piece by piece, and survives a full or lost disk; for `trainer.log`, journal and TensorBoard.

A piece is on disk as a whole or not at all, and a killed process loses none that was written. Pieces that cannot be
written wait in memory, up to a limit, and are written in order as soon as they can be; a file that was deleted is made
again. What exceeds the limit is counted, and the count is written in its place.
"""

from __future__ import annotations

import contextlib
import os
from collections import deque
from pathlib import Path
from typing import Callable

_LIMIT = 8 << 20  # bytes that wait in memory: two hours of a journal


class AppendFile:
    """File at the end of which pieces are written.

    Args:
        path: the file; created if missing.
        describe_gap: returns the line that stands for so many lost ones; None for a file that has no lines.
        makes_folder: whether to create the folder of the file, inside an existing folder.
        limit: bytes that may wait in memory.

    Raises:
        OSError: the file cannot be opened; only the constructor raises it.
    """

    def __init__(
        self,
        path: Path,
        *,
        describe_gap: Callable[[int], bytes] | None = None,
        makes_folder: bool = False,
        limit: int = _LIMIT,
    ) -> None:
        self._path, self._describe_gap, self._makes_folder, self._limit = path, describe_gap, makes_folder, limit
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = self._lost = 0
        self._descriptor: int | None = None
        self._disk = 0
        self._torn_at: int | None = None  # size of the file without the piece of which only a part was written
        self._open()

    def write_line(self, line: str) -> bool:
        """Append one line of UTF-8; return as `write`."""
        return self.write((line + "\n").encode("utf-8", "backslashreplace"))

    def write(self, piece: bytes) -> bool:
        """Append one piece and return whether nothing waits any more."""
        self._waiting.append(piece)
        self._waiting_bytes += len(piece)
        while self._waiting_bytes > self._limit:
            self._waiting_bytes -= len(self._waiting.popleft())
            self._lost += 1
        return self._write_waiting()

    def close(self) -> None:
        """Write what waits, if possible, and close the file; a second call has no effect."""
        if self._descriptor is not None or self._waiting:
            self._write_waiting()
        self._waiting.clear()
        self._close()

    def _write_waiting(self) -> bool:
        try:
            self._reopen_if_replaced()
            if self._lost and self._describe_gap is not None:
                self._write_whole(self._describe_gap(self._lost))
            self._lost = 0
            while self._waiting:
                self._write_whole(self._waiting[0])
                self._waiting_bytes -= len(self._waiting.popleft())
        except OSError:
            return False
        return True

    def _write_whole(self, piece: bytes) -> None:
        assert self._descriptor is not None
        try:
            if self._torn_at is not None:
                os.ftruncate(self._descriptor, self._torn_at)
            self._torn_at = os.fstat(self._descriptor).st_size
            while piece:
                piece = piece[os.write(self._descriptor, piece) :]
            self._torn_at = None
        except OSError:
            self._cut_torn_piece()
            raise

    def _cut_torn_piece(self) -> None:
        """Remove the written part of a piece now; if that fails, it is removed before the next one."""
        with contextlib.suppress(OSError):
            if self._descriptor is not None and self._torn_at is not None:
                os.ftruncate(self._descriptor, self._torn_at)
                self._torn_at = None

    def _reopen_if_replaced(self) -> None:
        if self._descriptor is not None:
            try:
                if os.path.samestat(os.fstat(self._descriptor), os.stat(self._path)):
                    return
            except OSError:
                pass
            self._torn_at = None
            self._close()
        self._open()

    def _open(self) -> None:
        if self._makes_folder:
            self._path.parent.mkdir(exist_ok=True)
        disk = os.stat(self._path.parent).st_dev
        self._disk = self._disk or disk
        create = os.O_CREAT if disk == self._disk else 0  # never below the mount point of a lost drive
        flags = os.O_RDWR | os.O_APPEND | create | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._descriptor = os.open(self._path, flags, 0o666)
        if self._describe_gap is not None and _ends_mid_line(self._descriptor):
            self._waiting.appendleft(b"\n")  # an earlier process was killed while it wrote
            self._waiting_bytes += 1

    def _close(self) -> None:
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None


def _ends_mid_line(descriptor: int) -> bool:
    size = os.fstat(descriptor).st_size
    if size == 0:
        return False
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) != b"\n"
