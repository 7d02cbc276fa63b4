"""How one setting is described: its name on the command line, help, unit, limits. One schema feeds
`--help`, the form's widgets and tooltips, the validation messages and the table in docs/options.md.

`setting(...)` makes a data class field that carries a `Setting`; `settings_of(cls)` lists them.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Optional

AUTO = "auto"


@dataclass(frozen=True)
class Setting:
    """What is known of one field of the configuration.

    Kinds: "int", "float", "switch", "choice", "pair" (two floats), "interval" (steps or "auto"),
    "file", "folder". `optional` fields may be None, `minimum`/`maximum` are inclusive unless
    `above` says that the minimum itself is too small.
    """

    name: str
    kind: str
    default: Any
    label: str
    help: str
    group: str
    flag: str = ""  # "" for the positional arguments
    unit: str = ""
    minimum: Optional[float] = None
    maximum: Optional[float] = None
    above: bool = False
    choices: tuple[Any, ...] = ()
    optional: bool = False
    advanced: bool = True  # the window shows it in a folded group
    replayed: bool = True  # a rerun takes it over from the stored file

    @property
    def limits(self) -> str:
        """The allowed values in words, or ""."""
        if self.choices:
            return ", ".join(str(choice) for choice in self.choices)
        low = "" if self.minimum is None else f"{'above' if self.above else 'from'} {_short(self.minimum)}"
        until = "up to" if self.above or self.minimum is None else "to"
        high = "" if self.maximum is None else f"{until} {_short(self.maximum)}"
        text = (", " if self.above else " ").join(part for part in (low, high) if part)
        return f"{AUTO} or steps, {text}" if self.kind == "interval" else text

    def complaint(self, value: Any) -> Optional[str]:
        """One sentence saying what is wrong with `value`, or None when it is fine."""
        problem = self._problem(value)
        return None if problem is None else f"{self.flag or self.name} {problem}."

    def _problem(self, value: Any) -> Optional[str]:
        if value is None:
            return None if self.optional else "is missing"
        if self.kind == "switch":
            return None if isinstance(value, bool) else f"must be true or false, not {value!r}"
        if self.kind in ("file", "folder"):
            return None if isinstance(value, str) and value else f"must be a path, not {value!r}"
        if self.kind == "choice":
            return None if value in self.choices else f"must be one of {self.limits}, not {value!r}"
        if self.kind == "pair":
            return self._pair_problem(value)
        if self.kind == "interval" and value == AUTO:
            return None
        return self._number_problem(value)

    def _pair_problem(self, value: Any) -> Optional[str]:
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            return f"must be two numbers, not {value!r}"
        return next((p for p in (self._number_problem(v) for v in value) if p), None)

    def _number_problem(self, value: Any) -> Optional[str]:
        whole = self.kind in ("int", "interval")
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"must be a {'whole ' if whole else ''}number, not {value!r}"
        if whole and not isinstance(value, int):
            return f"must be a whole number, not {value!r}"
        if value != value or value in (float("inf"), float("-inf")):
            return f"must be a finite number, not {value!r}"
        too_small = self.minimum is not None and (value < self.minimum or (self.above and value == self.minimum))
        too_large = self.maximum is not None and value > self.maximum
        return f"must be {self.limits}, not {_short(value)}" if too_small or too_large else None


def setting(default: Any, kind: str, label: str, help: str, group: str, **more: Any) -> Any:
    """A data class field described by a `Setting`; `more` are the latter's further fields."""
    return dataclasses.field(
        default=default, metadata={"setting": dict(kind=kind, label=label, help=help, group=group, **more)}
    )


def settings_of(config_class: type) -> tuple[Setting, ...]:
    """The settings of a configuration class, in order. The flag defaults to `--the-field-name`."""
    found = []
    for field in dataclasses.fields(config_class):
        described = dict(field.metadata["setting"])
        described.setdefault("flag", "--" + field.name.replace("_", "-"))
        found.append(Setting(name=field.name, default=field.default, **described))
    return tuple(found)


def _short(value: float) -> str:
    if isinstance(value, float) and abs(value) >= 1e5 and value == int(value):
        return f"{value:.0f}"
    return f"{value:g}" if isinstance(value, float) else str(value)
