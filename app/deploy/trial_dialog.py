"""The window "Try the model": photos dropped or browsed for, before and after, beside another model; saves pictures.

Models are loaded while it is open. Dropped weight files are the model to compare with; everything else is a photo.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Callable, Optional

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.background import Background
from app.cards import MessageStrip
from app.deploy.model_choice import ModelChoice
from app.deploy.photo_list import PhotoList
from app.deploy.trial import OTHER, OURS, ROLES, Ask, Bench, Photo
from app.deploy.trial_view import TrialView
from app.drops import paths_of
from app.errors import fault_report, show_report
from app.icons import dress
from app.progress_bar import ProgressBar
from app.questions import ask
from app.settings_store import remembered
from app.theme import SPACE
from trainer_core.errors import UserError
from trainer_core.planning.recognition import WEIGHTS
from trainer_core.verbs.output_files import save_png
from trainer_core.verbs.picture_files import side_by_side
from trainer_core.workspace.models import RunModel

_SIZE = (1000, 660)
_WORDS = {OURS: "Model", OTHER: "Compare with"}
_NOTHING = {OURS: "Choose or drop a weight file", OTHER: "Bicubic only"}


class TryWindow(QDialog):
    """Made once; `present` opens it."""

    def __init__(self, ask_thread: Ask, background: Background, parent: Optional[QWidget] = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Try the model")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint, True)
        self.setAcceptDrops(True)
        self.resize(*_SIZE)
        self._background = background
        self.bench = Bench(ask_thread, background, self)
        self.messages = MessageStrip()
        self.photos = PhotoList(background)
        self.trial = TrialView(self.bench)
        self.choices = {role: ModelChoice(_WORDS[role], _NOTHING[role]) for role in ROLES}
        self._facts = {role: QLabel() for role in ROLES}
        self._lay_out()
        self._connect()
        self._refresh()

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        middle = QSplitter(Qt.Orientation.Horizontal)
        middle.addWidget(self.photos)
        middle.addWidget(self.trial)
        middle.setStretchFactor(1, 1)
        middle.setSizes([200, _SIZE[0] - 200])
        middle.setChildrenCollapsible(False)
        middle.setHandleWidth(2 * SPACE)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * SPACE, 2 * SPACE, 2 * SPACE, 2 * SPACE)
        layout.setSpacing(SPACE + SPACE // 2)
        layout.addLayout(self._model_row())
        layout.addWidget(self.messages)
        layout.addWidget(middle, 1)
        layout.addLayout(self._foot())

    def _model_row(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * SPACE)
        grid.setVerticalSpacing(SPACE // 2)
        for column, role in enumerate(ROLES):
            word = QLabel(f"&{_WORDS[role]}")
            word.setProperty("role", "heading")
            word.setBuddy(self.choices[role])
            self._facts[role].setProperty("role", "muted")
            grid.addWidget(word, 0, column)
            grid.addWidget(self.choices[role], 1, column)
            grid.addWidget(self._facts[role], 2, column)
            grid.setColumnStretch(column, 1)
        return grid

    def _foot(self) -> QHBoxLayout:
        self._progress = ProgressBar("Parts of the picture that are done")
        self._progress.setMaximumWidth(140)
        self._caption = QLabel()
        self._caption.setProperty("role", "muted")
        self._caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.go_button = _button("Cancel", "stop", self._cancel_or_go_on)
        self.save_button = _button("Save picture …", "save", self._save_picture)
        self.save_comparison_button = _button("Save comparison …", "picture", self._save_comparison)
        close = _button("Close", "close", self.close)
        row = QHBoxLayout()
        row.setSpacing(SPACE)
        row.addWidget(self._progress)
        row.addWidget(self.go_button)
        row.addWidget(self._caption, 1)
        for button in (self.save_button, self.save_comparison_button, close):
            row.addWidget(button)
        return row

    def _connect(self) -> None:
        for role, choice in self.choices.items():
            choice.chosen.connect(partial(self.use, role))
        self.bench.changed.connect(self._refresh)
        self.bench.loaded.connect(self._loaded)
        self.bench.refused.connect(self._refused)
        self.bench.failed.connect(self._tell)
        self.photos.chosen.connect(self.bench.look_at)
        self.photos.removed.connect(self.bench.forget_photo)
        self.photos.failed.connect(self._tell)
        self.photos.told.connect(self.messages.tell)
        self.finished.connect(self._leave)

    @property
    def caption(self) -> str:
        """The text about the photo: its name, and its size before and after."""
        return self._caption.text()

    # -- opening, choosing, leaving ------------------------------------------------------------

    def present(self, model: Optional[Path], models: Sequence[RunModel]) -> None:
        """Open with `model`; `models` are offered besides."""
        for choice in self.choices.values():
            choice.offer(models)
        if model is not None:
            self.use(OURS, model)
        if not self.isVisible():
            self.show()
            self.photos.choose_again()
        self.raise_()
        self.activateWindow()

    def use(self, role: str, path: Optional[Path]) -> None:
        """Load a model for `role`, or do without one."""
        self.choices[role].show_path(path)
        self._facts[role].setText("Loading …" if path else "")
        self.bench.use(role, path)
        if role == OTHER and path is None:
            self.trial.compare_with_other(False)

    def _loaded(self, role: str) -> None:
        self._facts[role].setText(self.bench.models[role].description)
        if role == OTHER:
            self.trial.compare_with_other(True)

    def _refused(self, role: str, error: Exception) -> None:
        """Say why, and show the model that is still there."""
        before = self.bench.models.get(role)
        self.choices[role].show_path(before.path if before else None)
        self._facts[role].setText(before.description if before else "")
        self._tell(error)

    def _leave(self) -> None:
        self.photos.stop()
        self.bench.close()
        for role in ROLES:
            self.choices[role].show_path(None)
            self._facts[role].clear()
        self.trial.compare_with_other(False)

    # -- drops ---------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if paths_of(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        event.acceptProposedAction()
        paths = paths_of(event.mimeData())
        weights = [path for path in paths if path.suffix.lower() in WEIGHTS]
        photos = [path for path in paths if path not in weights]
        if weights:
            self.use(OTHER if OURS in self.bench.models else OURS, weights[0])
        if photos:
            self.photos.add(photos)

    # -- what is going on ----------------------------------------------------------------------

    def _refresh(self) -> None:
        bench = self.bench
        ours, photo = bench.result(OURS), bench.photo
        working = bench.result(bench.busy) if bench.busy else None
        self._progress.setVisible(bool(bench.busy))
        self._progress.show_part(working.done if working else 0, working.count if working else None)
        unfinished = photo is not None and any(bench.result(role) is None for role in bench.models)
        self.go_button.setVisible(bool(bench.busy) or unfinished)
        self.go_button.setText("Cancel" if bench.busy else "Enlarge")
        dress(self.go_button, "stop" if bench.busy else "start")
        done = ours is not None and ours.complete
        self.save_button.setEnabled(done)
        self.save_comparison_button.setEnabled(done and not bench.busy)
        self._caption.setText(self._words(photo))
        self.trial.refresh()

    def _words(self, photo: Optional[Photo]) -> str:
        bench = self.bench
        if photo is None:
            return ""
        height, width = photo.pixels.shape[:2]
        text = f"{photo.name} · {width} × {height}"
        if OURS not in bench.models:
            return text if self.choices[OURS].path else "Choose a model to enlarge this photo."
        model, scale = bench.models[OURS], bench.models[OURS].scale
        working = bench.result(bench.busy) if bench.busy else None
        if working is not None and working.count > 1:
            return f"{bench.busy}: part {working.done} of {working.count}"
        gray = ", in gray" if model.gray and photo.coloured else ""
        return f"{text} → {width * scale} × {height * scale}{gray}"

    def _cancel_or_go_on(self) -> None:
        if self.bench.busy:
            self.bench.cancel()
        else:
            self.bench.go_on()

    def _tell(self, error: Exception) -> None:
        if isinstance(error, UserError):
            self.messages.tell("error", error.message)
        else:
            show_report(fault_report(error), self)

    # -- saving --------------------------------------------------------------------------------

    def _save_picture(self) -> None:
        photo, ours = self.bench.photo, self.bench.result(OURS)
        if photo is not None and ours is not None:
            self._save(f"{photo.name}_x{ours.model.scale}", lambda: ours.pixels)

    def _save_comparison(self) -> None:
        photo, results = self.bench.photo, [self.bench.result(role) for role in ROLES]
        made = [(result.model.path.stem, result.pixels) for result in results if result and result.complete]
        if photo is not None and results[0] is not None:
            scale = results[0].model.scale
            self._save(f"{photo.name}_x{scale}_compare", lambda: side_by_side(photo.pixels, made, scale))

    def _save(self, name: str, make: Callable[[], np.ndarray]) -> None:
        folder = Path(str(remembered().value("picture_folder", "")))
        chosen, _ = QFileDialog.getSaveFileName(self, "Save as PNG", str(folder / f"{name}.png"), "PNG (*.png)")
        if not chosen:
            return
        target = Path(chosen if chosen.lower().endswith(".png") else f"{chosen}.png")
        remembered().setValue("picture_folder", str(target.parent))
        if str(target) != chosen and target.exists():  # the file dialog has asked about `chosen` only
            answers = [("Replace", lambda: self._write(target, make))]
            ask(self, "Replace the file?", f"{target} is there already.", answers)
        else:
            self._write(target, make)

    def _write(self, target: Path, make: Callable[[], np.ndarray]) -> None:
        inputs = self.photos.files
        self._background.run(
            f"save {target}", lambda: save_png(make(), target, inputs=inputs),
            lambda path: self.messages.tell("info", f"Saved as {path}."), self._tell,
        )  # fmt: skip


def _button(text: str, icon: str, clicked: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setAutoDefault(False)
    dress(button, icon)
    button.clicked.connect(lambda: clicked())
    return button
