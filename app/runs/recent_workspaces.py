"""The list of recently opened workspaces, stored with the settings of the window."""

from __future__ import annotations

import os
from pathlib import Path

from app.settings_store import open_settings_store, read_list

_KEY = "recent_workspaces"
_MAX_SHOWN, _MAX_ENTRIES = 8, 32


def read_recent_workspaces() -> list[Path]:
    """Return the folders of the recent workspaces, newest first, without folders that are not there at the moment."""
    return [path for path in map(Path, read_list(_KEY)) if os.path.isdir(path)][:_MAX_SHOWN]


def add_recent_workspace(path: Path) -> None:
    """Put a workspace at the top of the list, and drop the oldest one from a full list.

    A folder that is not there stays in the list: it may be on a drive that is not connected.
    """
    others = [other for other in read_list(_KEY) if Path(other) != path]
    open_settings_store().setValue(_KEY, [str(path), *others][:_MAX_ENTRIES])
