"""In which settings two runs differ, as a short text."""

from __future__ import annotations

from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.schema import format_value

_MAX_SHOWN = 3


def describe_differences(this: TrainerConfig, other: TrainerConfig) -> str:
    """Return the settings of `other` that differ from `this`, such as "Preset light, Batch size 8"; "" without any.

    Only what a new run in a workspace would reuse counts, not the place of photos and results. At most three settings
    are named, in the order of `--help`.
    """
    changed = [
        setting
        for setting in SETTINGS.values()
        if setting.stored and getattr(this, setting.name) != getattr(other, setting.name)
    ]
    shown = [f"{setting.label} {_format(setting.name, other)}" for setting in changed[:_MAX_SHOWN]]
    more = [f"{len(changed) - _MAX_SHOWN} more"] if len(changed) > _MAX_SHOWN else []
    return ", ".join([*shown, *more])


def _format(name: str, config: TrainerConfig) -> str:
    value = getattr(config, name)
    return SETTINGS[name].choice_labels.get(value) or format_value(value)
