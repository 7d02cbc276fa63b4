"""What the form edits: a `Draft`, with the slow looks at folders and files done in the background.

Says when something changed, and what it found: the photos of the source, the workspace's earlier run, what a dropped
weight file is. The rules are trainer_core's; this only puts them in the right thread and order.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Optional

from PySide6.QtCore import QObject, QTimer, Signal

from app.background import Background
from app.folder_watch import FolderWatch
from app.last_session import Kept
from app.runs.opened import Opened, look_into
from trainer_core.errors import UserError
from trainer_core.planning.draft import Draft
from trainer_core.planning.plan import find_photos
from trainer_core.planning.readiness import OK, WRONG, Check, Source, checklist, workspace_fault
from trainer_core.settings.config import TrainerConfig
from trainer_core.weights.warm_start import plan as plan_warm_start
from trainer_core.workspace.layout import LATEST, Workspace

Ask = Callable[[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]], None]
"""`TrainingThread.ask`."""

_TYPING_PAUSE = 300  # milliseconds after the last key before a path is looked at


class Project(QObject):
    """The settings under way. `changed` means: look at everything again."""

    changed = Signal()
    opened = Signal(object)  # Opened, of a new workspace with nothing in it
    left = Signal()  # there is no workspace
    told = Signal(str, str)  # level, text

    def __init__(self, ask: Ask, parent: Optional[QObject] = None, config_class: type = TrainerConfig) -> None:
        super().__init__(parent)
        self._ask = ask
        self.draft = Draft(config_class)
        self.background = Background(self)
        self._folders = FolderWatch(self)
        self._folders.changed.connect(self._scan_source)
        self.source = Source()
        self.faults: dict[str, str] = {}  # of the files named by a setting, by its name
        self.weights_note = ""
        self.profile_note = ""
        self._profile_is_mono: Optional[bool] = None
        self._opening = False  # the workspace is being looked into
        self.workspace_is_typed = False  # it may be one that is only passed on the way to another
        self._timers = {name: self._timer(look) for name, look in self._looks().items()}

    def _looks(self) -> dict[str, Any]:
        return {
            "workspace": self._look_at_workspace,
            "source_dir": self._look_at_source,
            "init_weights": self._look_at_weights,
            "camera_profile": self._look_at_profile,
        }

    def _timer(self, look: Any) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.setInterval(_TYPING_PAUSE)
        timer.timeout.connect(look)
        return timer

    # -- what the user does --------------------------------------------------------------------

    def set(self, name: str, value: Any) -> None:
        """Choose one setting; a path is looked at when typing pauses."""
        if name == "source_dir" and value:
            self.draft.set("demo", False)
        self.draft.set(name, value)
        if name == "workspace":
            self.workspace_is_typed = True
        if name == "monochrome_style" and self._profile_is_mono is (not value):
            self.reset("camera_profile")
            self.told.emit("info", "The camera profile was of the other watch and is left out.")
        if name in self._timers:
            self._forget(name)
            self._timers[name].start()
        elif name in ("train_split", "val_split", "resplit", "demo"):
            self._look_at_source()
        self.changed.emit()

    def choose(self, name: str, path: str) -> None:
        """Choose a path that is complete: browsed for or dropped."""
        self.set(name, path)
        if name == "workspace":
            self.workspace_is_typed = False
        if name in self._timers:
            self._timers[name].stop()
            self._looks()[name]()

    def reset(self, name: str) -> None:
        """One setting back to its default."""
        self.draft.reset(name)
        if name in self._timers:
            self._timers[name].start()
        self.changed.emit()

    def open_again(self) -> None:
        """Look into the workspace anew: a training began or ended there."""
        self._look_at_workspace()

    def occupy(self, process: int) -> None:
        """Let nothing start in the workspace while another process trains there: until it is looked into again."""
        self.faults["workspace"] = f"Process {process} trains in this workspace"
        self.changed.emit()

    def hand_over(self) -> None:
        """A run was made of the choices; from now on its workspace remembers them."""
        try:
            self.draft.hand_over()
        except UserError as error:
            self.told.emit("error", error.message)

    def begin_demo(self, workspace: str) -> None:
        """Fill in the built-in scenes."""
        try:
            self.workspace_is_typed = False
            self.draft.begin_demo(workspace)
        except UserError as error:
            self.told.emit("error", error.message)
        self._forget("source_dir")
        self._forget("init_weights")
        self._look_at_workspace()

    def adopt(self, values: dict[str, Any]) -> None:
        """Choose many settings at once: imported ones."""
        self.draft.adopt(values)
        self._look_at_weights()
        self._look_at_profile()
        self._look_at_source()

    def restore(self, kept: Kept) -> None:
        """Take up what was chosen when the window was last open."""
        for name, value in kept.places.items():
            self.draft.set(name, value)
        self._look_at_workspace()
        self.adopt(kept.values)

    def propose_preset(self, name: str) -> None:
        """What suits the hardware that was found."""
        self.draft.propose_preset(name)
        self.changed.emit()

    # -- what follows --------------------------------------------------------------------------

    @property
    def wrong(self) -> dict[str, str]:
        """Field name -> sentence of everything that cannot be used, paths included."""
        folder = self.workspace
        fault = workspace_fault(folder.root) if folder else ""
        return {**self.draft.wrong, **({"workspace": f"It cannot be used: {fault}."} if fault else {}), **self.faults}

    def checks(self) -> tuple[Check, ...]:
        """The checklist beside Start."""
        checks = checklist(self.draft.config, self.wrong, self.source)
        fault = self.faults.get("workspace")
        return tuple(Check(WRONG, fault, "workspace") if fault and c.setting == "workspace" else c for c in checks)

    @property
    def ready(self) -> bool:
        """Whether a training could start."""
        return all(check.state == OK for check in self.checks()) and not self.busy

    @property
    def busy(self) -> bool:
        """Whether a path is still being looked at."""
        return self._opening or any(timer.isActive() for timer in self._timers.values())

    def given(self, *, resume: bool = False) -> dict[str, Any]:
        """The explicit settings for a run, as the command line would be given them."""
        given = self.draft.given
        if resume:
            given = {name: value for name, value in given.items() if name != "init_weights"}
            given["resume_from"] = LATEST
        return given

    @property
    def workspace(self) -> Optional[Workspace]:
        """The workspace's folder, if one is named."""
        name = self.draft.config.workspace
        return Workspace(Path(os.path.abspath(name))) if name else None

    def close(self) -> None:
        """Stop looking."""
        for timer in self._timers.values():
            timer.stop()
        self._folders.stop()
        self.background.close()

    # -- looking -------------------------------------------------------------------------------

    def _forget(self, name: str) -> None:
        self.background.forget(name)
        self.faults.pop(name, None)
        if name == "workspace":
            self._opening = False
        if name == "source_dir":
            self.source = Source()
        if name == "init_weights":
            self.weights_note = ""
        if name == "camera_profile":
            self.profile_note, self._profile_is_mono = "", None

    def _look_at_workspace(self) -> None:
        self._forget("workspace")
        try:
            notices = self.draft.open(self.draft.config.workspace)
        except UserError as error:
            self.faults["workspace"] = error.message
            notices = ()
        for notice in notices:
            self.told.emit("info", notice)
        self._look_at_source()
        self._look_at_weights()
        self._look_at_profile()
        workspace = self.workspace
        if workspace is None:
            self.left.emit()
        else:
            self._opening = True
            self.background.run("workspace", lambda: look_into(workspace), self._take_opened, self._not_opened)

    def _take_opened(self, opened: Opened) -> None:
        self._opening = False
        self.opened.emit(opened)
        self.changed.emit()

    def _not_opened(self, error: Exception) -> None:
        self._opening = False
        self.changed.emit()
        raise error

    def _look_at_source(self) -> None:
        self._forget("source_dir")
        self._folders.stop()
        self._scan_source()

    def _scan_source(self) -> None:
        """Look at the photos; what was known of them stays in sight meanwhile."""
        config = self.draft.config
        if config.source_dir and not config.demo:
            config = config.replace(workspace=config.workspace or os.path.join(config.source_dir, ".none"))
            wanted = self.background.wanted("source_dir")  # a folder passed while typing may be the whole disk
            self.background.run(
                "source_dir",
                lambda: Source(*find_photos(config, wanted)),
                self._found,
                lambda error: self._found(_no_source(error)),
            )
        self.changed.emit()

    def _found(self, source: Source) -> None:
        self.source = source
        self.faults.pop("source_dir", None)
        if source.fault:
            self.faults["source_dir"] = source.fault
        folders = {photo.path.parent for photo in source.found.photos} if source.found else set()
        self._folders.watch(folders | {Path(self.draft.config.source_dir)})
        self.changed.emit()

    def _look_at_weights(self) -> None:
        self._forget("init_weights")
        config = self.draft.config
        path, arch = config.init_weights, config.init_arch
        if path:
            self.background.run(
                "init_weights", lambda: plan_warm_start(Path(path), arch=arch), self._identified, self._not_usable
            )
        else:
            self.draft.warm = None
        self.changed.emit()

    def _identified(self, source: Any) -> None:
        self.draft.warm = source
        share = 100 if source.identified.complete else 100 * len(source.identified.names) // len(source.spec.shapes())
        self.weights_note = f"{source.description}; loads {share} %"
        self.told.emit("info", f"{source.path.name}: {self.weights_note}.")
        self.changed.emit()

    def _not_usable(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self.faults["init_weights"] = error.message
        self.told.emit("error", error.message)
        self.changed.emit()

    def _look_at_profile(self) -> None:
        self._forget("camera_profile")
        path = self.draft.config.camera_profile
        if path:
            self._ask(
                lambda: _load_profile(path),
                lambda profile: self._take_profile(path, profile),
                lambda error: self._refuse_profile(path, error),
            )
        self.changed.emit()

    def _take_profile(self, path: str, profile: Any) -> None:
        if path == self.draft.config.camera_profile:
            self._profile_is_mono = profile.kind == "mono"
            kind = "mono" if self._profile_is_mono else "colour"
            self.profile_note = f"{profile.name}, {kind}. {profile.notes}".strip()
            self.draft.set("monochrome_style", self._profile_is_mono)
            self.changed.emit()

    def _refuse_profile(self, path: str, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        if path == self.draft.config.camera_profile:
            self.faults["camera_profile"] = error.message
            self.changed.emit()

    def _escaped(self, error: Exception) -> None:
        raise error


def _load_profile(path: str) -> Any:
    from trainer_core.camera import CameraProfile  # brings torch with it, so this is the training thread's work

    return CameraProfile.load(Path(path))


def _no_source(error: Exception) -> Source:
    if not isinstance(error, UserError):
        raise error
    return Source(fault=error.message)
