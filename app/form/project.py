"""Model of the form: a `Draft` whose folders and files are checked in the background by `app/form/lookups.py`.

Its signals report changes and results: the photos of the source folder, the run in the workspace, the network in a
weight file. trainer_core defines the rules; this module applies them in the right order.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from PySide6.QtCore import QObject, Signal

from app.form.edit_history import Edit, EditHistory
from app.form.last_session import LastSession
from app.form.lookups import Lookup, ProfileLookup, SourceLookup, WeightsLookup, WorkspaceLookup
from app.form.results_folder import propose_results_folder
from app.system.background import Background
from app.widgets.wording import ACCEPT_CAPTURES
from trainer_core.errors import UserError
from trainer_core.planning.draft import Draft
from trainer_core.planning.plan import network_spec
from trainer_core.planning.readiness import (
    ERROR,
    OK,
    WARNING,
    Check,
    SourceStatus,
    build_checklist,
    find_unchosen_watch,
    with_short_path,
    workspace_problem,
)
from trainer_core.settings.config import SETTINGS, STARTER
from trainer_core.settings.presets import preset_for_device, time_limits_for_device
from trainer_core.settings.rules import find_overruled
from trainer_core.settings.sharpness import MAX_LEARNING_RATE, OPTIMIZER, STRENGTHS
from trainer_core.training.resources import estimate_disk
from trainer_core.watches import Watch
from trainer_core.workspace.layout import LATEST, Workspace


class Project(QObject):
    """Settings under way; `changed` asks all views to refresh."""

    changed = Signal()
    workspace_opened = Signal(object)  # WorkspaceContents; also of a new, empty workspace
    workspace_closed = Signal()  # no workspace is named
    edit_moved = Signal(str)  # the setting of an edit that was taken back or made again
    message_posted = Signal(str, str)  # level, text

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.draft = Draft()
        self._history = EditHistory()
        self.background = Background(self)
        self._workspace = WorkspaceLookup(self.draft, self.background, self)
        self._source = SourceLookup(self.draft, self.background, self)
        weights = WeightsLookup(self.draft, self.background, self)
        profile = ProfileLookup(self.draft, self.background, self)
        self._setting_lookups: tuple[Lookup, ...] = (self._source, weights, profile)
        self._lookups = {lookup.name: lookup for lookup in (self._workspace, *self._setting_lookups)}
        for lookup in self._lookups.values():
            lookup.changed.connect(self.changed)
            lookup.message_posted.connect(self.message_posted)
        self.changed.connect(weights.follow_proposal)
        self._proposed_workspace = ""
        self._source.photos_found.connect(self._propose_workspace)
        self._workspace.settings_read.connect(self._check_setting_paths)
        self._captured: frozenset[str] = frozenset()  # kinds of the watches that took the pinned photos
        self._workspace.opened.connect(self.workspace_opened)
        self._workspace.closed.connect(self.workspace_closed)

    # -- changes ---------------------------------------------------------------------------------

    def set_value(self, name: str, value: Any) -> None:
        """Set one setting; a path is checked when typing pauses."""
        setting = SETTINGS[name]
        is_text = setting.kind not in ("choice", "switch") and value not in (None, setting.word)
        with self._record_edit(name, typed=is_text):
            self.draft.set(name, value)
        self._check_later(name)

    @contextmanager
    def _record_edit(self, name: str = "", *, typed: bool = False) -> Iterator[None]:
        """Record the change that is made within the context as an edit, unless no setting changes."""
        before, config = self.draft.state, self.draft.config
        try:
            yield
        finally:
            if self.draft.config != config:
                self._history.record(name, before, typed=typed)

    def _check_later(self, name: str) -> None:
        """Check what depends on a setting that the user changed."""
        for lookup in self._lookups.values():
            if name == lookup.name:
                lookup.start_later()
            elif name in lookup.inputs:
                lookup.on_input()
        self.changed.emit()

    def set_path(self, name: str, path: str) -> None:
        """Set a complete path, chosen in a dialog or dropped, and check it at once."""
        with self._record_edit(name):
            self.draft.set(name, path)
        self._check_now(name)

    def _check_now(self, name: str) -> None:
        """Check what depends on a path that is complete."""
        self._check_later(name)
        if name in self._lookups:
            self._lookups[name].is_typed = False
            self._lookups[name].start()

    def reset_value(self, name: str) -> None:
        """Reset one setting to its default."""
        with self._record_edit(name):
            self.draft.reset(name)
        self._check_later(name)

    def set_sharpness(self, strength: str) -> None:
        """Set the weight of a strength of sharpness, with optimizer and learning rate; "off" takes these two back."""
        draft, weight = self.draft, STRENGTHS[strength]
        rate = min(MAX_LEARNING_RATE, draft.default("learning_rate"))
        with self._record_edit("gan_weight"):
            for name, value in (("optimizer", OPTIMIZER), ("learning_rate", rate)):
                if weight:
                    draft.set(name, value)
                elif draft.config.gan_weight and getattr(draft.config, name) == value:
                    draft.reset(name)
            draft.set("gan_weight", weight)
        self.changed.emit()

    def reload_workspace(self) -> None:
        """Read the workspace again, because a run began or ended there."""
        with self._drop_outdated_edits():
            self._workspace.start()

    def lock_workspace(self, process: int) -> None:
        """Prevent a start in the workspace while another process trains there, until `reload_workspace`."""
        self._workspace.problem = f"Process {process} is training in this workspace"
        self.changed.emit()

    def commit(self) -> None:
        """Mark the settings as stored, because a run has written them to its workspace."""
        try:
            with self._drop_outdated_edits():
                self.draft.commit()
        except UserError as error:
            self.message_posted.emit("error", error.message)

    def use_demo(self, workspace: str) -> None:
        """Select the built-in scenes and this workspace."""
        self._workspace.is_typed = False
        try:
            with self._record_edit():
                self.draft.use_demo(workspace)
        except UserError as error:
            self.message_posted.emit("error", error.message)
        self._workspace.start()

    def apply_imported(self, values: dict[str, Any]) -> None:
        """Set many imported settings at once and check their paths."""
        with self._record_edit():
            self.draft.apply_imported(values)
        self._check_setting_paths()

    def restore_session(self, session: LastSession) -> None:
        """Replace all choices by those of the last session: its workspace first, then what was chosen there."""
        self.draft.clear()
        paths = dict(session.paths)
        self.draft.set("workspace", paths.pop("workspace", ""))
        self._workspace.start()
        for name, value in paths.items():
            self.draft.set(name, value)
        self.draft.apply_imported(session.values)
        self._check_setting_paths()

    def propose_choices(self, device: str) -> None:
        """Propose the preset, the time limits and the start that suit a kind of device."""
        self.draft.propose_preset(preset_for_device(device))
        self.draft.propose_time_limits(time_limits_for_device(device))
        self.draft.propose_start(STARTER)
        self.changed.emit()

    def _propose_workspace(self) -> None:
        """Set a new folder for the results, if there is none or only one that was proposed for other photos.

        This is no edit of its own: taking back the choice of the photos takes it back, too.
        """
        config = self.draft.config
        is_open = config.workspace in ("", self._proposed_workspace) and not os.path.lexists(config.workspace)
        if is_open and not config.demo:
            proposed = propose_results_folder(config.source_dir)
            if proposed != config.workspace:
                self._proposed_workspace = proposed
                self.draft.set("workspace", proposed)
                self._check_now("workspace")

    def set_captured(self, kinds: frozenset[str]) -> None:
        """Set the kinds of the watches that took the user's pinned photos."""
        if kinds != self._captured:
            self._captured = kinds
            self.changed.emit()

    # -- edits -----------------------------------------------------------------------------------

    @property
    def can_undo(self) -> bool:
        """Whether an edit can be taken back."""
        return self._history.can_undo

    @property
    def can_redo(self) -> bool:
        """Whether an edit that was taken back can be made again."""
        return self._history.can_redo

    def undo(self) -> None:
        """Take back the last edit."""
        self._return_to(self._history.undo(self.draft.state))

    def redo(self) -> None:
        """Make the edit again that was taken back last."""
        self._return_to(self._history.redo(self.draft.state))

    def forget_edits(self) -> None:
        """Let no edit so far be taken back."""
        self._history.clear()
        self.changed.emit()

    @contextmanager
    def _drop_outdated_edits(self) -> Iterator[None]:
        """Drop all edits if the workspace stores other settings after the context, which they would not return to."""
        stored = self.draft.stored.values
        yield
        if self.draft.stored.values != stored:
            self._history.clear()

    def _return_to(self, edit: Edit | None) -> None:
        """Return to the choices of an edit, and check the paths that differ from them."""
        if edit is None:
            return
        before = self.draft.config
        self.draft.restore(edit.state)
        after = self.draft.config
        changed = {name for name in SETTINGS if getattr(before, name) != getattr(after, name)}
        for lookup in self._lookups.values():
            if changed & {lookup.name, *lookup.inputs}:
                lookup.is_typed = False
                lookup.start()
        self.changed.emit()
        self.edit_moved.emit(edit.name)

    # -- results ---------------------------------------------------------------------------------

    @property
    def source(self) -> SourceStatus:
        """The result of the last scan of the source folder."""
        return self._source.source

    @property
    def unchosen_watch(self) -> Watch | None:
        """The watch that took the user's captures, if none of them is from the chosen one."""
        return find_unchosen_watch(self.draft.config, self._known_captured)

    @property
    def _known_captured(self) -> frozenset[str]:
        return self._captured or self.source.captured

    @property
    def path_problems(self) -> dict[str, str]:
        """Setting name -> why its file or folder cannot be used."""
        return {name: lookup.problem for name, lookup in self._lookups.items() if lookup.problem}

    @property
    def problems(self) -> dict[str, str]:
        """Setting name -> why its value cannot be used, paths included."""
        folder = self.workspace
        problem = workspace_problem(folder.root) if folder else ""
        return {
            **self.draft.problems,
            **self.path_problems,
            **({"workspace": f"This folder cannot be used: {problem}."} if problem else {}),
        }

    def note(self, name: str) -> str:
        """Return the note beneath a setting without problems, or ""."""
        overruled = find_overruled(self.draft.config)
        return overruled.get(name) or (self._lookups[name].note if name in self._lookups else "")

    def note_details(self, name: str) -> str:
        """Return what only the tooltip of the note says, or ""."""
        is_overruled = name in find_overruled(self.draft.config)
        return self._lookups[name].details if name in self._lookups and not is_overruled else ""

    def details_label(self, name: str) -> str:
        """Return the name of the details that a button beside the note shows, or ""."""
        return self._lookups[name].more if name in self._lookups else ""

    def remedy(self, name: str) -> tuple[str, str]:
        """Return label and tooltip of a button that solves the problem of a setting, or empty texts."""
        if name == self._source.name and self._source.refuses_captures:
            return ACCEPT_CAPTURES
        return "", ""

    def apply_remedy(self, name: str) -> None:
        """Solve the problem of a setting as `remedy` says."""
        if name == self._source.name:
            self.set_value("accept_captures", True)

    def build_checklist(self) -> tuple[Check, ...]:
        """Return the checklist above the Start button."""
        config, problems = self.draft.config, self.problems
        checks = build_checklist(
            config,
            problems,
            self.source,
            needed_bytes=None if problems else estimate_disk(config, network_spec(config)),
            pending=[lookup.name for lookup in self._lookups.values() if lookup.is_busy],
            captured=self._known_captured,
        )
        problem = with_short_path(self._workspace.problem, str(self.workspace.root) if self.workspace else "")
        return tuple(Check(ERROR, problem, "workspace") if problem and c.setting == "workspace" else c for c in checks)

    @property
    def is_ready(self) -> bool:
        """Whether a run can start."""
        return all(check.state in (OK, WARNING) for check in self.build_checklist()) and not self.is_busy

    @property
    def is_busy(self) -> bool:
        """Whether a path is still being checked."""
        return any(lookup.is_busy for lookup in self._lookups.values())

    @property
    def is_workspace_typed(self) -> bool:
        """Whether the workspace was typed, so that the path may be incomplete."""
        return self._workspace.is_typed

    def given(self, *, resume: bool = False) -> dict[str, Any]:
        """Return the explicit settings of a run by name; with `resume`, those that continue the newest checkpoint."""
        given = self.draft.given
        if resume:
            given = {name: value for name, value in given.items() if name != "init_weights"}
            given["resume_from"] = LATEST
        return given

    @property
    def workspace(self) -> Workspace | None:
        """The folder of the workspace, None if the setting is empty."""
        return self._workspace.workspace

    def close(self) -> None:
        """Stop the checks and wait for running jobs."""
        for lookup in self._lookups.values():
            lookup.stop()
        self.background.close()

    def _check_setting_paths(self) -> None:
        for lookup in self._setting_lookups:
            lookup.start()
