"""The window "Enlarge photos": shows photos before and after upscaling, compares and blends two models, and saves.

It loads its models when it opens and frees them when it closes. A dropped weight file becomes the model to compare
with, or the model itself if there is none yet; all other dropped files are photos.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Callable

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFileDialog, QGridLayout, QHBoxLayout, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from app.background import Background
from app.cards import MessageStrip
from app.deploy.batch import Batch, BatchResult
from app.deploy.blend_slider import BlendSlider
from app.deploy.blind_dialog import BlindDialog
from app.deploy.buttons import make_button
from app.deploy.model_choice import ModelChoice
from app.deploy.photo_list import PhotoList
from app.deploy.trial import BLEND, MODEL_ROLES, OTHER_MODEL, THIS_MODEL, AskThread, Trial, TrialPhoto, UpscaledPhoto
from app.deploy.trial_view import TrialView
from app.dialogs import Dialog
from app.drops import paths_of
from app.elided import ElidedLabel
from app.errors import bug_report, show_report
from app.file_filters import PICTURES, start_folder, store_folder
from app.icons import set_icon
from app.plain_text import PlainLabel
from app.progress_bar import ProgressBar
from app.questions import ask_question
from app.theme import SPACING
from trainer_core.errors import UserError
from trainer_core.planning.recognition import WEIGHTS
from trainer_core.starters.registry import find_starters
from trainer_core.verbs.output_files import save_png
from trainer_core.verbs.picture_files import compose_comparison
from trainer_core.workspace.models import RunModel

_SIZE = (1000, 660)
_FOLDER = "picture_folder"
_ROLE_LABELS = {THIS_MODEL: "Model", OTHER_MODEL: "Compare with"}
_BLEND_REASON = "Only models of the same size can be blended."
_NONE_TEXTS = {THIS_MODEL: "Choose or drop a weight file", OTHER_MODEL: "Bicubic only"}


class TrialDialog(Dialog):
    """Window to try one or two models on photos; it is created once and opened by `open_for`."""

    blend_export_requested = Signal(Path, Path, float)  # model, other model, share of the other

    def __init__(self, ask_thread: AskThread, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Enlarge photos")
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint, True)
        self.setAcceptDrops(True)
        self.resize(*_SIZE)
        self._background = background
        self.trial = Trial(ask_thread, background, self)
        self.messages = MessageStrip()
        self.photos = PhotoList(background)
        self.trial_view = TrialView(self.trial)
        self.blend = BlendSlider()
        self._ask_thread = ask_thread
        self.blind_dialog: BlindDialog | None = None
        self.batch = Batch(self.trial, ask_thread, background, self)
        self.choices = {
            role: ModelChoice(_ROLE_LABELS[role], _NONE_TEXTS[role], offers_built_in=role == THIS_MODEL)
            for role in MODEL_ROLES
        }
        self._description_labels = {role: PlainLabel() for role in MODEL_ROLES}
        self._lay_out()
        self._connect()
        self._refresh()

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        middle = QSplitter(Qt.Orientation.Horizontal)
        middle.addWidget(self.photos)
        middle.addWidget(self.trial_view)
        middle.setStretchFactor(1, 1)
        middle.setSizes([200, _SIZE[0] - 200])
        middle.setChildrenCollapsible(False)
        middle.setHandleWidth(2 * SPACING)
        layout = QVBoxLayout(self.contents)
        layout.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING + SPACING // 2)
        layout.addLayout(self._make_model_row())
        layout.addWidget(self._make_pair_row())
        layout.addWidget(self.messages)
        layout.addWidget(middle, 1)
        layout.addLayout(self._make_footer())

    def _make_model_row(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * SPACING)
        grid.setVerticalSpacing(SPACING // 2)
        for column, role in enumerate(MODEL_ROLES):
            label = PlainLabel(f"&{_ROLE_LABELS[role]}")
            label.setProperty("role", "heading")
            label.setBuddy(self.choices[role])
            self._description_labels[role].setProperty("role", "muted")
            grid.addWidget(label, 0, column)
            grid.addWidget(self.choices[role], 1, column)
            grid.addWidget(self._description_labels[role], 2, column)
            grid.setColumnStretch(column, 1)
        return grid

    def _make_pair_row(self) -> QWidget:
        """Make the row of what needs two models, which is visible once there are two."""
        self._pair_row = QWidget()
        row = QHBoxLayout(self._pair_row)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACING)
        row.addWidget(self.blend, 1)
        self.blind_button = make_button(
            "Compare blindly …",
            "compare",
            self._compare_blindly,
            tip="Shows both models' images of each photo without their names, and asks which is better",
        )
        row.addWidget(self.blind_button)
        return self._pair_row

    def _make_footer(self) -> QHBoxLayout:
        self._progress = ProgressBar("Finished parts of the photo")
        self._progress.setMaximumWidth(140)
        self._caption = ElidedLabel()
        self._caption.setProperty("role", "muted")
        self._caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.continue_button = make_button("Cancel", "stop", self._cancel_or_continue)
        self.save_all_button = make_button(
            "Save all …", "folder", self._choose_folder_for_all, tip="Enlarges every photo of the list into a folder"
        )
        self.save_all_button.setProperty("role", "primary")
        set_icon(self.save_all_button, "folder", "on_accent")
        self.save_button = make_button("Save picture …", "save", self._save_picture)
        self.save_comparison_button = make_button("Save comparison …", "picture", self._save_comparison)
        close = make_button("Close", "close", self.close)
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addWidget(self._progress)
        row.addWidget(self.continue_button)
        row.addWidget(self._caption, 1)
        for button in (self.save_comparison_button, self.save_button, self.save_all_button, close):
            row.addWidget(button)
        return row

    def _connect(self) -> None:
        for role, choice in self.choices.items():
            choice.model_chosen.connect(partial(self.load_model, role))
        self.choices[THIS_MODEL].built_in_chosen.connect(self.use_built_in)
        self.batch.changed.connect(self._refresh)
        self.batch.ended.connect(self._report_batch)
        self.trial.changed.connect(self._refresh)
        self.trial.model_loaded.connect(self._on_model_loaded)
        self.trial.model_refused.connect(self._on_model_refused)
        self.trial.failed.connect(self._report_error)
        self.blend.share_changed.connect(self.trial.blend)
        self.blend.export_requested.connect(self._export_blend)
        self.photos.photo_selected.connect(self.trial.show_photo)
        self.photos.removed.connect(self.trial.remove_photo)
        self.photos.failed.connect(self._report_error)
        self.photos.message_posted.connect(self.messages.show_message)
        self.finished.connect(self._on_finished)

    @property
    def caption(self) -> str:
        """The text about the photo: its name and its size before and after."""
        return self._caption.full_text

    # -- opening, models, closing --------------------------------------------------------------

    def open_for(self, model: Path | None, models: Sequence[RunModel]) -> None:
        """Open the window for `model`, or the built-in models, and list `models` as the other choices."""
        built_in = [RunModel(starter.path, "built-in") for starter in find_starters()]
        for choice in self.choices.values():
            choice.set_models([*models, *built_in])
        if model is not None:
            self.load_model(THIS_MODEL, model)
        elif built_in:
            self.use_built_in()
        if not self.isVisible():
            self.show()
            self.photos.reload_selected()
        self.raise_()
        self.activateWindow()

    def load_model(self, role: str, path: Path | None) -> None:
        """Load a model for `role`; None removes the role's model."""
        self.choices[role].show_path(path)
        self._description_labels[role].setText("Loading …" if path else "")
        self.blend.reset()
        self.trial.load_model(role, path)

    def use_built_in(self) -> None:
        """Upscale each photo with the built-in model that suits it."""
        self.choices[THIS_MODEL].show_built_in()
        self.blend.reset()
        self.trial.use_built_in()

    def _on_model_loaded(self, role: str) -> None:
        if role != BLEND:
            self._description_labels[role].setText(self.trial.models[role].description)

    def _on_model_refused(self, role: str, error: Exception) -> None:
        """Report the error and show the role's previous model, which is still loaded."""
        previous = self.trial.models.get(role)
        if role == THIS_MODEL and self.trial.is_built_in:
            self.choices[role].show_built_in()
        else:
            self.choices[role].show_path(previous.path if previous else None)
        self._description_labels[role].setText(previous.description if previous else "")
        self._report_error(error)

    def _on_finished(self) -> None:
        self.photos.stop()
        self.batch.cancel()
        self.trial.close()
        for role in MODEL_ROLES:
            self.choices[role].show_path(None)
            self._description_labels[role].clear()
        self.blend.reset()
        if self.blind_dialog is not None:
            self.blind_dialog.close()

    # -- drops ---------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders."""
        if paths_of(event.mimeData()):
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Load the first weight file and add everything else to the photos."""
        event.acceptProposedAction()
        paths = paths_of(event.mimeData())
        weights = [path for path in paths if path.suffix.lower() in WEIGHTS]
        photos = [path for path in paths if path not in weights]
        if weights:
            has_model = self.trial.is_built_in or THIS_MODEL in self.trial.models
            self.load_model(OTHER_MODEL if has_model else THIS_MODEL, weights[0])
        if photos:
            self.photos.add(photos)

    # -- progress ------------------------------------------------------------------------------

    def _refresh(self) -> None:
        trial = self.trial
        result, photo = trial.result(trial.main_role), trial.photo
        working = trial.result(trial.busy) if trial.busy else None
        is_saving = self.batch.is_running
        self._progress.setVisible(bool(trial.busy) or is_saving)
        if is_saving:
            self._progress.set_progress(self.batch.done, self.batch.count)
        else:
            self._progress.set_progress(working.tiles_done if working else 0, working.tile_count if working else None)
        unfinished = photo is not None and any(trial.result(role) is None for role in trial.models)
        can_cancel = bool(trial.busy) or is_saving
        self.continue_button.setVisible(can_cancel or unfinished)
        self.continue_button.setText("Cancel" if can_cancel else "Upscale")
        set_icon(self.continue_button, "stop" if can_cancel else "start")
        done = result is not None and result.is_complete
        self.save_button.setEnabled(done)
        self.save_comparison_button.setEnabled(done and not trial.busy)
        has_model = trial.is_built_in or THIS_MODEL in trial.models
        self.save_all_button.setEnabled(has_model and photo is not None and not is_saving)
        self.blind_button.setEnabled(all(role in trial.models for role in MODEL_ROLES) and photo is not None)
        self._pair_row.setVisible(OTHER_MODEL in trial.models)
        self.blend.set_available(trial.can_blend, _BLEND_REASON)
        if is_saving:
            number = min(self.batch.done + 1, self.batch.count)
            self._caption.set_text(f"Saving photo {number} of {self.batch.count} …")
        else:
            self._caption.set_text(self._describe_photo(photo))
        self.trial_view.refresh()

    def _describe_photo(self, photo: TrialPhoto | None) -> str:
        trial = self.trial
        if photo is None:
            return ""
        height, width = photo.pixels.shape[:2]
        text = f"{photo.name} · {width} × {height}"
        if THIS_MODEL not in trial.models:
            is_loading = self.choices[THIS_MODEL].path or trial.is_built_in
            return text if is_loading else "Choose a model to upscale this photo."
        model, scale = trial.models[THIS_MODEL], trial.models[THIS_MODEL].scale
        working = trial.result(trial.busy) if trial.busy else None
        if working is not None and working.tile_count > 1:
            return f"{trial.busy}: part {working.tiles_done} of {working.tile_count}"
        gray = ", in gray" if model.gray and photo.has_color else ""
        return f"{text} → {width * scale} × {height * scale}{gray}"

    def _cancel_or_continue(self) -> None:
        if self.batch.is_running:
            self.batch.cancel()
        elif self.trial.busy:
            self.trial.cancel()
        else:
            self.trial.continue_upscaling()

    def _report_error(self, error: Exception) -> None:
        if isinstance(error, UserError):
            self.messages.show_message("error", error.message)
        else:
            show_report(bug_report(error), self)

    # -- two models ----------------------------------------------------------------------------

    def _compare_blindly(self) -> None:
        this, other = (self.trial.models[role].path for role in MODEL_ROLES)
        if self.blind_dialog is None:
            self.blind_dialog = BlindDialog(self._ask_thread, self._background, self)
        self.blind_dialog.open_for((this, other), self.photos.items)

    def _export_blend(self) -> None:
        this, other = (self.trial.models[role].path for role in MODEL_ROLES)
        self.blend_export_requested.emit(this, other, self.blend.share)

    # -- saving --------------------------------------------------------------------------------

    def _save_picture(self) -> None:
        photo, result = self.trial.photo, self.trial.result(self.trial.main_role)
        if photo is not None and result is not None:
            self._save(f"{photo.name}_x{result.model.scale}", lambda: result.pixels)

    def _choose_folder_for_all(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self, "Choose a folder for the enlarged photos", str(start_folder(_FOLDER, PICTURES))
        )
        if folder:
            store_folder(_FOLDER, Path(folder) / "any")
            self.save_all(Path(folder))

    def save_all(self, folder: Path) -> None:
        """Enlarge every photo of the list into `folder`."""
        self.batch.start(self.photos.items, folder)

    def _report_batch(self, result: BatchResult) -> None:
        count = len(result.written)
        where = f"Saved {count} photo{'s' * (count != 1)} to {self.batch.folder}."
        lines = [
            f"Canceled. {where}" if result.is_canceled else where,
            *(f"Skipped: {text}" for text in result.skipped),
        ]
        self.messages.show_message("warning" if result.skipped else "info", "\n".join(lines))

    def _save_comparison(self) -> None:
        photo, results = self.trial.photo, {role: self.trial.result(role) for role in (*MODEL_ROLES, BLEND)}
        complete = [(_name(role, each), each.pixels) for role, each in results.items() if each and each.is_complete]
        this = results[THIS_MODEL]
        if photo is not None and this is not None:
            scale = this.model.scale
            self._save(f"{photo.name}_x{scale}_compare", lambda: compose_comparison(photo.pixels, complete, scale))

    def _save(self, name: str, make_image: Callable[[], np.ndarray]) -> None:
        folder = start_folder(_FOLDER, PICTURES)
        chosen, _ = QFileDialog.getSaveFileName(self, "Save as PNG", str(folder / f"{name}.png"), "PNG (*.png)")
        if not chosen:
            return
        target = Path(chosen if chosen.lower().endswith(".png") else f"{chosen}.png")
        store_folder(_FOLDER, target)
        if str(target) != chosen and os.path.exists(target):  # the file dialog has only asked about `chosen`
            answers = [("Replace", lambda: self._write(target, make_image))]
            ask_question(self, "Replace the file?", f"{target} already exists.", answers)
        else:
            self._write(target, make_image)

    def _write(self, target: Path, make_image: Callable[[], np.ndarray]) -> None:
        inputs = self.photos.files
        self._background.run_job(
            f"save {target}",
            lambda: save_png(make_image(), target, inputs=inputs),
            lambda path: self.messages.show_message("info", f"Saved to {path}."),
            self._report_error,
        )


def _name(role: str, result: UpscaledPhoto) -> str:
    return f"blend, {result.model.description}" if role == BLEND else result.model.path.stem
