"""Last session: the choices saved when a run starts and when the window closes, restored at the next start.

Saving them at the start of a run protects them from a crash. What the user chose is not lost by a start that could not
show it: the built-in scenes never replace choices of photos, and a folder that is missing now is saved again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.system.settings_store import open_settings_store
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
    saved = _read_choices()
    if lasting.get("demo") and _is_of_user(saved):
        return
    places = _places(saved)
    if lasting.get("workspace", places.get("workspace")) != places.get("workspace"):
        places = {}  # another workspace has photos of its own
    missing = {name: value for name, value in places.items() if not _is_available(name, value)}
    newer = {name: value for name, value in saved.items() if name not in SETTINGS}  # settings of a newer version
    open_settings_store().setValue(_KEY, json.dumps({**newer, **missing, **lasting}))
    open_settings_store().sync()  # write now, because the process may be killed


def load_session() -> LastSession:
    """Return the saved choices that are still valid, without folders that no longer exist.

    A choice that is not valid, such as one of a newer version, leaves the others valid.
    """
    return parse_choices(_read_choices())


def parse_choices(given: Mapping[str, Any]) -> LastSession:
    """Return what can be used of choices that were saved, as `load_session` does."""
    values = {name: found for name, value in given.items() for found in _read_value(name, value)}
    return LastSession({name: value for name, value in _places(given).items() if _is_available(name, value)}, values)


def _read_value(name: str, value: Any) -> list[Any]:
    """Return a list with the value of a stored setting, empty if it cannot be used."""
    try:
        found = parse_stored_settings({"schema": SCHEMA_VERSION, name: value}, "the last session").values
    except (ValueError, TypeError, UserError):
        return []
    return [found[name]] if name in found else []


def _read_choices() -> dict[str, Any]:
    try:
        choices = parse_json(str(open_settings_store().value(_KEY, "{}")))
    except ValueError:
        return {}
    return choices if isinstance(choices, dict) else {}


def _is_of_user(choices: Mapping[str, Any]) -> bool:
    """Whether the choices are folders of the user, not the built-in scenes."""
    return bool(_places(choices)) and not choices.get("demo")


def _places(choices: Mapping[str, Any]) -> dict[str, Any]:
    places = (name for name, setting in SETTINGS.items() if setting.place)
    return {name: choices[name] for name in places if _is_place(name, choices.get(name))}


def _is_place(name: str, value: Any) -> bool:
    return value is True if name == "demo" else isinstance(value, str) and bool(value)


def _is_available(name: str, value: Any) -> bool:
    """Whether a folder exists, or, for a workspace, the folder to create it in."""
    if name == "demo":
        return True
    return os.path.isdir(Path(value).absolute().parent if name == "workspace" else value)
