"""Where the settings of a run come from: flags, a preset, the workspace's stored file, defaults.

Precedence: explicit flag > `--preset` given now > stored file > preset default. A warm-start file given now
decides the network's dimensions unless they are given as flags. Also the two renderings of the schema
that are not widgets: the JSON of `--config-only` and the table of docs/options.md.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Optional

from trainer_core.errors import UserError
from trainer_core.settings.config import SCHEMA_VERSION, TrainerConfig
from trainer_core.settings.presets import NETWORK_FIELDS, PRESETS
from trainer_core.settings.schema import Setting, settings_of

# Keys of training_config.json that are not settings.
RESERVED_KEYS = ("schema", "workspace_id", "derived", "warm_start")
_NOT_TAKEN_FROM_FIRST_TRAINER = ("perceptual_weight", "monochrome_noise")
DEMO_SETTINGS = {"preset": "nano", "monochrome_style": True, "scale": 4, "max_minutes": 2.0}


@dataclass(frozen=True)
class Stored:
    """What a `training_config.json` says: usable values, unknown fields (kept), and what to tell the user."""

    values: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    workspace_id: Optional[str] = None
    places: dict[str, Any] = field(default_factory=dict)  # source_dir and demo of the last run, for whoever offers them


def read_stored(data: Any, where: str, config_class: type = TrainerConfig) -> Stored:
    """Understand the parsed JSON of a stored settings file.

    Raises:
        UserError: it is not an object, or a value is of a kind that cannot be used.
    """
    if not isinstance(data, dict):
        raise UserError(f"{where} does not hold settings (a JSON object was expected). Move it away or restore it.")
    known = {s.name: s for s in settings_of(config_class)}
    notices = []
    values: dict[str, Any] = {}
    for name, value in data.items():
        if name in known and known[name].replayed:
            values[name] = _checked(known[name], value, where)
    if "schema" not in data:
        dropped = [name for name in _NOT_TAKEN_FROM_FIRST_TRAINER if values.pop(name, None) is not None]
        notices.append(
            f"{where} was written by the first trainer; its {' and '.join(dropped) or 'meaning'} "
            "is not taken over, because it means something else here."
        )
    elif isinstance(data["schema"], int) and data["schema"] > SCHEMA_VERSION:
        notices.append(
            f"{where} was written by a newer version (schema {data['schema']}); what it adds is kept unused."
        )
    unknown = {k: v for k, v in data.items() if k not in known and k not in RESERVED_KEYS}
    if unknown:
        notices.append(f"{where}: unknown settings are kept but not used: {', '.join(sorted(unknown))}.")
    workspace_id = data.get("workspace_id")
    places = {name: data[name] for name in ("source_dir", "demo") if data.get(name)}
    return Stored(values, unknown, tuple(notices), workspace_id if isinstance(workspace_id, str) else None, places)


def resolve(
    given: Mapping[str, Any],
    stored: Mapping[str, Any] = {},
    warm_network: Mapping[str, Any] = {},
    config_class: type = TrainerConfig,
) -> TrainerConfig:
    """Merge the sources of settings into one valid configuration.

    Args:
        given: explicit flags, by field name.
        stored: `Stored.values` of the workspace.
        warm_network: `num_feat`, `num_block`, `num_grow_ch` of the warm-start file, if there is one.

    Raises:
        UserError: a value is out of its limits, or two contradict each other.
    """
    config = merge(given, stored, warm_network, config_class)
    wrong = complaints(config)
    if wrong:
        raise UserError(" ".join(wrong.values()))
    return config


def merge(
    given: Mapping[str, Any],
    stored: Mapping[str, Any] = {},
    warm_network: Mapping[str, Any] = {},
    config_class: type = TrainerConfig,
) -> TrainerConfig:
    """`resolve` without the check: what a form shows while something in it is still wrong."""
    base = {**DEMO_SETTINGS, **stored} if given.get("demo") else dict(stored)
    preset = given.get("preset", base.get("preset", "full"))
    chosen = PRESETS.get(preset, {})
    values = {**chosen, "preset": preset, **warm_network, **base}
    if "preset" in given:
        values.update(chosen, preset=preset)
    if given.get("init_weights"):
        values.update(warm_network)
    values.update(given)
    if "steps" in given and "max_minutes" not in given:
        values["max_minutes"] = None  # a number of steps given now replaces a stored budget
    return config_class(**values)


def complaints(config: TrainerConfig) -> dict[str, str]:
    """Field name -> one sentence for every value that cannot be used; empty when all is well."""
    found = {s.name: s.complaint(getattr(config, s.name)) for s in settings_of(type(config))}
    wrong = {name: text for name, text in found.items() if text}
    return wrong or _contradictions(config)


def _contradictions(config: TrainerConfig) -> dict[str, str]:
    """Values that are fine alone but not together."""
    wrong: dict[str, str] = {}
    if config.train_split + config.val_split > 1.0 + 1e-9:
        wrong["val_split"] = "--train-split and --val-split together must not exceed 1."
    if config.perceptual_weight > 0 and not config.vgg_weights:
        wrong["perceptual_weight"] = (
            "--perceptual-weight needs --vgg-weights with torchvision's file vgg19-dcbb9e9d.pth "
            "(from its model zoo, vgg19 IMAGENET1K_V1)."
        )
    if config.l1_weight + config.frequency_weight + config.perceptual_weight <= 0:
        wrong["l1_weight"] = "At least one of --l1-weight, --frequency-weight and --perceptual-weight must be above 0."
    if config.camera_profile and config.degradation == "bicubic":
        wrong["camera_profile"] = "--camera-profile describes a watch; it does not go with --degradation bicubic."
    side = config.base_resolution if config.monochrome_style else 144
    if config.patch_size > side:
        wrong["patch_size"] = f"--patch-size must not exceed the watch's frame, {side} LR pixels."
    if config.patch_size % 4:
        wrong["patch_size"] = "--patch-size must be a multiple of 4."
    if config.base_resolution % 4:
        wrong["base_resolution"] = "--base-resolution must be a multiple of 4."
    return wrong


def to_json(
    config: TrainerConfig, *, stored: Stored, derived: Optional[dict[str, Any]], warm_start: Any
) -> dict[str, Any]:
    """The content of `training_config.json` and of `--config-only`; unknown stored fields come along."""
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(config).items()}
    result = {**values, **stored.unknown, "schema": SCHEMA_VERSION, "derived": derived, "warm_start": warm_start}
    if stored.workspace_id:
        result["workspace_id"] = stored.workspace_id
    return result


def network_fields(spec: Any) -> dict[str, int]:
    """The network dimensions of a `NetworkSpec` as settings."""
    return {name: getattr(spec, name) for name in NETWORK_FIELDS}


def options_table(config_class: type = TrainerConfig) -> str:
    """All options as Markdown, a table a group: the body of docs/options.md."""
    lines: list[str] = []
    group = None
    for s in sorted(settings_of(config_class), key=lambda s: s.group):
        if s.group != group:
            group = s.group
            lines += ["", f"## {group}", "", "| Option | Default | Values | Meaning |", "| --- | --- | --- | --- |"]
        name = f"`<{s.name}>`" if not s.flag else f"`{s.flag}`"
        values = " ".join(part for part in (s.limits, s.unit) if part) or s.kind
        lines.append(f"| {name} | {shown(s.default)} | {values} | {s.help} |")
    return "\n".join(lines).lstrip() + "\n"


def shown(value: Any) -> str:
    """A default value as `--help`, tooltips and the table show it."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " ".join(shown(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def nearest_names(word: str, config_class: type = TrainerConfig) -> list[str]:
    """Flags that resemble a mistyped one."""
    return difflib.get_close_matches(word, [s.flag for s in settings_of(config_class) if s.flag], n=2)


def _checked(described: Setting, value: Any, where: str) -> Any:
    if described.kind == "pair" and isinstance(value, list):
        value = tuple(value)
    if described.kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    complaint = described.complaint(value)
    if complaint:
        raise UserError(f"{where}: {complaint} Correct it there, or give the option on the command line.")
    return value


if __name__ == "__main__":
    print("# Options\n\nMade from the settings schema: `python -m trainer_core.settings.merge > docs/options.md`.\n")
    print(options_table(), end="")
