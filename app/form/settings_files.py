"""Settings on their way out and in: as a command in the clipboard, as a file to keep or to pass on."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QObject, QStandardPaths, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.errors import error_message
from app.project import Project
from app.questions import ask_question
from app.settings_store import open_settings_store
from trainer_core.errors import UserError
from trainer_core.files import write_json
from trainer_core.planning.command_line import format_command, with_absolute_paths
from trainer_core.settings.stored import StoredSettings, parse_stored_settings, settings_to_json

_SUFFIX = ".json"
_FILES = f"JSON (*{_SUFFIX})"
_FOLDER = "settings_folder"


class SettingsTransfer(QObject):
    """What the menu's words do with a project's settings; `export_to` and `import_from` without a dialog."""

    message_posted = Signal(str, str)  # level, text

    def __init__(self, project: Project, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._window = project, window

    def copy_command(self) -> None:
        """The command line that gives the run which Start would begin."""
        QGuiApplication.clipboard().setText(format_command(with_absolute_paths(self._project.given())))
        self.message_posted.emit("info", "The command is in the clipboard.")

    def choose_export(self) -> None:
        """Write all settings to a file of the user's choice."""
        place = str(self._start_folder() / "training_config.json")
        name, _ = QFileDialog.getSaveFileName(self._window, "Export settings", place, _FILES)
        if not name:
            return
        path = Path(name if name.lower().endswith(_SUFFIX) else name + _SUFFIX)  # by which it is recognized later
        if str(path) != name and path.exists():  # the file dialog has asked about `name` only
            answers = [("Replace", lambda: self.export_to(path))]
            ask_question(self._window, "Replace the file?", f"{path} is there already.", answers)
        else:
            self.export_to(path)

    def choose_import(self) -> None:
        """Take the settings of a file of the user's choice."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Import settings", str(self._start_folder()), _FILES)
        if name:
            self.import_from(Path(name))

    def _start_folder(self) -> Path:
        """Where dialogs begin: where the last one ended, else among the user's documents."""
        documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
        return Path(str(open_settings_store().value(_FOLDER, documents)))

    def export_to(self, path: Path) -> None:
        """Write every setting as it holds now, in the form of a workspace's `training_config.json`."""
        open_settings_store().setValue(_FOLDER, str(path.parent))
        content = settings_to_json(self._project.draft.config, stored=StoredSettings(), derived=None, warm_start=None)
        self._project.background.run_job(
            "export",
            lambda: write_json(path, content),
            lambda done: self.message_posted.emit("info", f"The settings are in {path}."),
            lambda error: self._report_unreadable(error, f"{path} could not be written"),
        )

    def import_from(self, path: Path) -> None:
        """Take over what a file says; source folder and workspace stay."""
        open_settings_store().setValue(_FOLDER, str(path.parent))
        self._project.background.run_job(
            "import",
            lambda: parse_stored_settings(json.loads(path.read_text("utf-8")), str(path)),
            self._apply_imported,
            lambda error: self._report_unreadable(error, f"{path} cannot be read as settings"),
        )

    def _apply_imported(self, stored: StoredSettings) -> None:
        self._project.apply_imported(stored.values)
        text = " ".join(stored.notices)
        self.message_posted.emit(
            "warning" if text else "info", text or "The settings are taken over; the folders stay."
        )

    def _report_unreadable(self, error: Exception, what: str) -> None:
        text = error.message if isinstance(error, UserError) else f"{what}: {error_message(error)}."
        self.message_posted.emit("error", text)
