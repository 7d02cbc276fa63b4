"""The list of recently opened workspaces, stored with the settings of the window."""

from __future__ import annotations

import json
import os
from pathlib import Path

from app.system.settings_store import open_settings_store, read_list
from trainer_core.json_files import parse_json

_KEY, _NOTES = "recent_workspaces", "workspace_notes"
_MAX_SHOWN, _MAX_ENTRIES = 8, 32


def read_recent_workspaces() -> list[Path]:
    """Return the folders of the recent workspaces, newest first, without folders that are not there at the moment."""
    return [path for path in map(Path, read_list(_KEY)) if os.path.isdir(path)][:_MAX_SHOWN]


def add_recent_workspace(path: Path) -> None:
    """Put a workspace at the top of the list, and drop the oldest one from a full list.

    A folder that is not there stays in the list: it may be on a drive that is not connected.
    """
    _write([str(path), *_others(path)])


def remove_recent_workspace(path: Path) -> None:
    """Take a workspace, and the note about it, off the list; its files stay."""
    _write(_others(path))
    write_note(path, "")


def read_notes() -> dict[Path, str]:
    """Return the user's notes about workspaces."""
    try:
        notes = parse_json(str(open_settings_store().value(_NOTES, "{}")))
    except ValueError:
        return {}
    return (
        {Path(path): note for path, note in notes.items() if isinstance(note, str)} if isinstance(notes, dict) else {}
    )


def write_note(path: Path, note: str) -> None:
    """Store a note about a workspace; an empty one removes it."""
    notes = {**{str(other): text for other, text in read_notes().items()}, str(path): note.strip()}
    kept = {other: text for other, text in notes.items() if text}
    open_settings_store().setValue(_NOTES, json.dumps(kept))


def _others(path: Path) -> list[str]:
    return [other for other in read_list(_KEY) if Path(other) != path]


def _write(entries: list[str]) -> None:
    open_settings_store().setValue(_KEY, entries[:_MAX_ENTRIES])
