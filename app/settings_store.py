"""Persistent state of the window: geometry, theme, recent workspaces and the last session."""

from __future__ import annotations

from PySide6.QtCore import QSettings


def open_settings_store() -> QSettings:
    """Open the store, an INI file in the user's configuration folder."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "WQV", "upscale-trainer")


def read_list(key: str) -> list[str]:
    """Read a list of texts; an INI file returns a list of one text as a text."""
    value = open_settings_store().value(key, [])
    if isinstance(value, str):
        return [value] if value else []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []
