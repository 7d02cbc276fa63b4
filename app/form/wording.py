"""How the window words what the schema says: names instead of options, and choices worth showing side by side."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from app.file_filters import make_file_filter
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.schema import Setting, format_value


def setting_file_filter(setting: Setting) -> str:
    """Which files a browser offers."""
    return make_file_filter(setting.files.name, setting.files.suffixes) if setting.files else ""


def setting_hint(setting: Setting) -> str:
    """What an empty entry for a path says."""
    return setting.hint or f"type, browse or drop a {setting.kind}"


def segment_labels(setting: Setting) -> Mapping[Any, str] | None:
    """The words of choices that are in sight all at once, or None for other entries."""
    if setting.advanced:
        return None
    return setting.choice_labels or {choice: str(choice) for choice in setting.choices} or None


def setting_tooltip(setting: Setting, default: Any) -> str:
    """Help, limits, unit, default and the option's name."""
    facts = [f"Default: {format_value(default)}"]
    if setting.limits and setting.kind not in ("choice", "switch"):
        facts.insert(0, f"{setting.limits} {setting.unit}".strip().capitalize())
    if setting.flag:
        facts.append(f"Option {setting.flag}")
    return f"{setting.help}\n{' · '.join(facts)}"


def with_form_labels(text: str) -> str:
    """A complaint with the names of the form in the place of the options'."""
    if "--" not in text:
        return text
    words = _labels_by_flag()
    return re.sub(r"(?<![\w-])--[a-z0-9-]*[a-z0-9]", lambda option: words.get(option[0], option[0]), text)


@lru_cache(maxsize=1)
def _labels_by_flag() -> dict[str, str]:
    words = {}
    for setting in (setting for setting in SETTINGS.values() if setting.flag):
        of_switch = setting.choice_labels if setting.kind == "switch" else {}
        words[setting.flag] = of_switch.get(True, setting.label)
        words[setting.flag.replace("--", "--no-", 1)] = of_switch.get(False, f"no {setting.label}")
    return words
