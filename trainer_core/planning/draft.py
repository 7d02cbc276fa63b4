"""The settings under way before a run: the user's choices over the stored settings of a workspace.

A workspace that holds settings replaces every choice made before it was opened, so that the form never shows a mixture.
The window's form shows a `Draft` and passes its `given` to `planning.plan.make_plan`, so that a choice in the form
means the same as the option on the command line. Needs no torch and writes nothing.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trainer_core.errors import NewerFileError, UserError
from trainer_core.planning.resumed_run import find_run_settings
from trainer_core.planning.starting_weights import find_start_network
from trainer_core.settings.config import SETTINGS, TrainerConfig
from trainer_core.settings.merge import merge_settings
from trainer_core.settings.presets import NETWORK_FIELDS, preset_settings
from trainer_core.settings.rules import find_problems
from trainer_core.settings.stored import StoredSettings
from trainer_core.weights.warm_start import WarmStartSource
from trainer_core.workspace.layout import Workspace

_PRESET = {"preset", *SETTINGS["preset"].replaces}
_DURATION = {"steps", "max_minutes"}  # the settings that decide how long a run takes


@dataclass(frozen=True)
class DraftState:
    """The choices of a draft at one moment; `Draft.restore` returns to them."""

    given: Mapping[str, Any]
    carried_over: Mapping[str, Any]
    stored: StoredSettings
    opened: str
    is_of_checkpoint: bool


class Draft:
    """Choices by field name over a workspace's stored settings.

    Attributes:
        stored: the stored settings of the workspace; `last_source` is empty once the user chose another source.
        warm_start: the identified file of `init_weights`; None until the window has identified it.
    """

    def __init__(self) -> None:
        self._given: dict[str, Any] = {}
        self._carried_over: dict[str, Any] = {}  # from the previous workspace, if this one has no stored settings
        self._proposed_preset: str | None = None
        self._proposed_limits: Mapping[str, float] = {}  # preset -> minutes
        self._proposed_start: str | None = None
        self._opened = ""  # the workspace of `stored`
        self._is_of_checkpoint = False  # whether its settings are those of its newest checkpoint
        self._before_typing: tuple[dict[str, Any], dict[str, Any], StoredSettings] | None = None
        self.stored = StoredSettings()
        self.warm_start: WarmStartSource | None = None

    @property
    def given(self) -> dict[str, Any]:
        """The explicit settings, as on the command line."""
        known = {**self._carried_over, **self.stored.last_source, **self._given}
        return {**self._find_proposals(known), **known}

    @property
    def session_choices(self) -> dict[str, Any]:
        """The choices to restore in the next session: `given` without proposals and the stored source."""
        return {**self._carried_over, **self._given}

    @property
    def places(self) -> dict[str, Any]:
        """The `session_choices` that a run does not store for later runs: the folders and the built-in scenes."""
        return {name: value for name, value in self.session_choices.items() if SETTINGS[name].place}

    @property
    def state(self) -> DraftState:
        """All choices as they are now."""
        return DraftState(
            dict(self._given), dict(self._carried_over), self.stored, self._opened, self._is_of_checkpoint
        )

    def restore(self, state: DraftState) -> None:
        """Return to earlier choices; the weights to start from, if they are others, must be identified again."""
        weights = self.config.init_weights
        self._given, self._carried_over, self.stored = dict(state.given), dict(state.carried_over), state.stored
        self._opened, self._is_of_checkpoint, self._before_typing = state.opened, state.is_of_checkpoint, None
        if self.config.init_weights != weights:
            self.warm_start = None

    @property
    def config(self) -> TrainerConfig:
        """All settings that result from the choices, valid or not."""
        given, stored = self.given, self.stored.values
        name = given["init_weights"] if "init_weights" in given else stored.get("init_weights")
        network = find_start_network(name, self.warm_start if name else None)
        return merge_settings(given, stored, network.exact, network.minimum)

    @property
    def problems(self) -> dict[str, str]:
        """Field name -> sentence for each value that cannot be used, except folders (see `planning.readiness`)."""
        return find_problems(self.config, [setting for setting in SETTINGS.values() if setting.kind != "folder"])

    def default(self, name: str) -> Any:
        """Return the default of a setting under the current preset and start, or what is proposed instead."""
        if name == "preset" and self._proposed_preset:
            return self._proposed_preset
        config = self.config
        if name == "max_minutes" and not config.demo:
            return self._proposed_limits.get(config.preset)
        if name == "init_weights" and self._is_start_open(self.given):
            return self._proposed_start
        start = config.init_weights
        preset = preset_settings(config.preset, has_start=bool(start))
        network = find_start_network(start, self.warm_start if start else None)
        default = {**preset, **network.exact}.get(name, SETTINGS[name].default)
        return max(default, network.minimum[name]) if name in network.minimum else default

    def set(self, name: str, value: Any) -> None:
        """Choose a value for one setting and reset the settings it replaces; "" or None reset the setting itself.

        With another preset, the time limit that is proposed for the present one becomes that of the other.
        """
        setting = SETTINGS[name]
        limit = self._find_following_limit(value) if name == "preset" else None
        if name != "workspace":
            self._before_typing = None
        value = None if value == "" and setting.optional else value
        self._forget(name, *(setting.replaces if value != "" else ()))
        if (setting.always_explicit and value is not None) or getattr(self.config, name) != value:
            self._given[name] = value
        if limit is not None and self.config.max_minutes != limit:
            self._given["max_minutes"] = limit

    def _find_following_limit(self, preset: Any) -> float | None:
        """Return the time limit of another preset, if the present one is proposed; None if the user has chosen it."""
        config = self.config
        is_proposed = config.max_minutes == self._proposed_limits.get(config.preset)
        return self._proposed_limits.get(preset) if is_proposed and config.max_minutes is not None else None

    def reset(self, name: str) -> None:
        """Set one setting to its default, even if the workspace stores another value.

        Without a warm start, the network is the preset's again.
        """
        self._before_typing = None
        self._forget(name, *(NETWORK_FIELDS if name == "init_weights" else ()))
        default = self.default(name)
        if getattr(self.config, name) != default:
            self.set(name, default)

    def open_workspace(self, workspace: str, *, typed: bool = False) -> tuple[str, ...]:
        """Open a workspace and return the notices about its stored settings.

        Stored settings replace all earlier choices, and so do those of the newest checkpoint where the settings file is
        missing or cannot be used; only the source folder stays if they name none. Without any, those of the previous
        workspace stay, so that no entry of the form changes. Opening the same workspace again changes no choice.

        Args:
            workspace: the folder; "" for none.
            typed: whether the path may be incomplete. A folder that was only passed while typing leaves nothing behind.

        Raises:
            NewerFileError: the settings file is of a newer version; only the workspace has changed then.
            UserError: it cannot be used.
        """
        folder = os.path.abspath(workspace) if workspace else ""
        is_other = folder != self._opened
        if is_other:
            before_typing = self._before_typing
            if typed and before_typing is not None:
                self._given, self._carried_over, self.stored = before_typing
            self._before_typing = (dict(self._given), dict(self._carried_over), self.stored) if typed else None
        had_settings = not is_other and _holds_settings(self.stored)
        if not had_settings:
            self._carried_over = self._non_default_stored()
        self.set("workspace", workspace)
        self.stored, self._opened = StoredSettings(), ""
        if not workspace:
            return ()
        problem = None
        try:
            self.stored = _read_stored(workspace)
        except NewerFileError:
            raise
        except UserError as error:
            problem = error
        self._opened = folder
        run = None if _holds_settings(self.stored) else find_run_settings(Workspace(Path(folder)))
        was_of_checkpoint, self._is_of_checkpoint = self._is_of_checkpoint, run is not None
        if (run or _holds_settings(self.stored)) and (not had_settings or was_of_checkpoint != self._is_of_checkpoint):
            own_source = run.last_source if run else self.stored.last_source
            chosen = {} if own_source else {n: v for n, v in self._given.items() if n in ("source_dir", "demo")}
            self._given, self._carried_over, self.warm_start = {**chosen, "workspace": workspace}, {}, None
            self._carried_over = self._non_default(run.values) if run else {}
        if run is not None:
            self.stored = StoredSettings(last_source=run.last_source, notices=run.notices)
        if {"source_dir", "demo"} & {*self._given}:
            self.stored = replace(self.stored, last_source={})
        if problem is not None:
            raise problem
        return self.stored.notices

    def _non_default(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the settings that differ from the defaults of their preset."""
        preset = {name: values[name] for name in ("preset",) if name in values}
        default = merge_settings(preset)
        return {**preset, **{k: v for k, v in values.items() if v != getattr(default, k)}}

    def commit(self) -> None:
        """Drop the choices that a started run has stored in its workspace, and read them from there.

        Raises:
            UserError: the settings file cannot be used; nothing has changed then.
        """
        workspace = self.config.workspace
        self.stored = replace(_read_stored(workspace), last_source=self.stored.last_source)
        self._opened, self._given, self._carried_over = os.path.abspath(workspace), self.places, {}
        self._is_of_checkpoint = False

    def propose_preset(self, name: str) -> None:
        """Propose the preset to use until the user or the workspace sets one."""
        self._proposed_preset = name

    def propose_time_limits(self, minutes: Mapping[str, float]) -> None:
        """Propose a time limit for each preset, to use until the user or the workspace decides how long a run takes."""
        self._proposed_limits = minutes

    def propose_start(self, name: str) -> None:
        """Propose the weights to start from, until the user, the workspace or a size of the network decides."""
        self._proposed_start = name

    def use_demo(self, workspace: str) -> None:
        """Choose the built-in scenes in `workspace`, with its stored settings or the defaults of built-in scenes.

        Raises:
            UserError: see `open_workspace`.
        """
        self.clear()
        self._given = {"demo": True}
        try:
            self.open_workspace(workspace)
        finally:
            self._forget("source_dir")
            self.set("demo", True)

    def clear(self) -> None:
        """Drop all choices and close the workspace."""
        self._given, self._carried_over = {}, {}
        self.stored, self.warm_start = StoredSettings(), None
        self._opened, self._before_typing, self._is_of_checkpoint = "", None, False

    def apply_imported(self, values: Mapping[str, Any]) -> None:
        """Choose imported settings together, so that none resets another one."""
        self._before_typing = None
        replaced = {*values, *(("resume_from",) if values.get("init_weights") else ())}
        self._given = {name: value for name, value in self._given.items() if name not in replaced}
        if "preset" in values:
            # first, because it changes the defaults that the others are compared to
            self._given["preset"] = values["preset"]
        self.warm_start = None
        config = self.config
        self._given.update({name: value for name, value in values.items() if getattr(config, name) != value})
        if "max_minutes" in values and self._is_duration_open(self._given):
            self._given["max_minutes"] = values["max_minutes"]  # even if it is none, because one could be proposed

    def _find_proposals(self, known: Mapping[str, Any]) -> dict[str, Any]:
        """Return what is proposed where neither the user, nor the workspace, nor the built-in scenes decide."""
        proposals: dict[str, Any] = {}
        if known.get("demo"):
            return proposals
        is_decided = "preset" in known or _PRESET & {*self.stored.values, *self._carried_over}
        if self._proposed_preset and not is_decided:
            proposals["preset"] = self._proposed_preset
        preset: str = proposals.get("preset") or known.get("preset", "")
        if preset in self._proposed_limits and self._is_duration_open(known):
            proposals["max_minutes"] = self._proposed_limits[preset]
        if self._proposed_start and "init_weights" not in known and self._is_start_open(known):
            proposals["init_weights"] = self._proposed_start
        return proposals

    def _is_duration_open(self, known: Mapping[str, Any]) -> bool:
        """Whether neither the explicit settings `known` nor a workspace decide how long a run takes."""
        return not (_DURATION & {*known} or self._has_own_settings)

    def _is_start_open(self, known: Mapping[str, Any]) -> bool:
        """Whether nothing but the choice of the weights decides what a run starts from."""
        is_decided = known.get("demo") or known.get("resume_from") or {*NETWORK_FIELDS} & {*known}
        return not (is_decided or self._has_own_settings)

    @property
    def _has_own_settings(self) -> bool:
        """Whether the workspace, or the one before it, brought settings of its own."""
        return bool(self.stored.values or self._carried_over or self._is_of_checkpoint)

    def _forget(self, *names: str) -> None:
        for name in names:
            self._given.pop(name, None)
            self._carried_over.pop(name, None)
        last_source = {name: value for name, value in self.stored.last_source.items() if name not in names}
        self.stored = replace(self.stored, last_source=last_source)
        if "init_weights" in names:
            self.warm_start = None

    def _non_default_stored(self) -> dict[str, Any]:
        """Return the stored settings that differ from the defaults under the user's choices."""
        if not self.stored.values:
            return self._carried_over
        with_stored, without_stored = (merge_settings(self._given, stored) for stored in (self.stored.values, {}))
        values = {name: getattr(with_stored, name) for name in self.stored.values}
        return {name: value for name, value in values.items() if value != getattr(without_stored, name)}


def _holds_settings(stored: StoredSettings) -> bool:
    return bool(stored.values or stored.last_source)


def _read_stored(workspace: str) -> StoredSettings:
    return Workspace(Path(os.path.abspath(workspace))).read_settings()
