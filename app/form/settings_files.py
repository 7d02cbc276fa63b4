"""Settings on their way out and in: as a command in the clipboard, as a file to keep or to pass on."""

from __future__ import annotations

import json
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QWidget

from app.errors import reason
from app.project import Project
from trainer_core.as_command import as_command, wherever
from trainer_core.errors import UserError
from trainer_core.files import write_json
from trainer_core.settings import Stored, read_stored, to_json

_FILES = "JSON (*.json)"


class SettingsFiles(QObject):
    """What the menu's words do with a project's settings; `export_to` and `import_from` without a dialog."""

    told = Signal(str, str)  # level, text

    def __init__(self, project: Project, window: QWidget) -> None:
        super().__init__(window)
        self._project, self._window = project, window

    def copy_command(self) -> None:
        """The command line that gives the run which Start would begin."""
        QGuiApplication.clipboard().setText(as_command(wherever(self._project.given())))
        self.told.emit("info", "The command is in the clipboard.")

    def ask_export(self) -> None:
        """Write all settings to a file of the user's choice."""
        name, _ = QFileDialog.getSaveFileName(self._window, "Export settings", "training_config.json", _FILES)
        if name:
            self.export_to(Path(name))

    def ask_import(self) -> None:
        """Take the settings of a file of the user's choice."""
        name, _ = QFileDialog.getOpenFileName(self._window, "Import settings", "", _FILES)
        if name:
            self.import_from(Path(name))

    def export_to(self, path: Path) -> None:
        """Write every setting as it holds now, in the form of a workspace's `training_config.json`."""
        content = to_json(self._project.draft.config, stored=Stored(), derived=None, warm_start=None)
        self._project.background.run(
            "export",
            lambda: write_json(path, content),
            lambda done: self.told.emit("info", f"The settings are in {path}."),
            lambda error: self._refuse(error, f"{path} could not be written"),
        )

    def import_from(self, path: Path) -> None:
        """Take over what a file says; source folder and workspace stay."""
        self._project.background.run(
            "import",
            lambda: read_stored(json.loads(path.read_text("utf-8")), str(path)),
            self._adopt,
            lambda error: self._refuse(error, f"{path} cannot be read as settings"),
        )

    def _adopt(self, stored: Stored) -> None:
        self._project.adopt(stored.values)
        text = " ".join(stored.notices)
        self.told.emit("warning" if text else "info", text or "The settings are taken over; the folders stay.")

    def _refuse(self, error: Exception, what: str) -> None:
        text = error.message if isinstance(error, UserError) else f"{what}: {reason(error)}."
        self.told.emit("error", text)
