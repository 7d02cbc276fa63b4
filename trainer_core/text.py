"""Escaping of text from file names and file contents, so that it is safe to print."""

from __future__ import annotations


def escape_control_characters(text: str) -> str:
    """Escape control characters and undecodable bytes in `text`, so that any terminal can print it."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
