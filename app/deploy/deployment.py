"""What can be done with a model: copy it to WQV-Viewer, try it on photos, export it. From the card and the menu."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Callable, Optional

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.deploy.export_dialog import ExportDialog
from app.deploy.model_choice import ask_for_model
from app.deploy.trial_dialog import TryWindow
from app.errors import fault_report, reason, show_report
from app.questions import ask
from app.settings_store import remembered
from trainer_core.errors import UserError
from trainer_core.verbs.install import NameTaken, NotForViewer, install
from trainer_core.workspace.models import RunModel, models_of

if TYPE_CHECKING:
    from app.window import Window

Models = list[RunModel]


class Deployment(QObject):
    """Made by the conductor, for the window. Without a model, each takes the best one of the open workspace."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self.try_window: Optional[TryWindow] = None
        self.export_dialog: Optional[ExportDialog] = None

    def try_on_photos(self, model: str = "") -> None:
        """Open the window in which photos are enlarged."""

        def show(models: Models) -> None:
            if self.try_window is None:
                self.try_window = TryWindow(self._window.training.ask, self._window.project.background, self._window)
            self.try_window.present(_taken(model, models), models)

        self._with_models("try", show)

    def export(self, model: str = "") -> None:
        """Open the dialog that writes other forms."""

        def show(models: Models) -> None:
            if self.export_dialog is None:
                self.export_dialog = ExportDialog(self._window.training.ask, self._window)
            self.export_dialog.present(_taken(model, models), models)

        self._with_models("export", show)

    def copy_to_viewer(self, model: str = "") -> None:
        """Copy a model into the viewer's folder, which is asked for the first time."""

        def copy(models: Models) -> None:
            taken = _taken(model, models) or ask_for_model(self._window, "Model to copy to WQV-Viewer")
            if taken:
                self._with_viewer_folder(lambda folder: self.install(str(taken), folder))

        self._with_models("copy", copy)

    def _with_viewer_folder(self, do: Callable[[str], None]) -> None:
        """Go on with the folder that is known; with another one that is asked for, where it is gone."""

        def go_on(known: str) -> None:
            folder = known or self.choose_viewer_folder()
            if folder:
                do(folder)

        folder = _viewer_folder()
        self._window.project.background.run(
            "viewer folder", lambda: folder if folder and Path(folder).is_dir() else "", go_on, self._fault
        )

    def choose_viewer_folder(self) -> str:
        """Ask for the folder that models are copied to; "" if none is chosen."""
        begin = _viewer_folder() or str(Path.home())
        folder = QFileDialog.getExistingDirectory(self._window, "WQV-Viewer's folder models/custom", begin)
        if folder:
            remembered().setValue("viewer_folder", folder)
        return folder

    def install(self, model: str, folder: str, *, replace: bool = False) -> None:
        """Copy, in the background."""
        told = self._window.messages.tell

        def failed(error: Exception) -> None:
            if isinstance(error, NameTaken):
                answers = [("Replace", lambda: self.install(model, folder, replace=True))]
                ask(self._window, "Replace the model there?", error.message, answers)
            else:
                self._fault(error)

        self._window.project.background.run(
            "install",
            lambda: install(model, folder, replace=replace),
            lambda path: told("info", f"Copied to {path}. Restart WQV-Viewer and choose it in the AI menu."),
            failed,
        )

    def _with_models(self, name: str, do: Callable[[Models], None]) -> None:
        """Find the models of the open workspace, then go on."""
        workspace = self._window.project.workspace
        self._window.project.background.run(
            f"models to {name}", lambda: models_of(workspace.root) if workspace else [], do, self._fault
        )

    def _fault(self, error: Exception) -> None:
        tell = self._window.messages.tell
        if isinstance(error, NotForViewer):
            tell("error", f"{error.message} Model > Export writes one that it loads: tick “For WQV-Viewer” there.")
        elif isinstance(error, UserError):
            tell("error", error.message)
        elif isinstance(error, OSError):
            advice = "Choose another folder (Model > Change WQV-Viewer's folder) or make room on the disk."
            tell("error", f"The model could not be copied: {reason(error)}. {advice}")
        else:
            show_report(fault_report(error), self._window)

    def close(self) -> None:
        """Close what is open and free its models."""
        for dialog in (self.try_window, self.export_dialog):
            if dialog is not None:
                dialog.close()


def _viewer_folder() -> str:
    return str(remembered().value("viewer_folder", ""))


def _taken(model: str, models: Models) -> Optional[Path]:
    return Path(model) if model else (models[0].path if models else None)
