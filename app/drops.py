"""Handling of files and folders dropped on the window: photos, runs, weights, watch photos, profiles, settings."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from app.form.project import Project
from app.preview.pins import PinnedPhotosModel
from app.run.session import Session
from trainer_core.errors import UserError
from trainer_core.planning.recognition import PathKind, classify_content, classify_path
from trainer_core.text import format_bytes
from trainer_core.weights.warm_start import identify_source

_REFUSED_KINDS = (PathKind.PICTURE, PathKind.UNKNOWN_JSON, PathKind.INVALID_JSON, PathKind.OTHER)
_LOCKED_MESSAGE = "Settings are locked while training runs."


class DropHandler:
    """Handler of everything dropped together; folders come first, because a workspace among them receives the files."""

    def __init__(
        self, project: Project, session: Session, pins: PinnedPhotosModel, import_settings: Callable[[Path], None]
    ) -> None:
        self._project = project
        self._import_settings = import_settings
        self._session = session
        self._pins = pins

    def handle_drop(self, paths: Sequence[Path], *, target_setting: str = "") -> None:
        """Use each path for its purpose.

        Args:
            paths: files and folders.
            target_setting: the setting they were dropped on, or "".
        """
        self._handle(paths, target_setting, trains=target_setting == "source_dir")

    def handle_drop_to_train(self, paths: Sequence[Path]) -> None:
        """Use each path for its purpose; training learns from the folder of single photos."""
        self._handle(paths, "", trains=True)

    def _handle(self, paths: Sequence[Path], target_setting: str, *, trains: bool) -> None:
        weights, others, has_folder = [], [], False
        for path in sorted(paths, key=lambda path: not os.path.isdir(path)):
            workspace = self._project.workspace
            kind = classify_path(path, workspace.root if workspace else None)
            if kind in (PathKind.RUN, PathKind.PHOTOS):
                self._handle_folder(path, kind, target_setting)
                has_folder = True
            elif kind in (PathKind.CHECKPOINT, PathKind.WEIGHTS):
                weights.append((path, kind))
            else:
                others.append(path)
        if weights:
            self._handle_weights(weights)
        if others:
            self._classify_files(others, trains=trains and not has_folder)

    def _handle_folder(self, path: Path, kind: PathKind, target_setting: str) -> None:
        is_workspace = target_setting == "workspace" or (kind is PathKind.RUN and target_setting != "source_dir")
        self._apply_path("workspace" if is_workspace else "source_dir", path)

    def _apply_path(self, name: str, path: Path) -> None:
        if self._session.is_active:
            self._project.message_posted.emit("warning", _LOCKED_MESSAGE)
        else:
            self._project.set_path(name, str(path))

    def _handle_weights(self, weights: Sequence[tuple[Path, PathKind]]) -> None:
        """Use the first file; while training runs, only identify all of them."""
        path, kind = weights[0]
        if self._session.is_active:
            self._identify([path for path, _ in weights])
        elif kind is PathKind.CHECKPOINT:
            self._project.set_path("resume_from", str(path))
            self._project.message_posted.emit("info", f"Press Start to continue from {path.name}.")
        else:
            self._project.set_path("init_weights", str(path))
            self._project.message_posted.emit("info", f"Training will start from {path.name}.")

    def _identify(self, paths: Sequence[Path]) -> None:
        self._project.background.run_job(
            "identify",
            lambda: [_describe_weights(path) for path in paths],
            lambda found: self._project.message_posted.emit(
                "info" if all(known for _, known in found) else "error", "\n".join(text for text, _ in found)
            ),
            _raise_error,
        )

    def _classify_files(self, files: Sequence[Path], *, trains: bool) -> None:
        """Classify files in the background, because only the content tells a watch photo from another picture."""
        self._project.background.run_job(
            f"drop {files}",
            lambda: [(path, classify_content(path)) for path in files],
            lambda found: self._handle_files(found, trains=trains),
            _raise_error,
        )

    def _handle_files(self, files: Sequence[tuple[Path, PathKind]], *, trains: bool) -> None:
        folders = {path.parent for path, kind in files if kind is PathKind.PICTURE}
        if trains and len(folders) == 1 and not self._session.is_active:
            self._learn_from(folders.pop())
            files = [(path, kind) for path, kind in files if kind is not PathKind.PICTURE]
        refused = [_refusal_message(kind, [path for path, k in files if k is kind]) for kind in _REFUSED_KINDS]
        self._handle_json([(path, kind) for path, kind in files if kind in (PathKind.PROFILE, PathKind.SETTINGS)])
        watch_photos = [path for path, kind in files if kind is PathKind.WATCH_PHOTO]
        if watch_photos:
            self._pins.pin(watch_photos, refusals=[sentence for sentence in refused if sentence])
        elif any(refused):
            self._project.message_posted.emit("warning", "\n".join(sentence for sentence in refused if sentence))

    def _learn_from(self, folder: Path) -> None:
        """Choose the folder of dropped photos as the photos to learn from."""
        self._project.set_path("source_dir", str(folder))
        self._project.message_posted.emit("info", f"Training learns from all photos in the folder “{folder.name}”.")

    def _handle_json(self, files: Sequence[tuple[Path, PathKind]]) -> None:
        for path, kind in files:
            if kind is PathKind.PROFILE:
                self._apply_path("camera_profile", path)
            elif self._session.is_active:
                self._project.message_posted.emit("warning", _LOCKED_MESSAGE)
            else:
                self._import_settings(path)


def _describe_weights(path: Path) -> tuple[str, bool]:
    """Return a description of a weight file, or the reason why it cannot be used, and whether it can be used."""
    try:
        found = identify_source(path)
    except UserError as error:
        return error.message, False
    what = f"{path.name}: a network for x{found.spec.scale}, {format_bytes(found.file.file_bytes)}"
    return f"{what}. {_LOCKED_MESSAGE}", True


def _refusal_message(kind: PathKind, paths: Sequence[Path]) -> str:
    """Return why the paths of this kind cannot be used and what to do instead, or "" without paths."""
    if not paths:
        return ""
    one = len(paths) == 1
    if kind is PathKind.PICTURE:
        what = f"{paths[0].name} is a single picture" if one else f"{len(paths)} of these files are single pictures"
        return f"{what}. Drop the folder that contains your photos."
    names = ", ".join(path.name for path in paths)
    if kind is PathKind.UNKNOWN_JSON:
        return f"{names}: no training settings and no camera profile found. Drop another file."
    if kind is PathKind.INVALID_JSON:
        return f"{names} cannot be read as JSON. Try another copy."
    what = paths[0].name if one else f"{len(paths)} of these files"
    return (
        f"{what} cannot be used. Drop a folder of photos, a workspace, a weight file (.pth, .safetensors), a watch "
        "photo, a camera profile or a settings file (.json)."
    )


def _raise_error(error: Exception) -> None:
    raise error
