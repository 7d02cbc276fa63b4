"""Limit how much memory pieces of work in several threads need at a time: `MemoryGate`."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

_MAX_WAIT = 30  # seconds; work that hangs must not stop all other work, which is given up after 60


class MemoryGate:
    """Let work begin only while all work under way stays within a limit; a single piece of work always may.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def reserve(self, size: int) -> Iterator[None]:
        """Wait until `size` bytes are free, at most half a minute, and hold them within the block."""
        with self._changed:
            self._changed.wait_for(lambda: not self._used or self._used + size <= self._limit, _MAX_WAIT)
            self._used += size
        try:
            yield
        finally:
            with self._changed:
                self._used -= size
                self._changed.notify_all()
