"""Merging of a run's settings from flags, a preset, the stored settings of the workspace and defaults.

Precedence: explicit flag > explicit `--preset` > stored settings > default of the preset. An explicit warm-start file
sets the network's dimensions unless flags give them; without the stored warm start, they are the preset's again. A
built-in model only sets their minimum. A run that starts from weights has a lower learning rate of its preset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer_core.errors import UserError
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.presets import NETWORK_FIELDS, preset_settings
from trainer_core.settings.rules import find_problems


def resolve_settings(
    given: Mapping[str, Any],
    stored: Mapping[str, Any] = {},
    warm_start_network: Mapping[str, Any] = {},
    min_network: Mapping[str, int] = {},
) -> TrainerConfig:
    """Merge the sources of settings into one valid configuration.

    Args:
        given: explicit settings by field name.
        stored: `StoredSettings.values` of the workspace.
        warm_start_network: `num_feat`, `num_block`, `num_grow_ch` of the warm-start file, if there is one.
        min_network: the smallest of them, unless flags give them.

    Raises:
        UserError: a value is outside its limits, or two values contradict each other.
    """
    config = merge_settings(given, stored, warm_start_network, min_network)
    problems = find_problems(config)
    if problems:
        raise UserError(" ".join(problems.values()))
    return config


def merge_settings(
    given: Mapping[str, Any],
    stored: Mapping[str, Any] = {},
    warm_start_network: Mapping[str, Any] = {},
    min_network: Mapping[str, int] = {},
) -> TrainerConfig:
    """Merge like `resolve_settings`, but return a configuration that may have problems, for a form being filled in."""
    base = {**(_demo_defaults() if given.get("demo") else {}), **stored}
    if base.get("init_weights") and not given.get("init_weights", True):
        base = {name: value for name, value in base.items() if name not in NETWORK_FIELDS}  # they were the file's
    preset = given.get("preset", base.get("preset", SETTINGS["preset"].default))
    has_start, had_start = bool(given.get("init_weights", base.get("init_weights"))), bool(base.get("init_weights"))
    preset_values = preset_settings(preset, has_start=has_start)
    stored_preset = preset_settings(base.get("preset", preset), has_start=had_start)
    if has_start != had_start and base.get("learning_rate") == stored_preset.get("learning_rate"):
        base = {name: value for name, value in base.items() if name != "learning_rate"}  # it was the preset's
    values = {**preset_values, "preset": preset, **warm_start_network, **base}
    if "preset" in given:
        values.update(preset_values, preset=preset)
    if given.get("init_weights"):
        values.update(warm_start_network)
    values.update({name: max(values.get(name, 0), minimum) for name, minimum in min_network.items()})
    values.update(given)
    if "steps" in given and "max_minutes" not in given:
        values["max_minutes"] = None  # explicit steps replace a stored time budget
    return TrainerConfig(**values)


def network_settings(spec: Any) -> dict[str, int]:
    """Return the network dimensions of a `NetworkSpec` as settings."""
    return {name: getattr(spec, name) for name in NETWORK_FIELDS}


def _demo_defaults() -> dict[str, Any]:
    return {name: s.demo_default for name, s in SETTINGS.items() if s.demo_default is not None}
