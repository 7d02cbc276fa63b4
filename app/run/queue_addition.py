"""The dialog that adds a training to the queue while another one runs: its photos, settings and workspace."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from app.form.entries import PathEntry
from app.help.sections import QUEUE, set_section
from app.run.queue import RunQueue
from app.widgets.buttons import make_button
from app.widgets.dialogs import Dialog
from app.widgets.elided import ElidedLabel
from app.widgets.file_filters import DOCUMENTS, start_folder, store_folder
from app.widgets.plain_text import PlainLabel
from app.widgets.term_label import TermLabel
from app.widgets.theme import SPACING, scale_width
from trainer_core.settings.config import SETTINGS

_STARTS_BY_ITSELF = (
    "The training starts by itself when the ones before it are complete. Choose a folder for its results that has no "
    "run yet."
)
_WAITS = (
    "The training waits until you start the queue (Run > Queue). Choose a folder for its results that has no run yet."
)
_PLACES = {
    "source_dir": ("Sharp photos", "Choose the folder of sharp photos to learn from."),
    "workspace": ("Results", "Choose a folder for the results that has no run yet."),
}
_SAME = "Those on the left of the window"
_FOLDER = "settings_folder"  # of the settings file that was imported last, in the settings store
_WIDTH = 560  # pixels


class QueueAddition(Dialog):
    """Form with the folders of a training, and where its settings come from."""

    def __init__(self, queue: RunQueue, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._queue = queue
        self._settings_file: Path | None = None
        self.setWindowTitle("Add a training to the queue")
        set_section(self, QUEUE)
        self.setMinimumWidth(scale_width(_WIDTH))
        self.entries = {name: PathEntry(SETTINGS[name]) for name in _PLACES}
        for name, proposal in queue.propose_places().items():
            self.entries[name].show_value(proposal)
        self._settings_label = ElidedLabel()
        self._settings_label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        tip = "Take the settings of a file, such as training_config.json of another workspace."
        self.settings_button = make_button("From a file …", "folder", self._choose_settings, tip=tip)
        self.problem = PlainLabel()
        self.problem.setWordWrap(True)
        self.problem.setProperty("role", "error")
        self.add_button = make_button("Add", "add", self._add)
        self.add_button.setDefault(True)
        self._lay_out()
        self.use_settings(None)
        self.finished.connect(queue.cancel_adding)

    def _lay_out(self) -> None:
        explanation = TermLabel(_STARTS_BY_ITSELF if self._queue.is_running else _WAITS)
        explanation.setWordWrap(True)
        grid = QGridLayout()
        grid.setHorizontalSpacing(SPACING)
        grid.setVerticalSpacing(SPACING)
        grid.setColumnStretch(1, 1)
        for row, (name, (label, description)) in enumerate(_PLACES.items()):
            self.entries[name].set_accessible_text(label, description)
            self.entries[name].line.setPlaceholderText("choose a folder")
            grid.addWidget(PlainLabel(label), row, 0)
            grid.addWidget(self.entries[name], row, 1)
        settings = QHBoxLayout()
        settings.setSpacing(SPACING // 2)
        settings.addWidget(self._settings_label, 1)
        settings.addWidget(self.settings_button)
        grid.addWidget(PlainLabel("Settings"), len(_PLACES), 0)
        grid.addLayout(settings, len(_PLACES), 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING)
        buttons.addStretch(1)
        buttons.addWidget(make_button("Cancel", "close", self.close))
        buttons.addWidget(self.add_button)
        layout = QVBoxLayout(self.contents)
        layout.setContentsMargins(*[2 * SPACING] * 4)
        layout.setSpacing(SPACING + SPACING // 2)
        layout.addWidget(explanation)
        layout.addLayout(grid)
        layout.addWidget(self.problem, 1, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(buttons)

    def _choose_settings(self) -> None:
        start = str(start_folder(_FOLDER, DOCUMENTS))
        name, _ = QFileDialog.getOpenFileName(self, "Choose the settings of the training", start, "JSON (*.json)")
        if name:
            store_folder(_FOLDER, Path(name))
            self.use_settings(Path(name))

    def use_settings(self, path: Path | None) -> None:
        """Take the settings of a file; None takes those of the form."""
        self._settings_file = path
        self._settings_label.set_text(str(path) if path is not None else _SAME)

    def _add(self) -> None:
        """Add the training and close; a training that cannot start is refused with the reason."""
        self.add_button.setEnabled(False)
        photos, workspace = (self.entries[name].value() or "" for name in _PLACES)
        self._queue.add(photos, workspace, self._settings_file, self.accept, self._refuse)

    def _refuse(self, problem: str) -> None:
        self.problem.setText(problem)
        self.add_button.setEnabled(True)
