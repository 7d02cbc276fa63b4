"""Texts of the form for the settings schema: tooltips, hints, button labels, and labels instead of option names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from app.file_filters import make_file_filter
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.schema import Setting, format_value


def setting_file_filter(setting: Setting) -> str:
    """Return the filter of the file dialog for a setting, "" for all files."""
    return make_file_filter(setting.files.name, setting.files.suffixes) if setting.files else ""


def setting_hint(setting: Setting) -> str:
    """Return the placeholder of an empty path entry."""
    return setting.hint or f"type, browse or drop a {setting.kind}"


def segment_labels(setting: Setting) -> Mapping[Any, str] | None:
    """Return the button texts of choices shown side by side, or None if the setting has another entry."""
    if setting.advanced:
        return None
    return setting.choice_labels or {choice: str(choice) for choice in setting.choices} or None


def setting_tooltip(setting: Setting, default: Any) -> str:
    """Return the tooltip of a setting: help, limits, unit, default and option name."""
    facts = [f"Default: {format_value(default)}"]
    if setting.limits and setting.kind not in ("choice", "switch"):
        facts.insert(0, f"{setting.limits} {setting.unit}".strip().capitalize())
    if setting.flag:
        facts.append(f"Option {setting.flag}")
    return f"{setting.help}\n{' · '.join(facts)}"


def with_form_labels(text: str) -> str:
    """Return `text` with each option name replaced by the label of its setting in the form."""
    if "--" not in text:
        return text
    labels = _labels_by_flag()
    return re.sub(r"(?<![\w-])--[a-z0-9-]*[a-z0-9]", lambda option: labels.get(option[0], option[0]), text)


@lru_cache(maxsize=1)
def _labels_by_flag() -> dict[str, str]:
    labels = {}
    for setting in (setting for setting in SETTINGS.values() if setting.flag):
        switch_labels = setting.choice_labels if setting.kind == "switch" else {}
        labels[setting.flag] = switch_labels.get(True, setting.label)
        labels[setting.flag.replace("--", "--no-", 1)] = switch_labels.get(False, f"no {setting.label}")
    return labels
