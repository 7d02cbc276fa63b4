"""Last session: the choices saved when a run starts and when the window closes, restored at the next start.

Saving them at the start of a run protects them from a crash.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.settings_store import open_settings_store
from trainer_core.errors import UserError
from trainer_core.json_files import parse_json
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.stored import SCHEMA_VERSION, parse_stored_settings

_KEY = "last_session"


@dataclass(frozen=True)
class LastSession:
    """Choices by setting name: existing folders in `paths`, all other settings in `values`."""

    paths: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def save_session(given: Mapping[str, Any]) -> None:
    """Save the explicit settings, without those that apply to one start only, such as `resume_from`."""
    lasting = {name: value for name, value in given.items() if SETTINGS[name].stored or SETTINGS[name].place}
    open_settings_store().setValue(_KEY, json.dumps(lasting))
    open_settings_store().sync()  # write now, because the process may be killed


def load_session() -> LastSession:
    """Return the saved choices that are still valid, without folders that no longer exist."""
    try:
        given = parse_json(str(open_settings_store().value(_KEY, "{}")))
        values = parse_stored_settings({"schema": SCHEMA_VERSION, **given}, "the last session").values
    except (ValueError, TypeError, UserError):
        return LastSession()
    paths = {name: given[name] for name, setting in SETTINGS.items() if setting.place and given.get(name)}
    if not Path(paths.get("source_dir", ".")).is_dir():
        del paths["source_dir"]
    if not Path(paths.get("workspace", ".")).absolute().parent.is_dir():
        del paths["workspace"]
    return LastSession(paths, values)
