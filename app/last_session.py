"""What was chosen when the window was last open, kept at every start of a run and at the end: a crash loses nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from app.settings_store import open_settings_store
from trainer_core.errors import UserError
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.stored import parse_stored_settings

_KEY = "last_session"


@dataclass(frozen=True)
class LastSession:
    """Choices by setting: folders that are still there, and all others."""

    paths: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)


def save_session(given: Mapping[str, Any]) -> None:
    """Remember the explicit settings, without those that are meant for one start alone, as `resume_from` is."""
    lasting = {name: value for name, value in given.items() if SETTINGS[name].stored or SETTINGS[name].place}
    open_settings_store().setValue(_KEY, json.dumps(lasting))
    open_settings_store().sync()  # now: the process may be killed


def load_session() -> LastSession:
    """What is remembered, as far as it can still be used; folders that are gone are passed over."""
    try:
        given = json.loads(str(open_settings_store().value(_KEY, "{}")))
        values = parse_stored_settings({"schema": 0, **given}, "the last session").values
    except (ValueError, TypeError, UserError):
        return LastSession()
    places = {name: given[name] for name, setting in SETTINGS.items() if setting.place and given.get(name)}
    if not Path(places.get("source_dir", ".")).is_dir():
        del places["source_dir"]
    if not Path(places.get("workspace", ".")).absolute().parent.is_dir():
        del places["workspace"]
    return LastSession(places, values)
