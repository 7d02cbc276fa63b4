"""What can be done with a model: copy it to WQV-Viewer, try it on photos, export it. From the card and the menu."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Callable

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog

from app.deploy.export_dialog import ExportDialog
from app.deploy.model_choice import ask_for_model
from app.deploy.trial_dialog import TrialDialog
from app.errors import bug_report, error_message, show_report
from app.questions import ask_question
from app.settings_store import open_settings_store
from trainer_core.errors import UserError
from trainer_core.verbs.install import NameAlreadyUsed, NotViewerCompatible, install_model
from trainer_core.workspace.models import RunModel, find_models

if TYPE_CHECKING:
    from app.window import Window

RunModels = list[RunModel]


class Deployment(QObject):
    """Made by the conductor, for the window. Without a model, each takes the best one of the open workspace."""

    def __init__(self, window: Window) -> None:
        super().__init__(window)
        self._window = window
        self.try_window: TrialDialog | None = None
        self.export_dialog: ExportDialog | None = None

    def open_trial(self, model: str = "") -> None:
        """Open the window in which photos are enlarged."""

        def show(models: RunModels) -> None:
            if self.try_window is None:
                self.try_window = TrialDialog(
                    self._window.training.submit, self._window.project.background, self._window
                )
            self.try_window.open_for(_existing_file(model, models), models)

        self._find_models_then("try", show)

    def open_export(self, model: str = "") -> None:
        """Open the dialog that writes other forms."""

        def show(models: RunModels) -> None:
            if self.export_dialog is None:
                self.export_dialog = ExportDialog(self._window.training.submit, self._window)
            self.export_dialog.open_for(_existing_file(model, models), models)

        self._find_models_then("export", show)

    def copy_to_viewer(self, model: str = "") -> None:
        """Copy a model into the viewer's folder, which is asked for the first time."""

        def copy(models: RunModels) -> None:
            taken = _existing_file(model, models) or ask_for_model(self._window, "Model to copy to WQV-Viewer")
            if taken:
                self._with_viewer_folder(lambda folder: self.install(str(taken), folder))

        self._find_models_then("copy", copy)

    def _with_viewer_folder(self, callback: Callable[[str], None]) -> None:
        """Go on with the folder that is known; with another one that is asked for, where it is gone."""

        def go_on(known: str) -> None:
            folder = known or self.choose_viewer_folder()
            if folder:
                callback(folder)

        folder = _viewer_folder()
        self._window.project.background.run_job(
            "viewer folder", lambda: folder if folder and Path(folder).is_dir() else "", go_on, self._report_error
        )

    def choose_viewer_folder(self) -> str:
        """Ask for the folder that models are copied to; "" if none is chosen."""
        begin = _viewer_folder() or str(Path.home())
        folder = QFileDialog.getExistingDirectory(self._window, "WQV-Viewer's folder models/custom", begin)
        if folder:
            open_settings_store().setValue("viewer_folder", folder)
        return folder

    def install(self, model: str, folder: str, *, replace: bool = False) -> None:
        """Copy, in the background."""
        told = self._window.message_strip.show_message

        def failed(error: Exception) -> None:
            if isinstance(error, NameAlreadyUsed):
                answers = [("Replace", lambda: self.install(model, folder, replace=True))]
                ask_question(self._window, "Replace the model there?", error.message, answers)
            else:
                self._report_error(error)

        self._window.project.background.run_job(
            "install",
            lambda: install_model(model, folder, replace=replace),
            lambda path: told("info", f"Copied to {path}. Restart WQV-Viewer and choose it in the AI menu."),
            failed,
        )

    def _find_models_then(self, name: str, callback: Callable[[RunModels], None]) -> None:
        """Find the models of the open workspace, then go on."""
        workspace = self._window.project.workspace
        self._window.project.background.run_job(
            f"models to {name}", lambda: find_models(workspace.root) if workspace else [], callback, self._report_error
        )

    def _report_error(self, error: Exception) -> None:
        tell = self._window.message_strip.show_message
        if isinstance(error, NotViewerCompatible):
            tell("error", f"{error.message} Model > Export writes one that it loads: tick “For WQV-Viewer” there.")
        elif isinstance(error, UserError):
            tell("error", error.message)
        elif isinstance(error, OSError):
            advice = "Choose another folder (Model > Change WQV-Viewer's folder) or make room on the disk."
            tell("error", f"The model could not be copied: {error_message(error)}. {advice}")
        else:
            show_report(bug_report(error), self._window)

    def close(self) -> None:
        """Close what is open and free its models."""
        for dialog in (self.try_window, self.export_dialog):
            if dialog is not None:
                dialog.close()


def _viewer_folder() -> str:
    return str(open_settings_store().value("viewer_folder", ""))


def _existing_file(model: str, models: RunModels) -> Path | None:
    return Path(model) if model else (models[0].path if models else None)
