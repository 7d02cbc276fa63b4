"""Pins the user's own watch photos in the previews, and unpins them: copies in the workspace's `preview_photos`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.project import Project
from app.questions import ask
from app.session import Session, State
from trainer_core.control import Request
from trainer_core.errors import UserError
from trainer_core.previews.pinned_photos import pin, unpin
from trainer_core.workspace.layout import Workspace

_MOST_TOLD = 4  # reasons in one message


class Pins(QObject):
    """Files are copied and deleted in the background; what came of it is told by the project."""

    offered = Signal(object)  # list of paths: watch photos, whether they can be pinned or not
    missing = Signal(str)  # the setting that is needed first
    pinned = Signal()  # a preview of it is asked for
    unpinned = Signal(str)  # the photo's name

    def __init__(self, project: Project, session: Session, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._session, self._window = project, session, window
        self._waiting: list[Path] = []  # until a training starts, so that there is a workspace to keep them
        session.changed.connect(self._pin_waiting)

    def pin(self, files: Sequence[Path], *, refused: Sequence[str] = ()) -> None:
        """Copy watch photos into the workspace; while a training runs a preview follows at once.

        Args:
            refused: sentences about what was dropped together with them.
        """
        self.offered.emit(list(files))
        workspace = self._project.workspace
        if workspace is None:
            self._waiting += files
            self._project.told.emit(
                "info", "The watch photos are pinned when the training starts; its workspace keeps them."
            )
            self.missing.emit("workspace")
            return
        mono = self._project.draft.config.monochrome_style
        self._project.background.run(
            f"pin {files}",
            lambda: _pin_all(files, workspace, mono=mono),
            lambda found: self._tell(found[0], [*refused, *found[1]]),
            _escaped,
        )

    def _pin_waiting(self, state: State) -> None:
        if state is State.TRAINING and self._waiting:
            files, self._waiting = self._waiting, []
            self.pin(files)

    def _tell(self, pinned: list[str], refused: list[str]) -> None:
        sentences = [_sentence(pinned, now=self._session.active)] if pinned else []
        level = "info" if not refused else "warning" if pinned else "error"
        more = [f"… and {len(refused) - _MOST_TOLD} more"] if len(refused) > _MOST_TOLD else []
        self._project.told.emit(level, "\n".join([*sentences, *refused[:_MOST_TOLD], *more]))
        if pinned and self._session.active:
            self.pinned.emit()
            self._session.request(Request.PREVIEW)

    def ask_to_unpin(self, name: str) -> None:
        """Delete the workspace's copy, after a question."""
        workspace = self._project.workspace
        if workspace is not None:
            ask(
                self._window, f"Unpin {name}?",
                f"Its copy in {workspace.preview_photos} is deleted. The photo that was dropped stays, and so do the "
                "previews made so far.",
                [("Unpin", lambda: self._unpin(name, workspace))],
            )  # fmt: skip

    def _unpin(self, name: str, workspace: Workspace) -> None:
        def done(file: Path | None) -> None:
            self._project.told.emit("info", f"{name} is no longer pinned.")
            self.unpinned.emit(name)

        self._project.background.run(
            f"unpin {name}", lambda: unpin(name, workspace.preview_photos), done, self._not_unpinned
        )

    def _not_unpinned(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self._project.told.emit("error", error.message)


def _pin_all(files: Sequence[Path], workspace: Workspace, *, mono: bool) -> tuple[list[str], list[str]]:
    """Names of those that are pinned, sentences about the others."""
    pinned, refused = [], []
    for file in files:
        try:
            pinned.append(pin(file, workspace.preview_photos, mono=mono).name)
        except UserError as error:
            refused.append(error.message)
    return pinned, list(dict.fromkeys(refused))


def _sentence(pinned: list[str], *, now: bool) -> str:
    one = len(pinned) == 1
    what = f"{pinned[0]} is" if one else f"{len(pinned)} watch photos are"
    when = "in a moment, and with every preview." if now else "with every preview of a training."
    return f"{what} pinned. You see what the network makes of {'it' if one else 'them'} {when}"


def _escaped(error: Exception) -> None:
    raise error
