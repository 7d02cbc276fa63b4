"""Saving one picture: asks for its name, and writes it in the background."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Callable

import numpy as np
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from app.system.background import Background
from app.widgets.file_filters import PICTURES, start_folder, store_folder
from app.widgets.questions import ask_question
from trainer_core.verbs.output_files import save_png

FOLDER = "picture_folder"  # of the last saved picture, in the settings store


class PictureSaving(QObject):
    """Saves pictures as PNG.

    Args:
        background: where pictures are encoded and written.
        window: parent of the dialogs.
    """

    message_posted = Signal(str, str)  # level, text
    failed = Signal(object)  # Exception

    def __init__(self, background: Background, window: QWidget) -> None:
        super().__init__(window)
        self._background, self._window = background, window

    def save(
        self,
        name: str,
        make_image: Callable[[], np.ndarray],
        *,
        inputs: Iterable[Path],
        make_text: Callable[[], Mapping[str, str]] = dict,
        taken: str = "",
    ) -> None:
        """Ask where to save a picture, then write it.

        Args:
            name: the name to propose, without suffix.
            make_image: returns the pixels; called in the background.
            inputs: photos that must not be overwritten.
            make_text: returns the text for the file, as `save_png` takes it; likewise.
            taken: date of the photo, likewise.
        """
        start = str(start_folder(FOLDER, PICTURES) / f"{name}.png")
        chosen, _ = QFileDialog.getSaveFileName(self._window, "Save as PNG", start, "PNG (*.png)")
        if not chosen:
            return
        target = Path(chosen if chosen.lower().endswith(".png") else f"{chosen}.png")
        store_folder(FOLDER, target)

        def write() -> None:
            self._background.run_job(
                f"save {target}",
                lambda: save_png(make_image(), target, inputs=inputs, text=make_text(), taken=taken),
                lambda path: self.message_posted.emit("info", f"Saved to {path}."),
                self.failed.emit,
            )

        if str(target) != chosen and os.path.exists(target):  # the file dialog has only asked about `chosen`
            ask_question(self._window, "Replace the file?", f"{target} already exists.", [("Replace", write)])
        else:
            write()
