"""Persistent state of the window: geometry, theme, recent workspaces and the last session."""

from __future__ import annotations

import shutil
from pathlib import Path

from PySide6.QtCore import QSettings


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
    if store.status() != QSettings.Status.FormatError:
        return None
    path = Path(store.fileName())
    copy = path.with_suffix(".damaged.ini")
    try:
        shutil.copyfile(path, copy)
    except OSError:
        return None
    return copy


def read_list(key: str) -> list[str]:
    """Read a list of texts; an INI file returns a list of one text as a text."""
    value = open_settings_store().value(key, [])
    if isinstance(value, str):
        return [value] if value else []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []
