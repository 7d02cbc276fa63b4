"""What happens with something dropped on the window: photos, a run, weights, a checkpoint; the rest says why not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData

from trainer_core.errors import UserError
from trainer_core.recognise import Kind, recognise
from trainer_core.weights.warm_start import plan as plan_warm_start

if TYPE_CHECKING:
    from app.project import Project
    from app.session import Session


def paths_of(data: QMimeData) -> list[Path]:
    """The local files and folders of a drag."""
    return [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]


class Drops:
    """Takes dropped paths one by one."""

    def __init__(self, project: Project, session: Session) -> None:
        self._project = project
        self._session = session

    def take(self, path: Path, *, onto: str = "") -> None:
        """Do what the path is meant for. `onto` is the setting it was dropped on, if any."""
        workspace = self._project.workspace
        kind = recognise(path, workspace.root if workspace else None)
        if self._session.active:
            self._while_training(path, kind)
        elif (path.is_dir() and onto == "workspace") or (kind is Kind.RUN and onto != "source_dir"):
            self._project.choose("workspace", str(path))
        elif path.is_dir():
            self._project.choose("source_dir", str(path))
        elif kind is Kind.CHECKPOINT:
            self._project.choose("resume_from", str(path))
            self._project.told.emit("info", f"Start now continues from {path.name}.")
        elif kind is Kind.WEIGHTS:
            self._project.choose("init_weights", str(path))
        else:
            self._project.told.emit("warning", _refusal(path, kind))

    def _while_training(self, path: Path, kind: Kind) -> None:
        """Only weight files can be looked at now."""
        if kind not in (Kind.WEIGHTS, Kind.CHECKPOINT):
            self._project.told.emit("warning", "Settings can be changed when this training has ended.")
            return
        told = self._project.told.emit
        self._project.background.run(
            "identify",
            lambda: plan_warm_start(path),
            lambda found: told(
                "info", f"{path.name}: {found.description}. It can be chosen when this training has ended."
            ),
            lambda error: told("error", error.message if isinstance(error, UserError) else str(error)),
        )


def _refusal(path: Path, kind: Kind) -> str:
    if kind is Kind.PICTURE:
        return f"{path.name} is a single picture. Drop the folder that holds your photos."
    return f"{path.name} is neither a folder of photos nor a workspace nor a weight file (.pth, .safetensors)."
