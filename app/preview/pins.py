"""Pin the user's watch photos in the previews and unpin them; pinned photos are copies in `preview_photos`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.file_filters import PICTURES, make_file_filter, start_folder, store_folder
from app.project import Project
from app.questions import ask_question
from app.session import Session, SessionState
from trainer_core.control import RunRequest
from trainer_core.data.captures import CAPTURE_SUFFIXES
from trainer_core.errors import UserError
from trainer_core.previews.pinned_photos import pin_photo, unpin_photo
from trainer_core.workspace.layout import Workspace

_FOLDER = "capture_folder"
_MAX_REPORTED = 4  # refusals in one message


class PinnedPhotosModel(QObject):
    """Pinned photos of a project: copies and deletes files in the background and posts the result as a message."""

    captures_pinned = Signal(object)  # list of paths of watch photos, before they are checked
    workspace_missing = Signal(str)  # name of the setting to fill in first
    pinned = Signal()  # during a run, which will preview it at once
    unpinned = Signal(str)  # the photo's name

    def __init__(self, project: Project, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._session, self._window = project, session, window
        self._pending: list[Path] = []  # files to pin when training starts; there is no workspace yet
        session.state_changed.connect(self._pin_pending)

    def choose(self) -> None:
        """Ask for photos of the watch and pin them, as if they were dropped."""
        folder = str(start_folder(_FOLDER, PICTURES))
        kinds = make_file_filter("Watch photos", CAPTURE_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self._window, "Choose photos from your watch", folder, kinds)
        if names:
            store_folder(_FOLDER, Path(names[0]))
            self.pin([Path(name) for name in names])

    def pin(self, files: Sequence[Path], *, refusals: Sequence[str] = ()) -> None:
        """Copy watch photos into the workspace, and request a preview if training runs.

        Without a workspace, they are pinned when training starts.

        Args:
            files: the watch photos.
            refusals: sentences about other files of the same drop, to be shown in the same message.
        """
        self.captures_pinned.emit(list(files))
        workspace = self._project.workspace
        if workspace is None:
            self._pending += files
            self._project.message_posted.emit("info", "The watch photos will be pinned when training starts.")
            self.workspace_missing.emit("workspace")
            return
        mono = self._project.draft.config.monochrome_style
        self._project.background.run_job(
            f"pin {files}",
            lambda: _pin_all(files, workspace, mono=mono),
            lambda result: self._report(result[0], [*refusals, *result[1]]),
            _raise_error,
        )

    def _pin_pending(self, state: SessionState) -> None:
        if state is SessionState.TRAINING and self._pending:
            files, self._pending = self._pending, []
            self.pin(files)

    def _report(self, pinned: list[str], refusals: list[str]) -> None:
        sentences = [_pinned_message(pinned, is_training=self._session.is_active)] if pinned else []
        level = "info" if not refusals else "warning" if pinned else "error"
        more = [f"… and {len(refusals) - _MAX_REPORTED} more"] if len(refusals) > _MAX_REPORTED else []
        self._project.message_posted.emit(level, "\n".join([*sentences, *refusals[:_MAX_REPORTED], *more]))
        if pinned and self._session.is_active:
            self.pinned.emit()
            self._session.request(RunRequest.PREVIEW)

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


def _pin_all(files: Sequence[Path], workspace: Workspace, *, mono: bool) -> tuple[list[str], list[str]]:
    """Pin every file; return the names of the pinned photos and the reasons why the others were refused."""
    pinned, refused = [], []
    for file in files:
        try:
            pinned.append(pin_photo(file, workspace.preview_photos, mono=mono).name)
        except UserError as error:
            refused.append(error.message)
    return pinned, list(dict.fromkeys(refused))


def _pinned_message(pinned: list[str], *, is_training: bool) -> str:
    one = len(pinned) == 1
    what = f"{pinned[0]} is" if one else f"{len(pinned)} watch photos are"
    when = "The next preview shows" if is_training else "Every preview of a run will show"
    return f"{what} pinned. {when} {'it' if one else 'them'} upscaled by the network."


def _raise_error(error: Exception) -> None:
    raise error
