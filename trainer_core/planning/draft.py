"""A run in the making: what was chosen so far, what a workspace remembers, and the settings that follow.

The window's form shows a `Draft`, and hands `given` to `plan.plan_run`: a choice in the form means exactly what the
same option means on the command line. Needs no torch, writes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Optional

from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.merge import Stored, complaints, merge, network_fields
from trainer_core.settings.presets import NETWORK_FIELDS, PRESETS
from trainer_core.settings.schema import Setting, settings_of
from trainer_core.weights.warm_start import WarmStartSource
from trainer_core.workspace.layout import Workspace

# Settings that mean something even when they repeat what would hold anyway: they undo others.
_ALWAYS_EXPLICIT = ("preset", "steps", "source_dir", "workspace", "init_weights")


class Draft:
    """Choices by field name over a workspace's stored settings.

    Args:
        config_class: the schema; another one than `TrainerConfig` in tests. `settings` are its settings, in order.
    """

    def __init__(self, config_class: type = TrainerConfig) -> None:
        self._config_class = config_class
        self.settings: tuple[Setting, ...] = settings_of(config_class)
        self._defaults = {s.name: s.default for s in self.settings}
        self._given: dict[str, Any] = {}
        self._places: dict[str, Any] = {}  # where the workspace's last run took its photos from
        self._proposed_preset: Optional[str] = None
        self.stored = Stored()
        self._carried: dict[str, Any] = {}  # choices of the workspace before, in one that remembers nothing
        self.warm: Optional[WarmStartSource] = None

    @property
    def given(self) -> dict[str, Any]:
        """The explicit settings, as the command line would be given them."""
        known = {**self._carried, **self._places, **self._given}
        sizes = {"preset", *_replaced_by("preset")} & {*self.stored.values, *self._carried}
        open_choice = not known.get("demo") and "preset" not in known and not sizes
        proposal = {"preset": self._proposed_preset} if open_choice and self._proposed_preset else {}
        return {**proposal, **known}

    @property
    def choices(self) -> dict[str, Any]:
        """`given` without what was proposed and what the workspace knows itself: to be taken up another time."""
        return {**self._carried, **self._given}

    @property
    def config(self) -> Any:
        """All settings that follow, valid or not."""
        return self._merged(self.given)

    @property
    def wrong(self) -> dict[str, str]:
        """Field name -> sentence for what cannot be used; missing places are not counted (see `readiness`)."""
        return complaints(self.config.replace(source_dir="-", workspace="-"))

    def default(self, name: str) -> Any:
        """What a setting is without any choice, under the present preset; for the preset itself the proposed one."""
        if name == "preset" and self._proposed_preset:
            return self._proposed_preset
        preset = PRESETS.get(self.config.preset, {})
        if name in preset:
            return preset[name]
        return self._defaults[name]

    def set(self, name: str, value: Any) -> None:
        """Choose one setting; a preset, a warm start and a number of steps take back what they replace."""
        for replaced in (name, *_replaced_by(name)):
            self._given.pop(replaced, None)
            self._carried.pop(replaced, None)
        self._places.pop(name, None)
        if name in ("init_weights", "resume_from"):
            self.warm = None
        if name in _ALWAYS_EXPLICIT or getattr(self.config, name) != value:
            self._given[name] = value
        if name in ("source_dir", "workspace", "init_weights") and not value:
            del self._given[name]
            if name == "init_weights" and self.stored.values.get(name):
                self._given[name] = None

    def reset(self, name: str) -> None:
        """Back to the default, whatever the workspace remembers."""
        self._given.pop(name, None)
        self._carried.pop(name, None)
        default = self.default(name)
        if getattr(self.config, name) != default:
            self.set(name, default)

    def open(self, workspace: str) -> tuple[str, ...]:
        """Take this folder as the workspace, with the settings it remembers; what to tell the user about them.

        Where it remembers none, those of the workspace before stay: nothing in the form jumps.

        Raises:
            UserError: its settings file cannot be understood; nothing has changed then but the folder.
        """
        self.set("workspace", workspace)
        self._carried = self._beside_defaults()
        self.stored, self._places = Stored(), {}
        if not workspace:
            return ()
        self.stored = Workspace(Path(os.path.abspath(workspace))).read_settings()
        if self.stored.values:
            self._carried = {}
        if "source_dir" not in self._given and "demo" not in self._given:
            self._places = _places(self.stored)
        return self.stored.notices

    def hand_over(self) -> None:
        """A run was made of these choices: the workspace remembers them, and a budget of minutes became steps.

        Raises:
            UserError: as `open`; nothing has changed then.
        """
        stored = Workspace(Path(os.path.abspath(self.config.workspace))).read_settings()
        self.stored, self._carried = stored, {}
        self._given = {name: self._given[name] for name in ("source_dir", "workspace", "demo") if name in self._given}

    def propose_preset(self, name: str) -> None:
        """The preset to use as long as neither the user nor the workspace chose one."""
        self._proposed_preset = name

    def begin_demo(self, workspace: str) -> None:
        """Built-in scenes in `workspace`, with the settings that suit them.

        Raises:
            UserError: as `open`.
        """
        self._given = {"demo": True}
        self.stored, self._carried = Stored(), {}
        self.warm = None
        self.open(workspace)

    def adopt(self, values: dict[str, Any]) -> None:
        """Choose many at once: imported settings. They belong together, so none takes another one back."""
        replaced = {*values, *(("resume_from",) if values.get("init_weights") else ())}
        self._given = {name: value for name, value in self._given.items() if name not in replaced}
        if "preset" in values:
            self._given["preset"] = values["preset"]  # first: it decides which of the others say something new
        self.warm = None
        config = self.config
        self._given.update({name: value for name, value in values.items() if getattr(config, name) != value})

    def _beside_defaults(self) -> dict[str, Any]:
        """What the workspace that is left remembers, as far as it says something beside the user's own choices."""
        if not self.stored.values:
            return self._carried
        here, plain = (merge(self._given, stored, {}, self._config_class) for stored in (self.stored.values, {}))
        values = {name: getattr(here, name) for name in self.stored.values}
        return {name: value for name, value in values.items() if value != getattr(plain, name)}

    def _merged(self, given: dict[str, Any]) -> Any:
        network = network_fields(self.warm.spec) if self.warm else {}
        return merge(given, self.stored.values, network, self._config_class)


def _places(stored: Stored) -> dict[str, Any]:
    if stored.places.get("demo") is True:
        return {"demo": True}
    source = stored.places.get("source_dir")
    return {"source_dir": source} if isinstance(source, str) else {}


def _replaced_by(name: str) -> tuple[str, ...]:
    if name == "preset":
        return tuple({field for preset in PRESETS.values() for field in preset})
    return {
        "init_weights": (*NETWORK_FIELDS, "resume_from"),
        "resume_from": ("init_weights",),
        "steps": ("max_minutes",),
        "max_minutes": ("steps",),
    }.get(name, ())
