"""What the form edits: a `Draft`, with the slow looks at folders and files done in the background (`lookups`).

Says when something changed, and what it found: the photos of the source, the workspace's earlier run, what a dropped
weight file is. The rules are trainer_core's; this only puts them in the right order.
"""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from app.background import Background
from app.last_session import LastSession
from app.lookups import Lookup, ProfileLookup, SourceLookup, WeightsLookup, WorkspaceLookup
from trainer_core.errors import UserError
from trainer_core.planning.draft import Draft
from trainer_core.planning.readiness import ERROR, OK, Check, SourceStatus, build_checklist, workspace_problem
from trainer_core.settings.rules import find_overruled
from trainer_core.workspace.layout import LATEST, Workspace


class Project(QObject):
    """The settings under way. `changed` means: look at everything again."""

    changed = Signal()
    workspace_opened = Signal(object)  # Opened, of a new workspace with nothing in it
    workspace_closed = Signal()  # there is no workspace
    message_posted = Signal(str, str)  # level, text

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.draft = Draft()
        self.background = Background(self)
        self._workspace = WorkspaceLookup(self.draft, self.background, self)
        self._source = SourceLookup(self.draft, self.background, self)
        weights = WeightsLookup(self.draft, self.background, self)
        profile = ProfileLookup(self.draft, self.background, self)
        self._of_settings: tuple[Lookup, ...] = (self._source, weights, profile)  # what a workspace's settings name
        self._lookups = {lookup.name: lookup for lookup in (self._workspace, *self._of_settings)}
        for lookup in self._lookups.values():
            lookup.changed.connect(self.changed)
            lookup.message_posted.connect(self.message_posted)
        self._workspace.settings_read.connect(self._look_at_settings)
        self._workspace.opened.connect(self.workspace_opened)
        self._workspace.closed.connect(self.workspace_closed)

    # -- what the user does --------------------------------------------------------------------

    def set_value(self, name: str, value: Any) -> None:
        """Choose one setting; a path is looked at when typing pauses."""
        self.draft.set(name, value)
        for lookup in self._lookups.values():
            if name == lookup.name:
                lookup.look_later()
            elif name in lookup.inputs:
                lookup.on_input()
        self.changed.emit()

    def set_path(self, name: str, path: str) -> None:
        """Choose a path that is complete: browsed for or dropped."""
        self.set_value(name, path)
        if name in self._lookups:
            self._lookups[name].is_typed = False
            self._lookups[name].look()

    def reset_value(self, name: str) -> None:
        """One setting back to its default."""
        self.draft.reset(name)
        if name in self._lookups:
            self._lookups[name].look_later()
        self.changed.emit()

    def reload_workspace(self) -> None:
        """Look into the workspace anew: a training began or ended there."""
        self._workspace.look()

    def lock_workspace(self, process: int) -> None:
        """Let nothing start in the workspace while another process trains there: until it is looked into again."""
        self._workspace.problem = f"Process {process} trains in this workspace"
        self.changed.emit()

    def commit(self) -> None:
        """A run was made of the choices; from now on its workspace remembers them."""
        try:
            self.draft.commit()
        except UserError as error:
            self.message_posted.emit("error", error.message)

    def use_demo(self, workspace: str) -> None:
        """Fill in the built-in scenes."""
        self._workspace.is_typed = False
        try:
            self.draft.use_demo(workspace)
        except UserError as error:
            self.message_posted.emit("error", error.message)
        self._workspace.look()

    def apply_imported(self, values: dict[str, Any]) -> None:
        """Choose many settings at once: imported ones."""
        self.draft.apply_imported(values)
        self._look_at_settings()

    def restore_session(self, session: LastSession) -> None:
        """Take up what was chosen when the window was last open."""
        for name, value in session.paths.items():
            self.draft.set(name, value)
        self._workspace.look()
        self.apply_imported(session.values)

    def propose_preset(self, name: str) -> None:
        """What suits the hardware that was found."""
        self.draft.propose_preset(name)
        self.changed.emit()

    # -- what follows --------------------------------------------------------------------------

    @property
    def source(self) -> SourceStatus:
        """What is known of the source folder."""
        return self._source.source

    @property
    def path_problems(self) -> dict[str, str]:
        """Setting -> why the file or folder that it names cannot be used."""
        return {name: lookup.problem for name, lookup in self._lookups.items() if lookup.problem}

    @property
    def problems(self) -> dict[str, str]:
        """Field name -> sentence of everything that cannot be used, paths included."""
        folder = self.workspace
        fault = workspace_problem(folder.root) if folder else ""
        return {
            **self.draft.problems,
            **({"workspace": f"It cannot be used: {fault}."} if fault else {}),
            **self.path_problems,
        }

    def note(self, name: str) -> str:
        """What there is to say about a setting that is fine, "" for nothing."""
        overruled = find_overruled(self.draft.config)
        return overruled.get(name) or (self._lookups[name].note if name in self._lookups else "")

    def more(self, name: str) -> str:
        """What can be shown beside the note, "" for nothing."""
        return self._lookups[name].more if name in self._lookups else ""

    def build_checklist(self) -> tuple[Check, ...]:
        """The checklist beside Start."""
        checks = build_checklist(self.draft.config, self.problems, self.source)
        fault = self._workspace.problem
        return tuple(Check(ERROR, fault, "workspace") if fault and c.setting == "workspace" else c for c in checks)

    @property
    def is_ready(self) -> bool:
        """Whether a training could start."""
        return all(check.state == OK for check in self.build_checklist()) and not self.is_busy

    @property
    def is_busy(self) -> bool:
        """Whether a path is still being looked at."""
        return any(lookup.is_busy for lookup in self._lookups.values())

    @property
    def is_workspace_typed(self) -> bool:
        """Whether the workspace may be one that is only passed on the way to another."""
        return self._workspace.is_typed

    def given(self, *, resume: bool = False) -> dict[str, Any]:
        """The explicit settings for a run, as the command line would be given them."""
        given = self.draft.given
        if resume:
            given = {name: value for name, value in given.items() if name != "init_weights"}
            given["resume_from"] = LATEST
        return given

    @property
    def workspace(self) -> Workspace | None:
        """The workspace's folder, if one is named."""
        return self._workspace.workspace

    def close(self) -> None:
        """Stop looking."""
        for lookup in self._lookups.values():
            lookup.stop()
        self.background.close()

    def _look_at_settings(self) -> None:
        for lookup in self._of_settings:
            lookup.look()
