"""How the window words what the schema says: names instead of options, and choices worth showing side by side."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, Optional

from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.merge import shown
from trainer_core.settings.schema import Setting, settings_of

_LABELS = {"monochrome_style": "Watch"}
_CHOICES: dict[str, dict[Any, str]] = {"monochrome_style": {False: "WQV-3/10 colour", True: "WQV-1/2 mono"}}

_WEIGHTS = "Weights (*.pth *.pt *.ckpt *.safetensors)"
_FILES = {"camera_profile": "Camera profiles (*.json)"}
_HINTS = {"camera_profile": "built in; browse for your own"}


def label_of(setting: Setting) -> str:
    """What stands beside the entry."""
    return _LABELS.get(setting.name, setting.label)


def file_filter(setting: Setting) -> str:
    """Which files a browser offers."""
    return f"{_FILES.get(setting.name, _WEIGHTS)};;All files (*)"


def hint_of(setting: Setting) -> str:
    """What an empty entry for a file says."""
    return _HINTS.get(setting.name, "type, browse or drop a file")


def side_by_side(setting: Setting) -> Optional[dict[Any, str]]:
    """The words of choices that are in sight all at once, or None for other entries."""
    if setting.name in _CHOICES:
        return _CHOICES[setting.name]
    if setting.kind == "choice" and not setting.advanced:
        prefix = "x" if all(isinstance(choice, int) for choice in setting.choices) else ""
        return {choice: f"{prefix}{choice}" for choice in setting.choices}
    return None


def tooltip(setting: Setting, default: Any) -> str:
    """Help, limits, unit, default and the option's name."""
    facts = [f"Default: {shown(default)}"]
    if setting.limits and setting.kind not in ("choice", "switch"):
        facts.insert(0, f"{setting.limits} {setting.unit}".strip().capitalize())
    if setting.flag:
        facts.append(f"Option {setting.flag}")
    return f"{setting.help}\n{' · '.join(facts)}"


def sentence(text: str, settings: Optional[tuple[Setting, ...]] = None) -> str:
    """A complaint with the names of the form in the place of the options'; without `settings` those of a training."""
    if "--" not in text:
        return text
    words = _words_of_training() if settings is None else _words_of(settings)
    return re.sub(r"(?<![\w-])--[a-z0-9-]*[a-z0-9]", lambda option: words.get(option[0], option[0]), text)


@lru_cache(maxsize=1)
def _words_of_training() -> dict[str, str]:
    return _words_of(settings_of(TrainerConfig))


def _words_of(settings: tuple[Setting, ...]) -> dict[str, str]:
    words = {}
    for setting in settings:
        if setting.flag:
            label, choices = label_of(setting), _CHOICES.get(setting.name, {})
            words[setting.flag] = choices.get(True, label)
            words[setting.flag.replace("--", "--no-", 1)] = choices.get(False, f"no {label}")
    return words
