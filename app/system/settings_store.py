"""Persistent state of the window: geometry, theme, recent workspaces and the last session."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import QSettings

from trainer_core.input_files import read_regular


def open_settings_store() -> QSettings:
    """Open the store, an INI file in the user's configuration folder."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "WQV", "upscale-trainer")


def set_aside_damaged_store() -> Path | None:
    """Copy a store that cannot be read, such as one of zeros after a power cut, before the next write replaces it.

    Returns:
        The copy; None if the store is good, or cannot be copied.
    """
    store = open_settings_store()
    store.value("theme")  # reads the file
    path = Path(store.fileName())
    copy = path.with_suffix(".damaged.ini")
    try:
        if store.status() != QSettings.Status.FormatError and _is_plain_text(read_regular(path)):
            return None
        shutil.copyfile(path, copy)
    except OSError:
        return None
    return copy


def _is_plain_text(content: bytes) -> bool:
    """Whether Qt can have written it: it escapes all but printable characters, but reads some random bytes as keys."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t" for character in text)


def read_list(key: str) -> list[str]:
    """Read a list of texts; an INI file returns a list of one text as a text."""
    value = open_settings_store().value(key, [])
    if isinstance(value, str):
        return [value] if value else []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []
