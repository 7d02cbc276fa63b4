"""Counts how often files and folders are opened, whoever opens them."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_counts: list[Counter[str]] = []  # the one in use
_hooks: list[Any] = []


@contextmanager
def counted_openings() -> Iterator[Counter[str]]:
    """Count the openings inside, in all threads, by absolute path."""
    if not _hooks:
        _hooks.append(_note)
        sys.addaudithook(_note)  # stays until the process ends
    _counts.append(Counter())
    try:
        yield _counts[0]
    finally:
        _counts.clear()


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    if _counts and event in ("open", "os.listdir", "os.scandir") and isinstance(arguments[0], (str, os.PathLike)):
        _counts[0][os.path.abspath(arguments[0])] += 1
