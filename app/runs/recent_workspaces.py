"""The workspaces that were opened last."""

from __future__ import annotations

from pathlib import Path

from app.settings_store import open_settings_store, read_list

_KEY = "recent_workspaces"
_MAX_ENTRIES = 8


def read_recent_workspaces() -> list[Path]:
    """Newest first; those that are gone are left out."""
    return [path for path in map(Path, read_list(_KEY)) if path.is_dir()]


def add_recent_workspace(path: Path) -> None:
    """Put a workspace at the top."""
    others = [str(known) for known in read_recent_workspaces() if known != path]
    open_settings_store().setValue(_KEY, [str(path), *others][:_MAX_ENTRIES])
