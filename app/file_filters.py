"""What a file dialog offers: one kind of files by the endings of their names, and all files besides."""

from __future__ import annotations

from collections.abc import Collection


def make_file_filter(kind: str, suffixes: Collection[str]) -> str:
    """The filter for a `QFileDialog`. `suffixes` begin with a dot."""
    return f"{kind} ({' '.join(f'*{suffix}' for suffix in sorted(suffixes))});;All files (*)"
