"""Pins the user's own watch photos in the previews, and unpins them: copies in the workspace's `preview_photos`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.project import Project
from app.questions import ask_question
from app.session import Session, SessionState
from trainer_core.control import RunRequest
from trainer_core.errors import UserError
from trainer_core.previews.pinned_photos import pin_photo, unpin_photo
from trainer_core.workspace.layout import Workspace

_MAX_REPORTED = 4  # reasons in one message


class PinnedPhotosModel(QObject):
    """Files are copied and deleted in the background; what came of it is told by the project."""

    captures_pinned = Signal(object)  # list of paths: watch photos, whether they can be pinned or not
    workspace_missing = Signal(str)  # the setting that is needed first
    pinned = Signal()  # a preview of it is asked for
    unpinned = Signal(str)  # the photo's name

    def __init__(self, project: Project, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._session, self._window = project, session, window
        self._pending: list[Path] = []  # until a training starts, so that there is a workspace to keep them
        session.state_changed.connect(self._pin_pending)

    def pin(self, files: Sequence[Path], *, refusals: Sequence[str] = ()) -> None:
        """Copy watch photos into the workspace; while a training runs a preview follows at once.

        Args:
            refused: sentences about what was dropped together with them.
        """
        self.captures_pinned.emit(list(files))
        workspace = self._project.workspace
        if workspace is None:
            self._pending += files
            self._project.message_posted.emit(
                "info", "The watch photos are pinned when the training starts; its workspace keeps them."
            )
            self.workspace_missing.emit("workspace")
            return
        mono = self._project.draft.config.monochrome_style
        self._project.background.run_job(
            f"pin {files}",
            lambda: _pin_all(files, workspace, mono=mono),
            lambda found: self._report(found[0], [*refusals, *found[1]]),
            _escaped,
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
        """Delete the workspace's copy, after a question."""
        workspace = self._project.workspace
        if workspace is not None:
            ask_question(
                self._window,
                f"Unpin {name}?",
                f"Its copy in {workspace.preview_photos} is deleted. The photo that was dropped stays, and so do the "
                "previews made so far.",
                [("Unpin", lambda: self._unpin(name, workspace))],
            )

    def _unpin(self, name: str, workspace: Workspace) -> None:
        def done(file: Path | None) -> None:
            self._project.message_posted.emit("info", f"{name} is no longer pinned.")
            self.unpinned.emit(name)

        self._project.background.run_job(
            f"unpin {name}", lambda: unpin_photo(name, workspace.preview_photos), done, self._on_unpin_failed
        )

    def _on_unpin_failed(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self._project.message_posted.emit("error", error.message)


def _pin_all(files: Sequence[Path], workspace: Workspace, *, mono: bool) -> tuple[list[str], list[str]]:
    """Names of those that are pinned, sentences about the others."""
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
    when = "in a moment, and with every preview." if is_training else "with every preview of a training."
    return f"{what} pinned. You see what the network makes of {'it' if one else 'them'} {when}"


def _escaped(error: Exception) -> None:
    raise error
