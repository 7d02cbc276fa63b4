"""Model of the form: a `Draft` whose folders and files are checked in the background by `app/lookups.py`.

Its signals report changes and results: the photos of the source folder, the run in the workspace, the network in a
weight file. trainer_core defines the rules; this module applies them in the right order.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from app.background import Background
from app.last_session import LastSession
from app.lookups import Lookup, ProfileLookup, SourceLookup, WeightsLookup, WorkspaceLookup
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
    with_short_path,
    workspace_problem,
)
from trainer_core.settings.rules import find_overruled
from trainer_core.settings.sharpness import STRENGTHS
from trainer_core.training.resources import estimate_disk
from trainer_core.workspace.layout import LATEST, Workspace


class Project(QObject):
    """Settings under way; `changed` asks all views to refresh."""

    changed = Signal()
    workspace_opened = Signal(object)  # WorkspaceContents; also of a new, empty workspace
    workspace_closed = Signal()  # no workspace is named
    message_posted = Signal(str, str)  # level, text

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.draft = Draft()
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
        self._workspace.settings_read.connect(self._check_setting_paths)
        self._workspace.opened.connect(self.workspace_opened)
        self._workspace.closed.connect(self.workspace_closed)

    # -- changes ---------------------------------------------------------------------------------

    def set_value(self, name: str, value: Any) -> None:
        """Set one setting; a path is checked when typing pauses."""
        self.draft.set(name, value)
        self._check_later(name)

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
        self.set_value(name, path)
        if name in self._lookups:
            self._lookups[name].is_typed = False
            self._lookups[name].start()

    def reset_value(self, name: str) -> None:
        """Reset one setting to its default."""
        self.draft.reset(name)
        self._check_later(name)

    def set_sharpness(self, strength: str) -> None:
        """Set the settings of a strength of sharpness."""
        for name, value in STRENGTHS[strength].items():
            self.draft.set(name, value)
        self.changed.emit()

    def reload_workspace(self) -> None:
        """Read the workspace again, because a run began or ended there."""
        self._workspace.start()

    def lock_workspace(self, process: int) -> None:
        """Prevent a start in the workspace while another process trains there, until `reload_workspace`."""
        self._workspace.problem = f"Process {process} is training in this workspace"
        self.changed.emit()

    def commit(self) -> None:
        """Mark the settings as stored, because a run has written them to its workspace."""
        try:
            self.draft.commit()
        except UserError as error:
            self.message_posted.emit("error", error.message)

    def use_demo(self, workspace: str) -> None:
        """Select the built-in scenes and this workspace."""
        self._workspace.is_typed = False
        try:
            self.draft.use_demo(workspace)
        except UserError as error:
            self.message_posted.emit("error", error.message)
        self._workspace.start()

    def apply_imported(self, values: dict[str, Any]) -> None:
        """Set many imported settings at once and check their paths."""
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
        self.apply_imported(session.values)

    def propose_preset(self, name: str) -> None:
        """Propose the preset that suits the hardware."""
        self.draft.propose_preset(name)
        self.changed.emit()

    # -- results ---------------------------------------------------------------------------------

    @property
    def source(self) -> SourceStatus:
        """The result of the last scan of the source folder."""
        return self._source.source

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

    def details_label(self, name: str) -> str:
        """Return the name of the details that a button beside the note shows, or ""."""
        return self._lookups[name].more if name in self._lookups else ""

    def build_checklist(self) -> tuple[Check, ...]:
        """Return the checklist above the Start button."""
        config, problems = self.draft.config, self.problems
        checks = build_checklist(
            config,
            problems,
            self.source,
            needed_bytes=None if problems else estimate_disk(config, network_spec(config)),
            pending=[lookup.name for lookup in self._lookups.values() if lookup.is_busy],
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
