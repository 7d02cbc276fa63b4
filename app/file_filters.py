"""Filters of file dialogs: one kind of file by suffix, and all files."""

from __future__ import annotations

from collections.abc import Collection


def make_file_filter(kind: str, suffixes: Collection[str]) -> str:
    """Return the filter of a `QFileDialog` for files with these suffixes, which start with a dot."""
    return f"{kind} ({' '.join(f'*{suffix}' for suffix in sorted(suffixes))});;All files (*)"
