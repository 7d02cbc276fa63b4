"""The actions of the result card and the Model menu: copy a model to WQV-Viewer, enlarge photos with it, export it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.enlarge.model_choice import ask_for_model
from app.enlarge.named_model import NamedModel, find_recent_models, find_run_models
from app.enlarge.trial import AskThread
from app.enlarge.trial_dialog import TrialDialog
from app.export.export_dialog import ExportDialog
from app.form.project import Project
from app.preview.pins import PinnedPhotosModel
from app.system.settings_store import open_settings_store
from app.widgets.errors import bug_report, error_message, show_report
from app.widgets.questions import ask_question
from trainer_core.errors import UserError
from trainer_core.verbs.install import ALL_STARTERS, NameAlreadyUsed, NotViewerCompatible, install, install_model

RunModels = list[NamedModel]
_NO_MODEL = "This workspace has no trained model, so a built-in model is chosen. Choose another one in the list."
_NO_WORKSPACE = "No workspace is open, so a built-in model is chosen. Choose another one in the list."
_COPIED = "Copied to {path}. Restart WQV-Viewer and choose the model in its AI menu."
_ALL_COPIED = "Copied to {folder}: {names}. Restart WQV-Viewer and choose a model in its AI menu."


class Deployment(QObject):
    """The window's actions with a model; without an explicit model, each uses the model of the open workspace.

    Args:
        project: names the open workspace.
        pins: the pinned photos, which a trained model enlarges first.
        submit: gives work to the thread that calls torch.
        window: the parent of the dialogs.
    """

    message_posted = Signal(str, str)  # level, text

    def __init__(self, project: Project, pins: PinnedPhotosModel, submit: AskThread, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._pins, self._submit, self._window = project, pins, submit, window
        self.trial_dialog: TrialDialog | None = None
        self.export_dialog: ExportDialog | None = None

    def open_trial(self, model: str = "") -> None:
        """Open the window that enlarges photos with `model`, with the pinned photos."""
        reason = _NO_MODEL if self._project.workspace else _NO_WORKSPACE

        def open_(models: RunModels) -> None:
            dialog, file = self._get_trial_dialog(), _choose_file(model, models)
            dialog.open_for(file, models)
            self._pins.find_files_then(lambda pinned: add(dialog, pinned, has_model=file is not None))

        def add(dialog: TrialDialog, pinned: Sequence[Path], *, has_model: bool) -> None:
            dialog.photos.add(pinned)
            if not has_model and dialog.trial.is_built_in:
                dialog.messages.show_message("info", reason)

        self._find_models_then("try", open_)

    def open_enlarging(self, paths: Sequence[Path] = ()) -> None:
        """Open the window that enlarges photos, with the built-in models, and use the files and folders there."""

        def open_(models: RunModels) -> None:
            dialog = self._get_trial_dialog()
            dialog.open_for(None, models)
            dialog.use_files(paths)

        self._find_models_then("try", open_)

    def _get_trial_dialog(self) -> TrialDialog:
        if self.trial_dialog is None:
            self.trial_dialog = TrialDialog(self._submit, self._project.background, self._window)
            self.trial_dialog.blend_export_requested.connect(self._export_blend)
            self.trial_dialog.message_posted.connect(self.message_posted)
        self._find_recent_models_then("try", self.trial_dialog.models.add_models)
        return self.trial_dialog

    def open_export(self, model: str = "") -> None:
        """Open the dialog that exports `model`."""
        self._find_models_then(
            "export", lambda models: self._get_export_dialog().open_for(_choose_file(model, models), models)
        )

    def _export_blend(self, model: Path, other: Path, share: float) -> None:
        """Open the dialog that exports a blend of two models, with a share of the other one."""
        self._find_models_then(
            "export", lambda models: self._get_export_dialog().open_for(model, models, blend=other, share=share)
        )

    def _get_export_dialog(self) -> ExportDialog:
        if self.export_dialog is None:
            self.export_dialog = ExportDialog(self._submit, self._window)
        self._find_recent_models_then("export", self.export_dialog.add_models)
        return self.export_dialog

    def copy_to_viewer(self, model: str = "") -> None:
        """Copy a model into the viewer's folder; ask for a model or a folder if there is none."""

        def copy(models: RunModels) -> None:
            path = _choose_file(model, models) or ask_for_model(self._window, "Choose a model to copy to WQV-Viewer")
            if path:
                self._with_viewer_folder(lambda folder: self.install(str(path), folder))

        self._find_models_then("copy", copy)

    def _with_viewer_folder(self, callback: Callable[[str], None]) -> None:
        """Call `callback` with the viewer's folder, asking for one if it is unknown or missing."""

        def call_with(existing: str) -> None:
            chosen = existing or self.choose_viewer_folder()
            if chosen:
                callback(chosen)

        folder = _viewer_folder()
        self._project.background.run_job(
            "viewer folder", lambda: folder if folder and os.path.isdir(folder) else "", call_with, self._report_error
        )

    def choose_viewer_folder(self) -> str:
        """Ask for the folder that models are copied to and store it; return "" if the user cancels."""
        start = _viewer_folder() or str(Path.home())
        folder = QFileDialog.getExistingDirectory(self._window, "Choose WQV-Viewer's models/custom folder", start)
        if folder:
            open_settings_store().setValue("viewer_folder", folder)
        return folder

    def install(self, model: str, folder: str, *, replace: bool = False) -> None:
        """Copy a model file into a folder, in the background; ask before replacing another one unless `replace`."""
        self._project.background.run_job(
            "install",
            lambda: install_model(model, folder, replace=replace),
            lambda path: self.message_posted.emit("info", _COPIED.format(path=path)),
            lambda error: self._on_not_copied(error, lambda: self.install(model, folder, replace=True)),
        )

    def copy_starters_to_viewer(self) -> None:
        """Write all built-in models into the viewer's folder; ask for the folder if there is none."""
        self._with_viewer_folder(self._install_starters)

    def _install_starters(self, folder: str, *, replace: bool = False) -> None:
        """Write all built-in models into a folder, padded by torch in its thread; ask before replacing files."""
        self._submit(
            lambda: install(ALL_STARTERS, folder, replace=replace),
            lambda paths: self.message_posted.emit(
                "info", _ALL_COPIED.format(folder=folder, names=", ".join(path.name for path in paths))
            ),
            lambda error: self._on_not_copied(error, lambda: self._install_starters(folder, replace=True)),
        )

    def _on_not_copied(self, error: Exception, replace: Callable[[], None]) -> None:
        if isinstance(error, NameAlreadyUsed):
            title = "Replace the existing model?" if len(error.targets) == 1 else "Replace the existing models?"
            ask_question(self._window, title, error.message, [("Replace", replace)])
        else:
            self._report_error(error)

    def _find_models_then(self, name: str, callback: Callable[[RunModels], None]) -> None:
        """Call `callback` with the models of the open workspace, best first."""
        workspace = self._project.workspace
        self._project.background.run_job(
            f"models to {name}",
            lambda: find_run_models(workspace.root) if workspace else [],
            callback,
            self._report_error,
        )

    def _find_recent_models_then(self, name: str, callback: Callable[[RunModels], None]) -> None:
        """Call `callback` with the models of the runs in the other recent workspaces."""
        root = self._project.workspace.root if self._project.workspace else None
        self._project.background.run_job(
            f"recent models to {name}", lambda: find_recent_models(root), callback, self._report_error
        )

    def _report_error(self, error: Exception) -> None:
        show_message = self.message_posted.emit
        if isinstance(error, NotViewerCompatible):
            advice = "To make a version that it loads, choose Model > Export and check “For WQV-Viewer”."
            show_message("error", f"{error.message} {advice}")
        elif isinstance(error, UserError):
            show_message("error", error.message)
        elif isinstance(error, OSError):
            advice = "Choose another folder (Model > Change WQV-Viewer's folder) or free some disk space."
            show_message("error", f"The model could not be copied: {error_message(error)}. {advice}")
        else:
            show_report(bug_report(error), self._window)

    def close(self) -> None:
        """Close the open dialogs, which frees their models."""
        if self.trial_dialog is not None:
            self.trial_dialog.close_at_once()
        if self.export_dialog is not None:
            self.export_dialog.close()


def _viewer_folder() -> str:
    return str(open_settings_store().value("viewer_folder", ""))


def _choose_file(model: str, models: RunModels) -> Path | None:
    """Return `model` if it is given, else the best of `models`, if any."""
    return Path(model) if model else (models[0].path if models else None)
