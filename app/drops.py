"""What happens with things dropped on the window: photos, a run, weights, watch photos; the rest says why not."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from PySide6.QtCore import QMimeData

from trainer_core.errors import UserError
from trainer_core.planning.recognition import Kind, look_into, recognise
from trainer_core.weights.warm_start import plan as plan_warm_start

if TYPE_CHECKING:
    from app.preview.pins import Pins
    from app.project import Project
    from app.session import Session

_REFUSED = (Kind.PICTURE, Kind.STRANGE_JSON, Kind.BROKEN_JSON, Kind.OTHER)
_LATER = "Settings can be changed when this training has ended."


def paths_of(data: QMimeData) -> list[Path]:
    """The local files and folders of a drag."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


class Drops:
    """Takes what was dropped together: folders first, for a workspace among them is where the files belong."""

    def __init__(self, project: Project, session: Session, pins: Pins, import_settings: Callable[[Path], None]) -> None:
        self._project = project
        self._import_settings = import_settings
        self._session = session
        self._pins = pins

    def take(self, paths: Sequence[Path], *, onto: str = "") -> None:
        """Do what the paths are meant for. `onto` is the setting they were dropped on, if any."""
        weights, others = [], []
        for path in sorted(paths, key=lambda path: not path.is_dir()):
            workspace = self._project.workspace
            kind = recognise(path, workspace.root if workspace else None)
            if kind in (Kind.RUN, Kind.PHOTOS):
                self._take_folder(path, kind, onto)
            elif kind in (Kind.CHECKPOINT, Kind.WEIGHTS):
                weights.append((path, kind))
            else:
                others.append(path)
        if weights:
            self._take_weights(weights)
        if others:
            self._look_into(others)

    def _take_folder(self, path: Path, kind: Kind, onto: str) -> None:
        is_workspace = onto == "workspace" or (kind is Kind.RUN and onto != "source_dir")
        self._take_setting("workspace" if is_workspace else "source_dir", path)

    def _take_setting(self, name: str, path: Path) -> None:
        if self._session.active:
            self._project.told.emit("warning", _LATER)
        else:
            self._project.choose(name, str(path))

    def _take_weights(self, weights: Sequence[tuple[Path, Kind]]) -> None:
        """One of them can be used; while a training runs they are only identified."""
        path, kind = weights[0]
        if self._session.active:
            self._identify([path for path, _ in weights])
        elif kind is Kind.CHECKPOINT:
            self._project.choose("resume_from", str(path))
            self._project.told.emit("info", f"Start now continues from {path.name}.")
        else:
            self._project.choose("init_weights", str(path))

    def _identify(self, paths: Sequence[Path]) -> None:
        self._project.background.run(
            "identify",
            lambda: [_description(path) for path in paths],
            lambda found: self._project.told.emit(
                "info" if all(known for _, known in found) else "error", "\n".join(text for text, _ in found)
            ),
            _escaped,
        )

    def _look_into(self, files: Sequence[Path]) -> None:
        """Watch photos show it by their content alone."""
        self._project.background.run(
            f"drop {files}",
            lambda: [(path, look_into(path)) for path in files],
            self._take_files,
            _escaped,
        )

    def _take_files(self, files: Sequence[tuple[Path, Kind]]) -> None:
        refused = [_refusal(kind, [path for path, k in files if k is kind]) for kind in _REFUSED]
        self._take_json([(path, kind) for path, kind in files if kind in (Kind.PROFILE, Kind.SETTINGS)])
        watch_photos = [path for path, kind in files if kind is Kind.WATCH_PHOTO]
        if watch_photos:
            self._pins.pin(watch_photos, refused=[sentence for sentence in refused if sentence])
        elif any(refused):
            self._project.told.emit("warning", "\n".join(sentence for sentence in refused if sentence))

    def _take_json(self, files: Sequence[tuple[Path, Kind]]) -> None:
        for path, kind in files:
            if kind is Kind.PROFILE:
                self._take_setting("camera_profile", path)
            elif self._session.active:
                self._project.told.emit("warning", _LATER)
            else:
                self._import_settings(path)


def _description(path: Path) -> tuple[str, bool]:
    """What a weight file is, or why it cannot be used, and whether it can."""
    try:
        found = plan_warm_start(path)
    except UserError as error:
        return error.message, False
    return f"{path.name}: {found.description}. It can be chosen when this training has ended.", True


def _refusal(kind: Kind, paths: Sequence[Path]) -> str:
    """Why these cannot be used and what to do instead, "" for none."""
    if not paths:
        return ""
    one = len(paths) == 1
    if kind is Kind.PICTURE:
        what = f"{paths[0].name} is a single picture" if one else f"{len(paths)} of these are single pictures"
        return f"{what}. Drop the folder that holds your photos."
    names = ", ".join(path.name for path in paths)
    if kind is Kind.STRANGE_JSON:
        return f"{names}: there are neither settings of a training nor a camera profile in it."
    if kind is Kind.BROKEN_JSON:
        return f"{names} cannot be read as JSON: damaged, or not to be opened. Drop another copy."
    what = f"{paths[0].name} is" if one else f"{len(paths)} of these are"
    return (
        f"{what} neither a folder of photos nor a workspace, a weight file (.pth, .safetensors), a watch photo, "
        "a camera profile or settings (.json)."
    )


def _escaped(error: Exception) -> None:
    raise error
