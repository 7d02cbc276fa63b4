"""What the window remembers between starts: geometry, theme, recent workspaces, the choices of the last session."""

from __future__ import annotations

from PySide6.QtCore import QSettings


def open_settings_store() -> QSettings:
    """The store; an INI file in the user's configuration folder."""
    return QSettings(QSettings.Format.IniFormat, QSettings.Scope.UserScope, "WQV", "upscale-trainer")


def read_list(key: str) -> list[str]:
    """A list of texts, whatever an INI file made of it."""
    value = open_settings_store().value(key, [])
    if isinstance(value, str):
        return [value] if value else []
    return [str(item) for item in value] if isinstance(value, (list, tuple)) else []
