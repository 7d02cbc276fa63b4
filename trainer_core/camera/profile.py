"""Camera profiles, the ranges of a camera's parameters, as small JSON files: two are built in, users can fit others.

    {"schema": 1, "kind": "mono", "name": "wqv1", "notes": "…", "ranges": {"psf_v": [0.85, 1.45], …}, "chances": {…}}

Every parameter of that kind of watch must be present and within its limits (`parameters`); one with a `legacy_value`
may be missing. Unknown parameters are refused.
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trainer_core.camera.parameters import ColorParams, MonoParams, Parameter, Params
from trainer_core.errors import UserError
from trainer_core.input_files import read_regular
from trainer_core.json_files import check_version, parse_json
from trainer_core.watches import WATCHES, WQV1, WQV10

BUILTIN_PROFILES = tuple(watch.profile for watch in WATCHES.values())
KINDS: Mapping[str, type[Params]] = {WQV1.kind: MonoParams, WQV10.kind: ColorParams}
_SCHEMA = 1
_MAX_FILE_BYTES = 1 << 20
_ADVICE = "Choose another camera profile."
_LARGEST = 1e300  # not finite beyond; a whole number of JSON can be too large for a float


@dataclass(frozen=True)
class CameraProfile:
    """The ranges of a camera's parameters.

    Args:
        name: short name, stored in the metadata of the weights trained with it.
        kind: "mono" or "color".
        ranges: parameter -> (low, high) within its limits; every parameter of this kind of watch that is not a chance.
        chances: parameter -> probability 0..1; every chance of this kind of watch.
        notes: free text.
    """

    name: str
    kind: str
    ranges: Mapping[str, tuple[float, float]]
    chances: Mapping[str, float] = field(default_factory=dict)
    notes: str = ""

    @classmethod
    def load(cls, path: Path) -> CameraProfile:
        """Read and check a profile file.

        Raises:
            UserError: the file is unreadable, not JSON, incomplete, or has a value outside the limits; the message
                names the entry.
        """
        try:
            content = read_regular(path, _MAX_FILE_BYTES + 1)
        except OSError as error:
            raise UserError(f"Cannot read the camera profile {path}: {error.strerror or error}. {_ADVICE}") from error
        if len(content) > _MAX_FILE_BYTES:
            raise UserError(f"{path} is too large for a camera profile (more than 1 MiB). {_ADVICE}")
        return cls.parse(content, str(path), path.stem)

    @classmethod
    def builtin(cls, name: str) -> CameraProfile:
        """Load the profile `name` of `BUILTIN_PROFILES`.

        Raises:
            UserError: there is no such profile.
        """
        if name not in BUILTIN_PROFILES:
            raise UserError(
                f"There is no built-in camera profile {name!r}; choose one of {', '.join(BUILTIN_PROFILES)}."
            )
        content = importlib.resources.files("resources").joinpath(f"{name}.json").read_bytes()
        return cls.parse(content, f"built-in {name}", name)

    def to_json(self) -> dict[str, Any]:
        """Return the content of a profile file."""
        return {
            "schema": _SCHEMA,
            "kind": self.kind,
            "name": self.name,
            "notes": self.notes,
            "ranges": {name: list(limits) for name, limits in self.ranges.items()},
            "chances": dict(self.chances),
        }

    @classmethod
    def parse(cls, content: bytes, source_name: str = "the camera profile", default_name: str = "") -> CameraProfile:
        """Parse and check the content of a profile file.

        Args:
            content: JSON, UTF-8.
            source_name: what the messages call it.
            default_name: name of a profile that states none.

        Raises:
            UserError: see `load`.
        """
        try:
            data = parse_json(content)
        except ValueError as error:
            raise UserError(f"{source_name} is not a camera profile: it is not JSON ({error}). {_ADVICE}") from error
        if not isinstance(data, dict) or data.get("kind") not in list(KINDS):
            raise UserError(
                f'{source_name} is not a camera profile: it must be a JSON object with "schema": {_SCHEMA} '
                f'and "kind": "mono" or "color". {_ADVICE}'
            )
        check_version(data, "schema", _SCHEMA, source_name, advice=_ADVICE)
        parameters = KINDS[data["kind"]].parameters()
        ranged = {name: entry for name, entry in parameters.items() if entry.distribution != "chance"}
        chances = {name: entry for name, entry in parameters.items() if entry.distribution == "chance"}
        return cls(
            name=_read_text(data, "name", default_name, source_name),
            kind=data["kind"],
            ranges={
                name: _read_range(value, ranged[name], f"{source_name}: ranges.{name}")
                for name, value in _read_section(data, "ranges", ranged, source_name).items()
            },
            chances={
                name: _read_number(value, chances[name], f"{source_name}: chances.{name}")
                for name, value in _read_section(data, "chances", chances, source_name).items()
            },
            notes=_read_text(data, "notes", "", source_name),
        )


def _read_text(data: Mapping[str, Any], key: str, default: str, source_name: str) -> str:
    value = data.get(key, default)
    if not isinstance(value, str) or len(value) > 2000:
        raise UserError(f'{source_name}: "{key}" must be text of at most 2000 characters.')
    return value


def _read_section(
    data: Mapping[str, Any], key: str, expected: Mapping[str, Parameter], source_name: str
) -> Mapping[str, Any]:
    section = data.get(key)
    if not isinstance(section, dict):
        raise UserError(f'{source_name}: "{key}" is missing or is not a JSON object.')
    section = {
        **{name: [entry.legacy_value] * 2 for name, entry in expected.items() if entry.legacy_value is not None},
        **section,
    }
    missing = [name for name in expected if name not in section]
    unknown = [name for name in section if name not in expected]
    if missing or unknown:
        problems = [f"missing {name}" for name in missing] + [f"unknown {name}" for name in unknown]
        raise UserError(f'{source_name}: "{key}" does not fit a {data["kind"]} camera: {", ".join(problems[:6])}.')
    return section


def _read_range(value: Any, parameter: Parameter, source_name: str) -> tuple[float, float]:
    if not isinstance(value, list) or len(value) != 2:
        raise UserError(f"{source_name} must be a list of two numbers: [low, high].")
    low, high = _read_number(value[0], parameter, source_name), _read_number(value[1], parameter, source_name)
    if low > high:
        raise UserError(f"{source_name} is [{low:g}, {high:g}]: the first number must not exceed the second.")
    return low, high


def _read_number(value: Any, parameter: Parameter, source_name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < _LARGEST:
        raise UserError(f"{source_name} must be a number, not {str(value)[:40]!r}.")
    if not parameter.minimum <= value <= parameter.maximum:
        raise UserError(
            f"{source_name} is {value:g} but must be between {parameter.minimum:g} and {parameter.maximum:g} "
            f"({parameter.description}; unit: {parameter.unit})."
        )
    return float(value)
