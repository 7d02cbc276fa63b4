"""Where the settings of a run come from: flags, a preset, the workspace's stored file, defaults.

Precedence: explicit flag > `--preset` given now > stored file > preset default. A warm-start file given now
decides the network's dimensions unless they are given as flags.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from trainer_core.errors import UserError
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.presets import NETWORK_FIELDS, PRESETS
from trainer_core.settings.rules import find_problems


def resolve_settings(
    given: Mapping[str, Any], stored: Mapping[str, Any] = {}, warm_start_network: Mapping[str, Any] = {}
) -> TrainerConfig:
    """Merge the sources of settings into one valid configuration.

    Args:
        given: explicit flags, by field name.
        stored: `Stored.values` of the workspace.
        warm_network: `num_feat`, `num_block`, `num_grow_ch` of the warm-start file, if there is one.

    Raises:
        UserError: a value is out of its limits, or two contradict each other.
    """
    config = merge_settings(given, stored, warm_start_network)
    problems = find_problems(config)
    if problems:
        raise UserError(" ".join(problems.values()))
    return config


def merge_settings(
    given: Mapping[str, Any], stored: Mapping[str, Any] = {}, warm_start_network: Mapping[str, Any] = {}
) -> TrainerConfig:
    """Do as `resolve` without the check: what a form shows while something in it is still wrong."""
    base = {**(_demo_defaults() if given.get("demo") else {}), **stored}
    preset = given.get("preset", base.get("preset", SETTINGS["preset"].default))
    chosen = PRESETS.get(preset, {})
    values = {**chosen, "preset": preset, **warm_start_network, **base}
    if "preset" in given:
        values.update(chosen, preset=preset)
    if given.get("init_weights"):
        values.update(warm_start_network)
    values.update(given)
    if "steps" in given and "max_minutes" not in given:
        values["max_minutes"] = None  # a number of steps given now replaces a stored budget
    return TrainerConfig(**values)


def network_settings(spec: Any) -> dict[str, int]:
    """The network dimensions of a `NetworkSpec` as settings."""
    return {name: getattr(spec, name) for name in NETWORK_FIELDS}


def _demo_defaults() -> dict[str, Any]:
    return {name: s.demo_default for name, s in SETTINGS.items() if s.demo_default is not None}
