"""The workspaces that were opened last."""

from __future__ import annotations

from pathlib import Path

from app.settings_store import remembered, remembered_list

_KEY = "recent_workspaces"
_MOST = 8


def recent_workspaces() -> list[Path]:
    """Newest first; those that are gone are left out."""
    return [path for path in map(Path, remembered_list(_KEY)) if path.is_dir()]


def remember_workspace(path: Path) -> None:
    """Put a workspace at the top."""
    others = [str(known) for known in recent_workspaces() if known != path]
    remembered().setValue(_KEY, [str(path), *others][:_MOST])
