"""Text that is safe to show: whatever a file name or a file's content holds."""

from __future__ import annotations


def escape_control_characters(text: str) -> str:
    """Escape control characters and undecodable bytes of file names, so that any terminal can print `text`."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
