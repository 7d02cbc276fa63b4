"""Saving the charts as a picture, or the figures of the run as a table for other programs."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Callable

from PySide6.QtCore import QBuffer, QObject, Signal
from PySide6.QtWidgets import QFileDialog, QMenu

from app.charts.panel import ChartPanel
from app.runs.figures_table import format_csv
from app.system.background import Background
from app.widgets.file_filters import PICTURES, start_folder, store_folder
from trainer_core.files import describe_error, write_bytes

_FOLDER = "charts_folder"


class ChartSaving(QObject):
    """Menu of the charts' save button."""

    message_posted = Signal(str, str)  # level, text

    def __init__(self, panel: ChartPanel, background: Background) -> None:
        super().__init__(panel)
        self._panel, self._background = panel, background
        self.menu = QMenu(panel)
        self.menu.addAction("Save the charts as a picture …").triggered.connect(lambda: self._choose_picture())
        self.menu.addAction("Save the figures as a table …").triggered.connect(lambda: self._choose_table())
        panel.save_button.setMenu(self.menu)

    def _choose_picture(self) -> None:
        path = self._choose("charts.png", "PNG (*.png)")
        if path is not None:
            self.save_picture(path)

    def _choose_table(self) -> None:
        path = self._choose("figures.csv", "CSV (*.csv)")
        if path is not None:
            self.save_table(path)

    def _choose(self, name: str, kind: str) -> Path | None:
        start = str(start_folder(_FOLDER, PICTURES) / name)
        chosen, _ = QFileDialog.getSaveFileName(self._panel, "Save charts", start, kind)
        if chosen:
            store_folder(_FOLDER, Path(chosen))
        return Path(chosen) if chosen else None

    def save_picture(self, path: Path) -> None:
        """Write the visible charts as PNG."""
        buffer = QBuffer()
        buffer.open(QBuffer.OpenModeFlag.WriteOnly)
        self._panel.charts.grab().save(buffer, "PNG")
        content = bytes(buffer.data().data())
        self._write(path, lambda: content)

    def save_table(self, path: Path) -> None:
        """Write all figures of the run as CSV, a row for each step."""
        figures = copy.deepcopy(self._panel.figures)  # a training may add to them meanwhile
        self._write(path, lambda: format_csv(figures).encode("ascii"))

    def _write(self, path: Path, make_content: Callable[[], bytes]) -> None:
        self._background.run_job(
            f"save {path}",
            lambda: write_bytes(path, make_content()),
            lambda done: self.message_posted.emit("info", f"Saved to {path}."),
            lambda error: self._report(path, error),
        )

    def _report(self, path: Path, error: Exception) -> None:
        if not isinstance(error, OSError):
            raise error
        self.message_posted.emit(
            "error", f"{path} could not be written: {describe_error(error)}. Choose another folder."
        )
