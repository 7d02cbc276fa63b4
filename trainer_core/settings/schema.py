"""Schema of the settings: the source of `--help`, the form, validation messages and docs/options.md.

`Group` describes the fields of a configuration class; `settings_of` returns their descriptions as `Setting`s.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

AUTO = "auto"
_MAX_NAME = 60  # characters
INT_OR_AUTO = "int or auto"  # the kind of a whole number that the program can also choose


@dataclass(frozen=True)
class FileKind:
    """A file type for file dialogs; `suffixes` start with a dot."""

    name: str
    suffixes: tuple[str, ...]


@dataclass(frozen=True)
class Setting:
    """Description of one field of the configuration.

    Attributes:
        kind: "int", "float", "switch", "choice", "pair" (two floats), "int or auto", "name" (part of a
            file name), "file", "folder".
        flag: the option; "" for positional arguments.
        minimum: the smallest allowed value.
        exclusive_minimum: the limit that a value must exceed, instead of `minimum`.
        maximum: the largest allowed value.
        numbered: those of the choices that may be followed by a colon and a number.
        explanation: what the choices mean, which a refusal adds; "" where they speak for themselves.
        choice_labels: value of a choice or switch -> text of its button; empty: the values are the texts.
        files: file type for the file dialog.
        hint: placeholder of an empty path entry; "" for the general one.
        word: a value that stands for a path; "" for none.
        stored: whether a new run in a workspace reuses the value from `training_config.json`.
        place: whether it gives the location of photos or results; never reused, but offered again to the user.
        demo_default: the default with built-in scenes if it differs.
        replaces: the settings that choosing this one resets.
        always_explicit: whether a choice counts even if it repeats the current value, because it resets others.
        fixed_on_resume: whether a resume with a changed value differs from an uninterrupted run.
        of_camera: whether simulated watch photos depend on it.
    """

    name: str
    kind: str
    default: Any
    label: str
    help: str
    group: str
    flag: str = ""
    unit: str = ""
    minimum: float | None = None
    exclusive_minimum: float | None = None
    maximum: float | None = None
    choices: tuple[Any, ...] = ()
    numbered: tuple[str, ...] = ()
    explanation: str = ""
    choice_labels: Mapping[Any, str] = field(default_factory=dict, hash=False)
    files: FileKind | None = None
    hint: str = ""
    word: str = ""
    stored: bool = True
    place: bool = False
    demo_default: Any = None
    replaces: tuple[str, ...] = ()
    always_explicit: bool = False
    fixed_on_resume: bool = False
    of_camera: bool = False

    @property
    def optional(self) -> bool:
        """Whether the value may be None."""
        return self.default is None

    @property
    def is_path(self) -> bool:
        """Whether the value names a file or a folder."""
        return self.kind in ("file", "folder")

    @property
    def limits(self) -> str:
        """The allowed values as text, or ""."""
        if self.choices:
            return ", ".join(
                f"{choice}, {choice}:N" if choice in self.numbered else str(choice) for choice in self.choices
            )
        above = self.exclusive_minimum is not None
        low = "" if self.minimum is None else f"from {_format_limit(self.minimum)}"
        low = f"above {_format_limit(self.exclusive_minimum)}" if self.exclusive_minimum is not None else low
        high = "" if self.maximum is None else f"{'to' if low and not above else 'up to'} {_format_limit(self.maximum)}"
        text = (", " if above else " ").join(part for part in (low, high) if part)
        return f"{AUTO} or a number {text}" if self.kind == INT_OR_AUTO else text

    def problem(self, value: Any) -> str | None:
        """Return one sentence on why `value` cannot be used, or None if it can."""
        problem = self._value_problem(value)
        return None if problem is None else f"{self.flag or self.name} {problem}."

    def _value_problem(self, value: Any) -> str | None:
        if value is None:
            return None if self.optional else "is missing"
        if self.kind == "switch":
            return None if isinstance(value, bool) else f"must be true or false, not {_quote(value)}"
        if self.is_path:
            is_path = isinstance(value, str) and value != "" and "\0" not in value
            return None if is_path else f"must be a path, not {_quote(value)}"
        if self.kind == "name":
            return _name_problem(value)
        if self.kind == "choice":
            return None if self._is_choice(value) else self._explain_choices(value)
        if self.kind == "pair":
            return self._pair_problem(value)
        if self.kind == INT_OR_AUTO and value == AUTO:
            return None
        return self._number_problem(value)

    def _is_choice(self, value: Any) -> bool:
        if value in self.choices:
            return True
        parts = re.fullmatch("([a-z]+):[0-9]{1,3}", value) if isinstance(value, str) else None
        return parts is not None and parts[1] in self.numbered

    def _explain_choices(self, value: Any) -> str:
        text = f"must be one of {self.limits}, not {_quote(value)}"
        return f"{text}; {self.explanation}" if self.explanation else text

    def _pair_problem(self, value: Any) -> str | None:
        if not isinstance(value, (tuple, list)) or len(value) != 2:
            return f"must be two numbers, not {_quote(value)}"
        return next((p for p in (self._number_problem(v) for v in value) if p), None)

    def _number_problem(self, value: Any) -> str | None:
        whole = self.kind in ("int", INT_OR_AUTO)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return f"must be a {'whole ' if whole else ''}number, not {_quote(value)}"
        if whole and not isinstance(value, int):
            return f"must be a whole number, not {_quote(value)}"
        if value != value or value in (float("inf"), float("-inf")):
            return f"must be a finite number, not {_quote(value)}"
        too_small = self.minimum is not None and value < self.minimum
        too_small = too_small or (self.exclusive_minimum is not None and value <= self.exclusive_minimum)
        too_large = self.maximum is not None and value > self.maximum
        return f"must be {self.limits}, not {_format_limit(value)}" if too_small or too_large else None


def _name_problem(value: Any) -> str | None:
    if not isinstance(value, str) or not re.fullmatch(rf"[\w-]{{1,{_MAX_NAME}}}", value):
        return f"must be 1 to {_MAX_NAME} letters, digits, _ and -, not {_quote(value)}"
    mark = re.search(r"x[248](?!\d)", value, re.IGNORECASE)
    return f"must not contain {mark[0]}, because the program adds the scale" if mark else None


@dataclass(frozen=True)
class Group:
    """A group of settings, shown as such by `--help`, the form and docs/options.md.

    Describe a field with label and help first, then with its kind; a default of None makes it optional:

        steps: int = training("Steps", "Total optimization steps.").integer(200_000, minimum=1)
    """

    title: str

    def __call__(self, label: str, help: str) -> Description:
        """Start the description of a field.

        Args:
            label: label of its entry in the form.
            help: one sentence for `--help`, the tooltip and docs/options.md.
        """
        return Description(self.title, label, help)


@dataclass(frozen=True)
class Description:
    """Description of a field whose kind is still missing.

    Each method adds the kind and returns a data class field; `facts` are further attributes of `Setting`.
    """

    group: str
    label: str
    help: str

    def integer(self, default: int | None, **facts: Any) -> Any:
        """Describe a whole number."""
        return self._field("int", default, facts)

    def number(self, default: float | None, **facts: Any) -> Any:
        """Describe a number."""
        return self._field("float", default, facts)

    def pair(self, default: tuple[float, float], **facts: Any) -> Any:
        """Describe two numbers."""
        return self._field("pair", default, facts)

    def switch(self, default: bool, **facts: Any) -> Any:
        """Describe a value that is on or off."""
        return self._field("switch", default, facts)

    def choice(self, default: Any, choices: tuple[Any, ...], **facts: Any) -> Any:
        """Describe a choice among a few values."""
        return self._field("choice", default, {"choices": choices, **facts})

    def integer_or_auto(self, default: int | str, **facts: Any) -> Any:
        """Describe a whole number that the program can also choose."""
        return self._field(INT_OR_AUTO, default, facts)

    def interval(self, **facts: Any) -> Any:
        """Describe a number of steps, "auto" by default."""
        return self.integer_or_auto(AUTO, unit="steps", minimum=1, **facts)

    def name(self, default: str, **facts: Any) -> Any:
        """Describe a part of a file name, to which the program adds a scale mark."""
        return self._field("name", default, facts)

    def file(self, files: FileKind, **facts: Any) -> Any:
        """Describe the path of a file, none by default."""
        return self._field("file", None, {"files": files, **facts})

    def folder(self, **facts: Any) -> Any:
        """Describe the path of a folder that must be given."""
        return self._field("folder", "", facts)

    def _field(self, kind: str, default: Any, facts: dict[str, Any]) -> Any:
        described = dict(kind=kind, label=self.label, help=self.help, group=self.group, **facts)
        return dataclasses.field(default=default, metadata={"setting": described})


def settings_of(config_class: type) -> dict[str, Setting]:
    """Return the settings of a configuration class by field name, in order; `flag` defaults to `--the-field-name`."""
    found = {}
    for entry in dataclasses.fields(config_class):
        facts = {"flag": "--" + entry.name.replace("_", "-"), **entry.metadata["setting"]}
        found[entry.name] = Setting(name=entry.name, default=entry.default, **facts)
    return found


def format_value(value: Any) -> str:
    """Format a default value for `--help`, tooltips and docs/options.md."""
    if value is None or value == "":
        return "none"
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, tuple):
        return " ".join(format_value(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def _format_limit(value: float) -> str:
    if isinstance(value, float) and abs(value) >= 1e5 and value == int(value):
        return f"{value:.0f}"
    return f"{value:g}" if isinstance(value, float) else _quote(value)


def _quote(value: Any) -> str:
    """Return a value as a settings file spells it, the first 60 characters of a long one."""
    text = str(value).lower() if isinstance(value, bool) else repr(list(value) if isinstance(value, tuple) else value)
    return text if len(text) <= 60 else f"{text[:60]}…"
