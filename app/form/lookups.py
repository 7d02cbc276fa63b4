"""Background checks of the paths in the settings: workspace, source folder, warm start weights, camera profile.

Each `Lookup` checks one setting: it waits for a pause in typing, reads the path in another thread, and provides
a problem or a note to show beneath that setting. trainer_core interprets the path; this module chooses the thread and
the order.
"""

from __future__ import annotations

import os
from abc import abstractmethod
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Callable

from PySide6.QtCore import QObject, QTimer, Signal

from app.runs.workspace_contents import WorkspaceContents, read_workspace
from app.system.background import Background
from app.system.folder_watch import FolderWatch
from trainer_core.camera.profile import CameraProfile
from trainer_core.data.captures import find_kinds
from trainer_core.data.photos import WATCH_PHOTO_REASON, WatchPhotosOnly
from trainer_core.errors import UserError
from trainer_core.input_files import list_matching
from trainer_core.planning.draft import Draft
from trainer_core.planning.photos import find_captures_problem
from trainer_core.planning.plan import find_run_photos
from trainer_core.planning.readiness import SourceStatus
from trainer_core.planning.starting_weights import identify_start
from trainer_core.settings.config import SETTINGS, STARTER, TrainerConfig
from trainer_core.text import format_bytes
from trainer_core.weights.warm_start import WarmStartSource
from trainer_core.workspace.layout import Workspace

_MAX_CAPTURES = 20  # files to read, to know which watch took them
_TYPING_DELAY = 300  # milliseconds after the last key before a path is checked


class Lookup(QObject):
    """Check of the path in one setting of a draft, and its result.

    Attributes:
        name: the setting.
        inputs: other settings that the result depends on.
        problem: why the path cannot be used, or "".
        is_typed: whether the path was typed, so that it may be incomplete.
    """

    changed = Signal()
    message_posted = Signal(str, str)  # level, text
    name: str
    inputs: tuple[str, ...] = ()

    def __init__(self, draft: Draft, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._draft, self._background = draft, background
        self.problem, self._note = "", ""
        self.is_typed = self._is_reading = False
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_TYPING_DELAY)
        self._timer.timeout.connect(self.start)

    @property
    def note(self) -> str:
        """The result as a sentence, or ""."""
        return self._note

    @property
    def details(self) -> str:
        """What only the tooltip of the note says, for experts, or ""."""
        return ""

    @property
    def more(self) -> str:
        """Name of the details that a button beside the note shows, or ""."""
        return ""

    @property
    def is_busy(self) -> bool:
        """Whether a run must wait for the result."""
        return self._is_reading or self._timer.isActive()

    def start(self) -> None:
        """Check the path of the draft now."""
        self._timer.stop()
        self.forget()
        self._run_check()

    def start_later(self) -> None:
        """Check the path when typing pauses."""
        self.is_typed = True
        self.forget()
        self._timer.start()

    def on_input(self) -> None:
        """Check again after a change of one of the `inputs`."""
        self.start()

    def forget(self) -> None:
        """Drop the result and the running job."""
        self._background.cancel(self.name)
        self.problem, self._note, self._is_reading = "", "", False

    def stop(self) -> None:
        """Stop checking, because the window closes."""
        self._timer.stop()

    @abstractmethod
    def _run_check(self) -> None:
        """Begin the check; emit `changed` at once and with each result."""

    def _read(self, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]) -> None:
        """Run `work` in the background; a run waits for its result."""

        def ended(answer: Callable[[Any], None], value: Any) -> None:
            self._is_reading = False
            answer(value)

        self._is_reading = True
        self._background.run_job(self.name, work, partial(ended, done), partial(ended, failed))

    def _on_refused(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self.problem = error.message
        self.changed.emit()


class WorkspaceLookup(Lookup):
    """Check that opens the workspace: its settings at once, its run in the background."""

    name = "workspace"
    settings_read = Signal()
    opened = Signal(object)  # WorkspaceContents
    closed = Signal()  # no workspace is named

    @property
    def workspace(self) -> Workspace | None:
        """The folder of the workspace, None if the setting is empty."""
        name = self._draft.config.workspace
        return Workspace(Path(os.path.abspath(name))) if name else None

    def _run_check(self) -> None:
        try:
            for notice in self._draft.open_workspace(self._draft.config.workspace, typed=self.is_typed):
                self.message_posted.emit("info", notice)
        except UserError as error:
            self.problem = error.message
        self.settings_read.emit()
        workspace = self.workspace
        if workspace is None:
            self.closed.emit()
        else:
            self._read(lambda: read_workspace(workspace), self._on_opened, self._on_open_failed)

    def _on_opened(self, opened: WorkspaceContents) -> None:
        self.opened.emit(opened)
        self.changed.emit()

    def _on_open_failed(self, error: Exception) -> None:
        self.changed.emit()
        raise error


class SourceLookup(Lookup):
    """Check that finds the photos of the source folder and watches it for changes."""

    name = "source_dir"
    inputs = ("train_split", "val_split", "resplit", "accept_captures", "demo")
    photos_found = Signal()

    def __init__(self, draft: Draft, background: Background, parent: QObject) -> None:
        super().__init__(draft, background, parent)
        self.source = SourceStatus()
        self._folder_watch = FolderWatch(self)
        self._folder_watch.changed.connect(self._scan)

    @property
    def note(self) -> str:
        """The summary of the photos, "" without a source folder."""
        return self.source.summary() if self._draft.config.source_dir else ""

    @property
    def more(self) -> str:
        """Name of the list of unused files, "" if there are none."""
        scan = None if self._draft.config.demo else self.source.scan
        if scan is None or not scan.rejected + scan.passed_over:
            return ""
        return "the files that cannot be used" if scan.rejected else "what is passed over"

    @property
    def refuses_captures(self) -> bool:
        """Whether the source folder is refused because its pictures are photos from the watch."""
        scan = self.source.scan
        return self.source.has_captures_only or (scan is not None and bool(find_captures_problem(scan)))

    def forget(self) -> None:
        """Drop the photos and the running job."""
        super().forget()
        self.source = SourceStatus()

    def stop(self) -> None:
        """Stop checking and watching, because the window closes."""
        super().stop()
        self._folder_watch.stop()

    def _run_check(self) -> None:
        self._folder_watch.stop()
        self._scan()

    def _scan(self) -> None:
        """Scan the photos again; the previous summary stays visible until then."""
        config = self._draft.config
        if config.source_dir and not config.demo:
            wanted = self._background.is_current(self.name)  # an incomplete path may be the whole disk
            self._background.run_job(
                self.name, lambda: _read_source(config, wanted), self._on_scanned, self._on_refused
            )
        self.changed.emit()

    def _on_scanned(self, source: SourceStatus) -> None:
        self.source = source
        self.problem = source.problem or (find_captures_problem(source.scan) if source.scan else "")
        folders = {photo.path.parent for photo in source.scan.photos} if source.scan else set()
        self._folder_watch.set_folders(folders | {Path(self._draft.config.source_dir)})
        self.changed.emit()
        if source.scan is not None and not self.problem:
            self.photos_found.emit()

    def _on_refused(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self._on_scanned(SourceStatus(problem=error.message))


def _read_source(config: TrainerConfig, should_continue: Callable[[], bool]) -> SourceStatus:
    """Find the photos of the source folder, and which watches took the captures among them."""
    try:
        scan, splits = find_run_photos(config, should_continue)
    except UserError as error:
        if not isinstance(error.__cause__, WatchPhotosOnly):
            raise
        files = list_matching(Path(config.source_dir), "*")[:_MAX_CAPTURES]
        return SourceStatus(problem=error.message, has_captures_only=True, captured=find_kinds(files))
    captures = (scan.root / file.name for file in scan.rejected if file.reason == WATCH_PHOTO_REASON)
    return SourceStatus(scan, splits, captured=find_kinds(islice(captures, _MAX_CAPTURES)))


class WeightsLookup(Lookup):
    """Check that identifies the weights of a warm start."""

    name = "init_weights"
    inputs = ("init_arch", "scale", "monochrome_style")
    _arch = _details = ""
    _weights: str | None = None  # what the last check was about

    def follow_proposal(self) -> None:
        """Check the weights if others are proposed, or none any more, since the last check."""
        if not self.is_busy and self._draft.config.init_weights != self._weights:
            self.start()

    def on_input(self) -> None:
        """Identify the weights again; watch and scale decide only about a built-in model."""
        config = self._draft.config
        if config.init_weights == STARTER or config.init_arch != self._arch:
            self.start()

    def _run_check(self) -> None:
        config = self._draft.config
        self._weights, self._arch = config.init_weights, config.init_arch
        if config.init_weights:
            name = config.init_weights
            self._read(lambda: identify_start(name, config, arch=self._arch), self._on_identified, self._on_refused)
        else:
            self._draft.warm_start = None
        self.changed.emit()

    def _on_identified(self, source: WarmStartSource) -> None:
        self._draft.warm_start = source
        config, identified = self._draft.config, source.identified
        is_starter = config.init_weights == STARTER
        name = f"Built-in model for {_watch_label(config)}" if is_starter else source.path.name
        parts = [name, f"x{source.spec.scale}", format_bytes(source.file.file_bytes)]
        share = 100 if identified.is_complete else 100 * len(identified.names) // len(source.spec.shapes())
        if share < 100:
            parts.append(f"covers {share} % of the network")
        self._note = ", ".join(parts)
        self._details = f"{source.path.name}: {source.description}; loads {share} %"
        self.changed.emit()

    @property
    def details(self) -> str:
        """What the file contains, in the terms of networks."""
        return self._details if self._note else ""

    def _on_refused(self, error: Exception) -> None:
        self._draft.warm_start = None
        super()._on_refused(error)
        self.message_posted.emit("error", self.problem)


def _watch_label(config: TrainerConfig) -> str:
    """Return the watch of a run as its button names it, without the kind: "WQV-1/2"."""
    return SETTINGS["monochrome_style"].choice_labels[config.monochrome_style].partition(" ")[0]


class ProfileLookup(Lookup):
    """Check that reads the camera profile and sets the watch kind; choosing the other watch removes the profile."""

    name = "camera_profile"
    inputs = ("monochrome_style",)

    def __init__(self, draft: Draft, background: Background, parent: QObject) -> None:
        super().__init__(draft, background, parent)
        self._is_mono: bool | None = None

    def forget(self) -> None:
        """Drop the profile and the running job."""
        super().forget()
        self._is_mono = None

    def on_input(self) -> None:
        """Remove the profile if the user chose the other watch."""
        if self._is_mono is (not self._draft.config.monochrome_style):
            self._draft.reset(self.name)
            self.start_later()
            self.message_posted.emit("info", "Camera profile removed, because it does not match the selected watch.")

    def _run_check(self) -> None:
        path = self._draft.config.camera_profile
        if path:
            self._read(lambda: CameraProfile.load(Path(path)), self._on_loaded, self._on_refused)
        self.changed.emit()

    def _on_loaded(self, profile: CameraProfile) -> None:
        self._is_mono = profile.kind == "mono"
        self._note = f"{profile.name}, {profile.kind}. {profile.notes}".strip()
        self._draft.set("monochrome_style", self._is_mono)
        self.changed.emit()
