"""Import and export of the settings as a JSON file, and "Copy as command"."""

from __future__ import annotations

import os
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.form.project import Project
from app.widgets.errors import error_message
from app.widgets.file_filters import DOCUMENTS, start_folder, store_folder
from app.widgets.questions import ask_question
from app.widgets.wording import form_label, with_form_labels
from trainer_core.errors import UserError
from trainer_core.files import write_json
from trainer_core.json_files import read_json
from trainer_core.planning.command_line import format_command, with_absolute_paths
from trainer_core.settings.config import SETTINGS
from trainer_core.settings.stored import StoredSettings, parse_stored_settings, settings_to_json

_SUFFIX = ".json"
_FILES = f"JSON (*{_SUFFIX})"
_FOLDER = "settings_folder"


class SettingsTransfer(QObject):
    """Menu commands that import, export and copy the settings of a project.

    `choose_export` and `choose_import` ask for a file first; `export_to` and `import_from` work without a dialog.
    """

    message_posted = Signal(str, str)  # level, text

    def __init__(self, project: Project, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._window = project, window

    def copy_command(self) -> None:
        """Copy the command line that begins the same run as Start, unless a value cannot be used."""
        for name, problem in self._project.problems.items():
            text = with_form_labels(f"The command was not copied. {form_label(SETTINGS[name])}: {problem}")
            self.message_posted.emit("warning", text)
            return
        QGuiApplication.clipboard().setText(format_command(with_absolute_paths(self._project.given())))
        self.message_posted.emit("info", "Command copied.")

    def choose_export(self) -> None:
        """Ask for a file and export all settings to it; add the suffix ".json" if it is missing."""
        proposal = str(self._start_folder() / "training_config.json")
        name, _ = QFileDialog.getSaveFileName(self._window, "Export settings", proposal, _FILES)
        if not name:
            return
        # The window recognizes a dropped settings file by its suffix.
        path = Path(name if name.lower().endswith(_SUFFIX) else name + _SUFFIX)
        if str(path) != name and os.path.exists(path):  # the file dialog asked about `name` only
            answers = [("Replace", lambda: self.export_to(path))]
            ask_question(self._window, "Replace the file?", f"{path} already exists.", answers)
        else:
            self.export_to(path)

    def choose_import(self) -> None:
        """Ask for a file and import its settings."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Import settings", str(self._start_folder()), _FILES)
        if name:
            self.import_from(Path(name))

    def _start_folder(self) -> Path:
        """Return the folder of the last import or export, else the user's documents."""
        return start_folder(_FOLDER, DOCUMENTS)

    def export_to(self, path: Path) -> None:
        """Write all settings to `path` in the format of a workspace's `training_config.json`."""
        store_folder(_FOLDER, path)
        content = settings_to_json(self._project.draft.config, stored=StoredSettings(), derived=None, warm_start=None)
        self._project.background.run_job(
            "export",
            lambda: write_json(path, content),
            lambda done: self.message_posted.emit("info", f"Settings saved to {path}."),
            lambda error: self._report_error(error, f"{path} could not be written"),
        )

    def import_from(self, path: Path) -> None:
        """Apply the settings of a file; source folder and workspace stay unchanged."""
        store_folder(_FOLDER, path)
        self._project.background.run_job(
            "import",
            lambda: _read_settings(path),
            self._apply_imported,
            lambda error: self._report_error(error, f"{path} cannot be read as settings"),
        )

    def _apply_imported(self, stored: StoredSettings) -> None:
        self._project.apply_imported(stored.values)
        text = " ".join(stored.notices)
        self.message_posted.emit("warning" if text else "info", text or "Settings imported. The folders are unchanged.")

    def _report_error(self, error: Exception, problem: str) -> None:
        text = error.message if isinstance(error, UserError) else f"{problem}: {error_message(error)}."
        self.message_posted.emit("error", text)


def _read_settings(path: Path) -> StoredSettings:
    return parse_stored_settings(read_json(path, advice="Choose another file."), str(path))
