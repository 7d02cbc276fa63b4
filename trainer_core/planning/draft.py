"""A run in the making: what was chosen so far, what a workspace remembers, and the settings that follow.

The window's form shows a `Draft`, and hands `given` to `plan.make_plan`: a choice in the form means exactly what the
same option means on the command line. Needs no torch, writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.merge import merge_settings, network_settings
from trainer_core.settings.presets import PRESETS
from trainer_core.settings.rules import find_problems
from trainer_core.settings.stored import StoredSettings
from trainer_core.weights.warm_start import WarmStartSource
from trainer_core.workspace.layout import Workspace


class Draft:
    """Choices by field name over a workspace's stored settings.

    Attributes:
        stored: what the workspace remembers; its `last_source` only as long as no other source was chosen.
        warm: what `init_weights` holds, once somebody has looked.
    """

    def __init__(self) -> None:
        self._given: dict[str, Any] = {}
        self._carried_over: dict[str, Any] = {}  # choices of the workspace before, in one that remembers nothing
        self._proposed_preset: str | None = None
        self.stored = StoredSettings()
        self.warm_start: WarmStartSource | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The explicit settings, as the command line would be given them."""
        known = {**self._carried_over, **self.stored.last_source, **self._given}
        decided = {"preset", *SETTINGS["preset"].replaces} & {*self.stored.values, *self._carried_over}
        open_choice = not known.get("demo") and "preset" not in known and not decided
        proposal = {"preset": self._proposed_preset} if open_choice and self._proposed_preset else {}
        return {**proposal, **known}

    @property
    def session_choices(self) -> dict[str, Any]:
        """`given` without what was proposed and what the workspace knows itself: to be taken up another time."""
        return {**self._carried_over, **self._given}

    @property
    def config(self) -> TrainerConfig:
        """All settings that follow, valid or not."""
        network = network_settings(self.warm_start.spec) if self.warm_start else {}
        return merge_settings(self.given, self.stored.values, network)

    @property
    def problems(self) -> dict[str, str]:
        """Field name -> sentence for what cannot be used; folders are not looked at (see `readiness`)."""
        return find_problems(self.config, [setting for setting in SETTINGS.values() if setting.kind != "folder"])

    def default(self, name: str) -> Any:
        """What a setting is without any choice, under the present preset; for the preset itself the proposed one."""
        if name == "preset" and self._proposed_preset:
            return self._proposed_preset
        return PRESETS.get(self.config.preset, {}).get(name, SETTINGS[name].default)

    def set(self, name: str, value: Any) -> None:
        """Choose one setting, which takes back those it replaces; "" and None take a choice back."""
        setting = SETTINGS[name]
        value = None if value == "" and setting.optional else value
        self._take_back(name, *(setting.replaces if value != "" else ()))
        if (setting.always_explicit and value is not None) or getattr(self.config, name) != value:
            self._given[name] = value

    def reset(self, name: str) -> None:
        """Back to the default, whatever the workspace remembers."""
        self._given.pop(name, None)
        self._carried_over.pop(name, None)
        default = self.default(name)
        if getattr(self.config, name) != default:
            self.set(name, default)

    def open_workspace(self, workspace: str) -> tuple[str, ...]:
        """Take this folder as the workspace, with the settings it remembers; what to tell the user about them.

        Where it remembers none, those of the workspace before stay: nothing in the form jumps.

        Raises:
            UserError: its settings file cannot be understood; nothing has changed then but the folder.
        """
        self.set("workspace", workspace)
        self._carried_over = self._non_default_stored()
        self.stored = StoredSettings()
        if not workspace:
            return ()
        self.stored = _read(workspace)
        if "source_dir" in self._given or "demo" in self._given:
            self.stored = replace(self.stored, last_source={})
        if self.stored.values:
            self._carried_over = {}
        return self.stored.notices

    def commit(self) -> None:
        """A run was made of these choices: the workspace remembers them, and a budget of minutes became steps.

        Raises:
            UserError: as `open`; nothing has changed then.
        """
        self.stored = replace(_read(self.config.workspace), last_source=self.stored.last_source)
        self._carried_over = {}
        self._given = {name: value for name, value in self._given.items() if SETTINGS[name].place}

    def propose_preset(self, name: str) -> None:
        """The preset to use as long as neither the user nor the workspace chose one."""
        self._proposed_preset = name

    def use_demo(self, workspace: str) -> None:
        """Built-in scenes in `workspace`, with the settings that suit them.

        Raises:
            UserError: as `open`.
        """
        self._given = {"demo": True}
        self.stored, self._carried_over = StoredSettings(), {}
        self.warm_start = None
        self.open_workspace(workspace)

    def apply_imported(self, values: Mapping[str, Any]) -> None:
        """Choose many at once: imported settings. They belong together, so none takes another one back."""
        replaced = {*values, *(("resume_from",) if values.get("init_weights") else ())}
        self._given = {name: value for name, value in self._given.items() if name not in replaced}
        if "preset" in values:
            self._given["preset"] = values["preset"]  # first: it decides which of the others say something new
        self.warm_start = None
        config = self.config
        self._given.update({name: value for name, value in values.items() if getattr(config, name) != value})

    def _take_back(self, *names: str) -> None:
        for name in names:
            self._given.pop(name, None)
            self._carried_over.pop(name, None)
        last_source = {name: value for name, value in self.stored.last_source.items() if name not in names}
        self.stored = replace(self.stored, last_source=last_source)
        if "init_weights" in names:
            self.warm_start = None

    def _non_default_stored(self) -> dict[str, Any]:
        """What the workspace that is left remembers, as far as it says something beside the user's own choices."""
        if not self.stored.values:
            return self._carried_over
        with_stored, without_stored = (merge_settings(self._given, stored) for stored in (self.stored.values, {}))
        values = {name: getattr(with_stored, name) for name in self.stored.values}
        return {name: value for name, value in values.items() if value != getattr(without_stored, name)}


def _read(workspace: str) -> StoredSettings:
    return Workspace(Path(os.path.abspath(workspace))).read_settings()
