"""The content of `training_config.json`: parse the stored settings of a workspace, and build the JSON to write."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trainer_core.errors import UserError
from trainer_core.json_files import check_version
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.schema import Setting

SCHEMA_VERSION = 1
# Keys of training_config.json that are not settings.
RESERVED_KEYS = ("schema", "workspace_id", "derived", "warm_start")
ADVICE = "Correct it, or move it to another folder to continue without it."
_LARGEST = 1e300  # a whole number of JSON can be too large for a float
_MAX_NAMES, _MAX_NAME = 10, 60  # unknown settings that a notice names, and characters of each
_LEGACY_FIELDS_IGNORED = ("perceptual_weight", "monochrome_noise")


@dataclass(frozen=True)
class StoredSettings:
    """Content of a `training_config.json`.

    Attributes:
        values: the settings that a new run reuses.
        unknown: other keys, kept when the file is written again.
        notices: sentences for the user about keys that are not used.
        last_source: `source_dir` or `demo` of the last run, for the form to offer again.
    """

    values: dict[str, Any] = field(default_factory=dict)
    unknown: dict[str, Any] = field(default_factory=dict)
    notices: tuple[str, ...] = ()
    workspace_id: str | None = None
    last_source: dict[str, Any] = field(default_factory=dict)


def parse_stored_settings(data: Any, where: str) -> StoredSettings:
    """Read the parsed JSON of a stored settings file.

    Args:
        where: the file or source of the JSON, for messages.

    Raises:
        NewerFileError: it has a newer schema.
        UserError: it is not a JSON object, or a value cannot be used.
    """
    if not isinstance(data, dict):
        raise UserError(
            f"{where} contains no settings (expected a JSON object). Restore it, or move it to another folder."
        )
    if "schema" in data:
        check_version(data, "schema", SCHEMA_VERSION, where, advice=ADVICE)
    values = {name: _check_value(SETTINGS[name], value, where) for name, value in data.items() if _is_reused(name)}
    if "learning_rate" in values:
        values.setdefault("optimizer", "adam")  # a rate of the time before there was another one
    notices = []
    if "schema" not in data:
        dropped = [name for name in _LEGACY_FIELDS_IGNORED if values.pop(name, None) is not None]
        ignored = f"Settings ignored because their meaning has changed: {' and '.join(dropped)}."
        notices.append(f"{where} is from the first trainer. {ignored if dropped else 'Its settings are used.'}")
    unknown = {k: v for k, v in data.items() if k not in SETTINGS and k not in RESERVED_KEYS}
    if unknown:
        names = [name[:_MAX_NAME] for name in sorted(unknown)[:_MAX_NAMES]]
        more = f" and {len(unknown) - _MAX_NAMES} more" if len(unknown) > _MAX_NAMES else ""
        notices.append(f"{where}: unknown settings are kept but not used: {', '.join(names)}{more}.")
    workspace_id = data.get("workspace_id")
    if "workspace_id" in data and (not isinstance(workspace_id, str) or not workspace_id):
        raise UserError(f'{where}: "workspace_id" must be text, not {str(workspace_id)[:40]!r}. {ADVICE}')
    return StoredSettings(values, unknown, tuple(notices), workspace_id, _last_source(data))


def settings_to_json(
    config: TrainerConfig, *, stored: StoredSettings, derived: dict[str, Any] | None, warm_start: Any
) -> dict[str, Any]:
    """Build the content of `training_config.json` and `--config-only`, with the unknown stored fields."""
    values = {k: list(v) if isinstance(v, tuple) else v for k, v in dataclasses.asdict(config).items()}
    result = {**values, **stored.unknown, "schema": SCHEMA_VERSION, "derived": derived, "warm_start": warm_start}
    if stored.workspace_id:
        result["workspace_id"] = stored.workspace_id
    return result


def _is_reused(name: str) -> bool:
    return name in SETTINGS and SETTINGS[name].stored


def _last_source(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return `demo` if it is true, else a nonempty `source_dir`, else nothing."""
    if data.get("demo") is True:
        return {"demo": True}
    source = data.get("source_dir")
    return {"source_dir": source} if isinstance(source, str) and source else {}


def _check_value(setting: Setting, value: Any, where: str) -> Any:
    if setting.kind == "pair" and isinstance(value, list):
        value = tuple(value)
    if setting.kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        value = float(value) if abs(value) < _LARGEST else float("inf")
    problem = setting.problem(value)
    if problem:
        raise UserError(f"{where}: {problem} Correct it there, or give the option on the command line.")
    return value
