"""Pin the user's watch photos in the previews and unpin them; pinned photos are copies in `preview_photos`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.form.project import Project
from app.run.session import Session, SessionState
from app.widgets.file_filters import CAPTURE_FOLDER, PICTURES, make_file_filter, start_folder, store_folder
from app.widgets.questions import ask_question
from trainer_core.control import RunRequest
from trainer_core.data.captures import CAPTURE_SUFFIXES, find_kinds
from trainer_core.errors import UserError
from trainer_core.previews.pinned_photos import (
    MAX_PINNED,
    NoRoom,
    WrongWatch,
    list_pinned_files,
    pin_photo,
    read_pinned_photos,
    unpin_photo,
)
from trainer_core.watches import Watch, select_watch
from trainer_core.workspace.layout import Workspace

_MAX_REPORTED = 4  # refusals in one message
_FULL_TEXT = (
    f"A preview shows at most {MAX_PINNED} pinned photos; "
    "the other photos of the folder are only shown in What the watch sees."
)
_PINNED_BEFORE = (  # for one photo, for more
    "{name} is pinned. Every preview of a run will show it enlarged by the network.",
    "{count} watch photos are pinned. Every preview of a run will show them enlarged by the network.",
)
_PINNED_IN_TRAINING = (
    "{name} is pinned. The next preview shows it enlarged by the network.",
    "{count} watch photos are pinned. The next preview shows them enlarged by the network.",
)
_PINNED_FOR_WATCH = (
    "{name} is pinned. Previews show it once the {watch} is chosen as your watch.",
    "{count} watch photos are pinned. Previews show them once the {watch} is chosen as your watch.",
)


class PinnedPhotosModel(QObject):
    """Pinned photos of a project: copies and deletes files in the background and posts the result as a message."""

    captures_pinned = Signal(object)  # list of paths of watch photos, before they are checked
    workspace_missing = Signal(str)  # name of the setting to fill in first
    pinned = Signal()  # during a run, which will preview it at once
    unpinned = Signal(str)  # the photo's name
    captures_found = Signal(bool)  # whether there are photos to preview

    def __init__(self, project: Project, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._session, self._window = project, session, window
        self._pending: list[Path] = []  # files to pin when training starts; there is no workspace yet
        session.state_changed.connect(self._pin_pending)
        project.workspace_opened.connect(lambda opened: self._find_watches())
        project.workspace_closed.connect(self._find_watches)

    def choose(self) -> None:
        """Ask for photos of the watch and pin them, as if they were dropped."""
        folder = str(start_folder(CAPTURE_FOLDER, PICTURES))
        kinds = make_file_filter("Watch photos", CAPTURE_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self._window, "Choose photos from your watch", folder, kinds)
        if names:
            store_folder(CAPTURE_FOLDER, Path(names[0]))
            self.pin([Path(name) for name in names])

    def pin_folder(self, files: Sequence[Path]) -> None:
        """Pin watch photos of a folder like `pin`: those of the chosen watch, if there are some, while there is room.

        The photos that are not pinned are no errors, because the user has not chosen each of them.
        """
        self.pin(files, of_folder=True)

    def pin(self, files: Sequence[Path], *, refusals: Sequence[str] = (), of_folder: bool = False) -> None:
        """Copy watch photos into the workspace, and request a preview if training runs.

        Without a workspace, they are pinned when training starts. Photos of the other watch are pinned, too, where
        there are none of the chosen one and no training runs: the window then offers to choose that watch.

        Args:
            files: the watch photos.
            refusals: sentences about other files of the same drop, to be shown in the same message.
            of_folder: whether they are the photos of a folder (see `pin_folder`).
        """
        self.captures_pinned.emit(list(files))
        workspace = self._project.workspace
        if workspace is None:
            room = max(0, MAX_PINNED - len(self._pending)) if of_folder else len(files)
            self._pending += files[:room]
            text = "The watch photos will be pinned when training starts."
            text = text if room >= len(files) else f"{text} {_FULL_TEXT}"
            self._post([text], refusals)
            self.workspace_missing.emit("workspace")
            self._find_watches()
            return
        mono, is_idle = self._project.draft.config.monochrome_style, not self._session.is_active
        self._project.background.run_job(
            f"pin {files}",
            lambda: _pin_all(files, workspace, mono=mono, accepts_other=is_idle, of_folder=of_folder),
            lambda result: self._report(result, [*refusals, *result.refused]),
            _raise_error,
        )

    def _find_watches(self) -> None:
        """Tell the project which watches took the pinned photos and those that will be pinned."""
        workspace, pending = self._project.workspace, list(self._pending)

        def show(kinds: frozenset[str]) -> None:
            self._project.set_captured(kinds)
            self.captures_found.emit(bool(kinds))

        self._project.background.run_job(
            "watches", lambda: find_kinds(_list_files(workspace, pending)), show, _raise_error
        )

    def _pin_pending(self, state: SessionState) -> None:
        if state is SessionState.TRAINING and self._pending:
            files, self._pending = self._pending, []
            self.pin(files)

    def find_files_then(self, callback: Callable[[list[Path]], None]) -> None:
        """Call `callback` with the files of the pinned photos, and those that will be pinned when training starts."""
        workspace, pending = self._project.workspace, list(self._pending)
        self._project.background.run_job(
            f"find pinned photos for {callback}", lambda: _list_files(workspace, pending), callback, _raise_error
        )

    def _report(self, result: _PinResult, refusals: list[str]) -> None:
        pinned = result.pinned
        sentences = [_pinned_message(result, is_training=self._session.is_active)] if pinned else []
        self._post(sentences, refusals, result.notes)
        self._find_watches()
        if pinned and self._session.is_active:
            self.pinned.emit()
            self._session.request(RunRequest.PREVIEW)

    def _post(self, sentences: Sequence[str], refusals: Sequence[str], notes: Sequence[str] = ()) -> None:
        """Post one message: what was done, and which files could not be used."""
        level = "info" if not refusals else "warning" if sentences else "error"
        more = [f"… and {len(refusals) - _MAX_REPORTED} more"] if len(refusals) > _MAX_REPORTED else []
        lines = [*sentences, *refusals[:_MAX_REPORTED], *more, *notes[:_MAX_REPORTED]]
        self._project.message_posted.emit(level, "\n".join(lines))

    def ask_to_unpin(self, name: str) -> None:
        """Ask whether to unpin a photo; if so, delete the workspace's copy."""
        workspace = self._project.workspace
        if workspace is not None:
            ask_question(
                self._window,
                f"Unpin {name}?",
                f"This deletes its copy in {workspace.preview_photos}. "
                "Your original and the existing previews are kept.",
                [("Unpin", lambda: self._unpin(name, workspace))],
            )

    def _unpin(self, name: str, workspace: Workspace) -> None:
        def on_unpinned() -> None:
            self._project.message_posted.emit("info", f"{name} is no longer pinned.")
            self.unpinned.emit(name)
            self._find_watches()

        self._project.background.run_job(
            f"unpin {name}",
            lambda: unpin_photo(name, workspace.preview_photos),
            lambda _: on_unpinned(),
            self._on_unpin_failed,
        )

    def _on_unpin_failed(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self._project.message_posted.emit("error", error.message)


def _list_files(workspace: Workspace | None, pending: list[Path]) -> list[Path]:
    return [*pending, *(list_pinned_files(workspace.preview_photos) if workspace is not None else [])]


@dataclass(frozen=True)
class _PinResult:
    """Names of the pinned photos, reasons why others were refused, and the watch to choose before previews show them.

    `watch` is None if the photos are from the chosen watch. `notes` say why photos of a folder were passed over.
    """

    pinned: list[str]
    refused: list[str]
    watch: Watch | None = None
    notes: list[str] = field(default_factory=list)


def _pin_all(
    files: Sequence[Path], workspace: Workspace, *, mono: bool, accepts_other: bool, of_folder: bool
) -> _PinResult:
    """Pin every file; of a folder, those of the chosen watch while there is room.

    Args:
        files: the watch photos.
        workspace: they are copied into its folder of pinned photos.
        mono: whether the mono watch is chosen.
        accepts_other: pin photos of the other watch, if there are none of the chosen one.
        of_folder: whether they are the photos of a folder.
    """
    folder, pinned, refused = workspace.preview_photos, [], []
    notes: list[str] = []
    of_other: dict[Path, str] = {}  # and why they are refused
    for file in files:
        try:
            pinned.append(pin_photo(file, folder, mono=mono).name)
        except WrongWatch as error:
            of_other[file] = error.message
        except NoRoom as error:
            if of_folder:
                notes.append(_FULL_TEXT)
                break
            refused.append(error.message)
        except UserError as error:
            refused.append(error.message)
    if of_other and accepts_other and not pinned and not read_pinned_photos(folder, mono=mono).photos:
        others = _pin_all(list(of_other), workspace, mono=not mono, accepts_other=False, of_folder=of_folder)
        return _PinResult(others.pinned, [*refused, *others.refused], select_watch(mono=not mono), others.notes)
    if of_folder:
        return _PinResult(pinned, refused, notes=notes or ([] if pinned else list(of_other.values())))
    return _PinResult(pinned, list(dict.fromkeys([*refused, *of_other.values()])))


def _pinned_message(result: _PinResult, *, is_training: bool) -> str:
    if result.watch is not None:
        texts = _PINNED_FOR_WATCH
    else:
        texts = _PINNED_IN_TRAINING if is_training else _PINNED_BEFORE
    one, many = texts
    models = " or ".join(result.watch.models) if result.watch is not None else ""
    text = one if len(result.pinned) == 1 else many
    return text.format(name=result.pinned[0], count=len(result.pinned), watch=models)


def _raise_error(error: Exception) -> None:
    raise error
