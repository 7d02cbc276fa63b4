"""Saving a fitted camera profile: asks for its file, and writes it in the background."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.system.background import Background
from app.widgets.questions import ask_question

if TYPE_CHECKING:
    from trainer_core.calibration.calibrate import Calibration

_NAME = "my_watch.json"


class ProfileSaving(QObject):
    """Saves the profile of a calibration where the user chooses.

    Args:
        background: where the file is written.
        window: parent of the dialogs.
    """

    saved = Signal(object, object)  # Calibration with the profile as written, path
    failed = Signal(object)  # Exception

    def __init__(self, background: Background, window: QWidget) -> None:
        super().__init__(window)
        self._background, self._window = background, window

    def save(self, calibration: Calibration, folder: Path) -> None:
        """Ask where to save a profile, beginning in `folder`, then write it."""
        start, kinds = str(folder / _NAME), "Camera profile (*.json)"
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Save the camera profile", start, kinds)
        if not chosen:
            return
        path = Path(chosen if chosen.lower().endswith(".json") else f"{chosen}.json")
        if str(path) != chosen and os.path.exists(path):  # the file dialog has only asked about `chosen`
            answers = [("Replace", lambda: self._write(calibration, path))]
            ask_question(self._window, "Replace the file?", f"{path} already exists.", answers)
        else:
            self._write(calibration, path)

    def _write(self, calibration: Calibration, path: Path) -> None:
        def write() -> Calibration:
            from trainer_core.calibration.calibrate import save_profile

            return save_profile(calibration, path)

        self._background.run_job(
            "save camera profile", write, lambda written: self.saved.emit(written, path), self.failed.emit
        )
