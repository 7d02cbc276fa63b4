"""Slow looks at what the settings name: a folder of photos, a workspace, weights, a camera profile.

Each `Lookup` watches one setting: it waits for a pause in typing, looks in another thread, and has a problem or a note
to show beneath that setting. What a path means is trainer_core's; this only puts it in the right thread and order.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from app.background import Background
from app.folder_watch import FolderWatch
from app.runs.workspace_contents import WorkspaceContents, read_workspace
from trainer_core.camera.profile import CameraProfile
from trainer_core.errors import UserError
from trainer_core.planning.draft import Draft
from trainer_core.planning.plan import find_run_photos
from trainer_core.planning.readiness import SourceStatus
from trainer_core.weights.warm_start import WarmStartSource
from trainer_core.weights.warm_start import identify_source as plan_warm_start
from trainer_core.workspace.layout import Workspace

_TYPING_DELAY = 300  # milliseconds after the last key before a path is looked at


class Lookup(QObject):
    """What is known of the path in one setting of a draft.

    Attributes:
        name: the setting.
        inputs: other settings that the outcome depends on.
        problem: why the path cannot be used, or "".
        is_typed: whether the path is being typed: it may be one that is only passed on the way to another.
    """

    changed = Signal()
    message_posted = Signal(str, str)  # level, text
    name: str
    inputs: tuple[str, ...] = ()

    def __init__(self, draft: Draft, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._draft, self._background = draft, background
        self.problem, self._note = "", ""
        self.is_typed = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TYPING_DELAY)
        self._timer.timeout.connect(self.look)

    @property
    def note(self) -> str:
        """What was found, or ""."""
        return self._note

    @property
    def more(self) -> str:
        """What a button beside the note shows, or ""."""
        return ""

    @property
    def is_busy(self) -> bool:
        """Whether a run must wait for the outcome."""
        return self._timer.isActive()

    def look(self) -> None:
        """Look now, at what the draft says."""
        self._timer.stop()
        self.forget()
        self._look()

    def look_later(self) -> None:
        """Look when typing pauses."""
        self.is_typed = True
        self.forget()
        self._timer.start()

    def on_input(self) -> None:
        """Follow a change of one of the `inputs`."""
        self.look()

    def forget(self) -> None:
        """Drop what is known, and the answer that is under way."""
        self._background.cancel(self.name)
        self.problem, self._note = "", ""

    def stop(self) -> None:
        """Look no more: the window closes."""
        self._timer.stop()

    @abstractmethod
    def _look(self) -> None:
        """Begin to look; `changed` is emitted at once and with each answer."""

    def _on_refused(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self.problem = error.message
        self.changed.emit()


class WorkspaceLookup(Lookup):
    """Opens the workspace: its settings at once, its run in the background."""

    name = "workspace"
    settings_read = Signal()
    opened = Signal(object)  # Opened
    closed = Signal()  # there is no workspace

    def __init__(self, draft: Draft, background: Background, parent: QObject) -> None:
        super().__init__(draft, background, parent)
        self._is_opening = False

    @property
    def workspace(self) -> Workspace | None:
        """The folder, if one is named."""
        name = self._draft.config.workspace
        return Workspace(Path(os.path.abspath(name))) if name else None

    @property
    def is_busy(self) -> bool:
        return self._is_opening or super().is_busy

    def forget(self) -> None:
        super().forget()
        self._is_opening = False

    def _look(self) -> None:
        try:
            for notice in self._draft.open_workspace(self._draft.config.workspace):
                self.message_posted.emit("info", notice)
        except UserError as error:
            self.problem = error.message
        self.settings_read.emit()
        workspace = self.workspace
        if workspace is None:
            self.closed.emit()
        else:
            self._is_opening = True
            self._background.run_job(
                self.name, lambda: read_workspace(workspace), self._on_opened, self._on_open_failed
            )

    def _on_opened(self, opened: WorkspaceContents) -> None:
        self._is_opening = False
        self.opened.emit(opened)
        self.changed.emit()

    def _on_open_failed(self, error: Exception) -> None:
        self._is_opening = False
        self.changed.emit()
        raise error


class SourceLookup(Lookup):
    """Finds the photos of the source folder, and follows its changes."""

    name = "source_dir"
    inputs = ("train_split", "val_split", "resplit", "demo")

    def __init__(self, draft: Draft, background: Background, parent: QObject) -> None:
        super().__init__(draft, background, parent)
        self.source = SourceStatus()
        self._folder_watch = FolderWatch(self)
        self._folder_watch.changed.connect(self._scan)

    @property
    def note(self) -> str:
        return self.source.summary() if self._draft.config.source_dir else ""

    @property
    def more(self) -> str:
        has_unusable = self.source.scan is not None and self.source.scan.rejected
        return "the files that cannot be used" if has_unusable and not self._draft.config.demo else ""

    def forget(self) -> None:
        super().forget()
        self.source = SourceStatus()

    def stop(self) -> None:
        super().stop()
        self._folder_watch.stop()

    def _look(self) -> None:
        self._folder_watch.stop()
        self._scan()

    def _scan(self) -> None:
        """Look at the photos; what was known of them stays in sight meanwhile."""
        config = self._draft.config
        if config.source_dir and not config.demo:
            wanted = self._background.is_current(self.name)  # a folder passed while typing may be the whole disk
            self._background.run_job(
                self.name, lambda: SourceStatus(*find_run_photos(config, wanted)), self._on_scanned, self._on_refused
            )
        self.changed.emit()

    def _on_scanned(self, source: SourceStatus) -> None:
        self.source, self.problem = source, source.problem
        folders = {photo.path.parent for photo in source.scan.photos} if source.scan else set()
        self._folder_watch.set_folders(folders | {Path(self._draft.config.source_dir)})
        self.changed.emit()

    def _on_refused(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self._on_scanned(SourceStatus(problem=error.message))


class WeightsLookup(Lookup):
    """Identifies the weights of a warm start."""

    name = "init_weights"
    inputs = ("init_arch",)

    def _look(self) -> None:
        config = self._draft.config
        path, arch = config.init_weights, config.init_arch
        if path:
            self._background.run_job(
                self.name, lambda: plan_warm_start(Path(path), arch=arch), self._on_identified, self._on_refused
            )
        else:
            self._draft.warm_start = None
        self.changed.emit()

    def _on_identified(self, source: WarmStartSource) -> None:
        self._draft.warm_start = source
        share = (
            100 if source.identified.is_complete else 100 * len(source.identified.names) // len(source.spec.shapes())
        )
        self._note = f"{source.description}; loads {share} %"
        self.message_posted.emit("info", f"{source.path.name}: {self._note}.")
        self.changed.emit()

    def _on_refused(self, error: Exception) -> None:
        super()._on_refused(error)
        self.message_posted.emit("error", self.problem)


class ProfileLookup(Lookup):
    """Reads the camera profile, which decides about the watch; choosing the other watch later removes the profile."""

    name = "camera_profile"
    inputs = ("monochrome_style",)

    def __init__(self, draft: Draft, background: Background, parent: QObject) -> None:
        super().__init__(draft, background, parent)
        self._is_mono: bool | None = None

    def forget(self) -> None:
        super().forget()
        self._is_mono = None

    def on_input(self) -> None:
        if self._is_mono is (not self._draft.config.monochrome_style):
            self._draft.reset(self.name)
            self.look_later()
            self.message_posted.emit("info", "The camera profile was of the other watch and is left out.")

    def _look(self) -> None:
        path = self._draft.config.camera_profile
        if path:
            self._background.run_job(
                self.name, lambda: CameraProfile.load(Path(path)), self._on_loaded, self._on_refused
            )
        self.changed.emit()

    def _on_loaded(self, profile: CameraProfile) -> None:
        self._is_mono = profile.kind == "mono"
        self._note = f"{profile.name}, {profile.kind}. {profile.notes}".strip()
        self._draft.set("monochrome_style", self._is_mono)
        self.changed.emit()
