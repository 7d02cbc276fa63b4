"""The window "Enlarge photos": shows photos before and after upscaling, compares and blends two models, and saves.

It loads its models when it opens and frees them when it closes. A dropped weight file becomes the model to compare
with, or the model itself if there is none yet; all other dropped files are photos.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QHBoxLayout, QListWidgetItem, QSizePolicy, QSplitter, QVBoxLayout, QWidget

from app.enlarge.batch import Batch, BatchResult
from app.enlarge.blend_slider import BlendSlider
from app.enlarge.blind_dialog import BlindDialog
from app.enlarge.drag_out import DragOut
from app.enlarge.invitation import Invitation
from app.enlarge.messages import StatusRoom, TrialMessages
from app.enlarge.model_row import ModelRow
from app.enlarge.named_model import NamedModel
from app.enlarge.photo_list import PhotoList
from app.enlarge.save_all_dialog import SaveAllDialog
from app.enlarge.saving import TrialSaving
from app.enlarge.stop_question import ask_to_stop_saving
from app.enlarge.trial import MODEL_ROLES, OTHER_MODEL, THIS_MODEL, AskThread, Trial
from app.enlarge.trial_texts import describe_blend_obstacle, describe_photo, describe_saving
from app.enlarge.trial_view import TrialView
from app.help.sections import ENLARGING, set_section
from app.system.background import Background
from app.widgets.buttons import make_button
from app.widgets.dialogs import Dialog
from app.widgets.dropped_files import paths_of
from app.widgets.elided import ElidedLabel
from app.widgets.errors import bug_report, show_report
from app.widgets.icons import set_icon
from app.widgets.page_stack import PageStack
from app.widgets.progress_bar import ProgressBar
from app.widgets.theme import SPACING
from trainer_core.errors import UserError
from trainer_core.planning.recognition import WEIGHTS

_SIZE = (1000, 660)
_SAVE_TIP = "Saves the enlarged photo; or drag it from the view, with Ctrl, to a folder or another program."


class TrialDialog(Dialog):
    """Window to try one or two models on photos; it is created once and opened by `open_for`."""

    blend_export_requested = Signal(Path, Path, float)  # model, other model, share of the other
    message_posted = Signal(str, str)  # level, text: what was saved, when the window closes before all of it is

    def __init__(self, ask_thread: AskThread, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Enlarge photos")
        set_section(self, ENLARGING)
        self.setWindowFlag(Qt.WindowType.WindowMaximizeButtonHint, True)
        self.setAcceptDrops(True)
        self.resize(*_SIZE)
        self._background = background
        self.trial = Trial(ask_thread, background, self)
        self.models = ModelRow(self.trial)
        self.messages = TrialMessages()
        self.photos = PhotoList(background)
        self.saving = TrialSaving(self.trial, self.photos, self.models.named, background, self)
        self.drag_out = DragOut(self.trial, self.photos, background)
        self.trial_view = TrialView(self.trial, self.models.named)
        self.invitation = Invitation()
        self.blend = BlendSlider()
        self._ask_thread = ask_thread
        self.blind_dialog: BlindDialog | None = None
        self.batch = Batch(self.trial, ask_thread, background, self)
        self._lay_out()
        self._connect()
        self._refresh()

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        middle = QSplitter(Qt.Orientation.Horizontal)
        middle.addWidget(self.photos)
        self._pages = PageStack()
        self._pages.addWidget(self.invitation)
        self._pages.addWidget(self.trial_view)
        middle.addWidget(self._pages)
        middle.setStretchFactor(1, 1)
        middle.setSizes([200, _SIZE[0] - 200])
        middle.setChildrenCollapsible(False)
        middle.setHandleWidth(2 * SPACING)
        layout = QVBoxLayout(self.contents)
        layout.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING + SPACING // 2)
        layout.addWidget(self.models)
        layout.addWidget(self._make_pair_row())
        layout.addWidget(middle, 1)
        layout.addLayout(self._make_footer())

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
            tip="Shows each photo enlarged by both models, without their names, and asks which you like better.",
        )
        row.addWidget(self.blind_button)
        return self._pair_row

    def _make_footer(self) -> QVBoxLayout:
        """Make the room of the progress, its text and the messages, as wide as the window, and the buttons below."""
        self._progress = ProgressBar("Finished parts of the photo")
        self._progress.setMaximumWidth(140)
        self._caption = ElidedLabel()
        self._caption.setProperty("role", "muted")
        self._caption.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.continue_button = make_button("Cancel", "stop", self._cancel_or_continue)
        self.save_all_button = make_button(
            "Save all …", "folder", self._choose_folder_for_all, tip="Enlarges every photo of the list into a folder."
        )
        self.save_all_button.setProperty("role", "primary")
        set_icon(self.save_all_button, "folder", "on_accent")
        self.save_button = make_button("Save picture …", "save", self.saving.save_picture, tip=_SAVE_TIP)
        self.save_comparison_button = make_button("Save comparison …", "picture", self.saving.save_comparison)
        close = make_button("Close", "close", self.close)
        status, buttons, footer = QWidget(), QHBoxLayout(), QVBoxLayout()
        row = QHBoxLayout(status)
        row.setContentsMargins(0, 0, 0, 0)
        row.addWidget(self._progress)
        row.addWidget(self._caption, 1)
        for each in (row, buttons):
            each.setSpacing(SPACING)
        footer.setSpacing(SPACING // 2)
        footer.addWidget(StatusRoom(status, self.messages))
        footer.addLayout(buttons)
        buttons.addWidget(self.continue_button)
        buttons.addStretch(1)
        for button in (self.save_comparison_button, self.save_button, self.save_all_button, close):
            buttons.addWidget(button)
        return footer

    def _connect(self) -> None:
        self.models.changing.connect(self._on_other_model)
        self.models.refused.connect(self._report_error)
        self.models.message_posted.connect(self.messages.show_message)
        self.trial_view.view.neighbor_requested.connect(self.models.compare_with_neighbor)
        self.batch.changed.connect(self._refresh)
        self.batch.ended.connect(self._report_batch)
        self.batch.failed.connect(self._report_error)
        self.trial.changed.connect(self._refresh)
        self.trial.failed.connect(self._report_error)
        self.blend.share_changed.connect(self.trial.blend)
        self.blend.export_requested.connect(self._export_blend)
        self.invitation.photos_requested.connect(self.photos.browse)
        self.invitation.folder_requested.connect(self.photos.browse_folder)
        self.photos.photo_selected.connect(self.trial.show_photo)
        self.photos.removed.connect(self._on_photo_removed)
        self.photos.restored.connect(self.messages.dismiss)
        self.messages.undo_requested.connect(self.photos.undo_removal)
        self.photos.search_started.connect(self.messages.dismiss)  # it is about what was done before
        self.photos.list.currentItemChanged.connect(self._on_other_photo)
        self.photos.failed.connect(self._report_error)
        self.photos.message_posted.connect(self.messages.show_message)
        for source in (self.photos, self.trial_view.view):
            source.drag_requested.connect(self.drag_out.start)
        self.trial_view.view.cut_out_chosen.connect(self.saving.save_cut_out)
        for part in (self.saving, self.drag_out):
            part.message_posted.connect(self.messages.show_message)
            part.failed.connect(self._report_error)
        self.finished.connect(self._on_finished)

    @property
    def caption(self) -> str:
        """The text about the photo: its name and its size before and after."""
        return self._caption.full_text

    # -- opening, models, closing --------------------------------------------------------------

    def open_for(self, model: Path | None, models: Sequence[NamedModel]) -> None:
        """Open the window for `model`, or the built-in models, and list `models` as the other choices."""
        self.models.open_for(model, models)
        if not self.isVisible():
            self.show()
            self.photos.reload_selected()
        self.raise_()
        self.activateWindow()

    def _on_other_model(self) -> None:
        self.messages.dismiss()
        self.blend.reset()

    def reject(self) -> None:
        """Close the window; ask first while photos are being saved."""
        if self.batch.is_running:
            ask_to_stop_saving(self.batch, self._stop_and_close, self)
        else:
            super().reject()

    def _stop_and_close(self) -> None:
        self.close_at_once()
        self.message_posted.emit("info", self.messages.text)

    def close_at_once(self) -> None:
        """Stop saving and close the window."""
        self.batch.cancel()
        self.close()

    def _on_finished(self) -> None:
        self.photos.stop()
        self.trial.close()
        self.models.clear()
        self.blend.reset()
        if self.blind_dialog is not None:
            self.blind_dialog.close()

    def _on_other_photo(self, now: QListWidgetItem | None, before: QListWidgetItem | None) -> None:
        """Show the text about the photo again, unless it is the first one, which the program selects."""
        if now is not None and before is not None:
            self.messages.dismiss()

    def _on_photo_removed(self, file: Path, name: str) -> None:
        self.trial.remove_photo(file)
        self._refresh()  # the last photo is deselected before it leaves the list
        self.messages.show_removal(f"{name} is no longer in the list. Its file is kept.")

    # -- drops ---------------------------------------------------------------------------------

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders of other programs."""
        if paths_of(event.mimeData()) and event.source() is None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Use the dropped files and folders."""
        event.acceptProposedAction()
        self.use_files(paths_of(event.mimeData()))

    def use_files(self, paths: Sequence[Path]) -> None:
        """Load the first weight file and add everything else to the photos."""
        weights = [path for path in paths if path.suffix.lower() in WEIGHTS]
        photos = [path for path in paths if path not in weights]
        if weights:
            self.models.use_dropped(weights[0])
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
        self.models.show_loading()
        unfinished = photo is not None and any(trial.result(role) is None for role in trial.models)
        can_cancel = bool(trial.busy) or is_saving
        self.continue_button.setVisible(can_cancel or unfinished)
        self.continue_button.setText("Cancel" if can_cancel else "Enlarge")
        set_icon(self.continue_button, "stop" if can_cancel else "start")
        done = result is not None and result.is_complete
        self.save_button.setEnabled(done)
        self.save_comparison_button.setEnabled(done and not trial.busy)
        has_model = trial.is_built_in or trial.is_ready(THIS_MODEL)  # not the one before, while another is loaded
        self.save_all_button.setEnabled(has_model and photo is not None and not is_saving)
        self.blind_button.setEnabled(all(role in trial.models for role in MODEL_ROLES) and photo is not None)
        self._pair_row.setVisible(OTHER_MODEL in trial.models or trial.loading_path(OTHER_MODEL) is not None)
        self.blend.set_available(trial.can_blend, describe_blend_obstacle(trial))
        if is_saving:
            self._caption.set_text(describe_saving(self.batch))
        else:
            self._caption.set_text(describe_photo(trial, has_choice=self.models.has_choice))
        self.trial_view.refresh()
        self._pages.setCurrentWidget(self.trial_view if self.photos.list.count() else self.invitation)

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
        this, other = (self.models.named(self.trial.models[role].path) for role in MODEL_ROLES)
        if self.blind_dialog is None:
            self.blind_dialog = BlindDialog(self._ask_thread, self._background, self)
            self.blind_dialog.message_posted.connect(self.messages.show_message)
        photo = self.trial.photo
        watch = photo.watch if photo is not None and self.trial.is_built_in else None
        self.blind_dialog.open_for((this, other), self.photos.items, watch)

    def _export_blend(self) -> None:
        this, other = (self.trial.models[role].path for role in MODEL_ROLES)
        self.blend_export_requested.emit(this, other, self.blend.share)

    # -- saving --------------------------------------------------------------------------------

    def _choose_folder_for_all(self) -> None:
        turned_gray = self.photos.color_count if self.trial.has_gray_model else 0
        dialog = SaveAllDialog(self.photos.list.count(), turned_gray, self)
        dialog.folder_chosen.connect(self.save_all)
        dialog.open()

    def save_all(self, folder: Path) -> None:
        """Enlarge every photo of the list into `folder`."""
        self.messages.dismiss()
        self.batch.start(self.photos.items, folder)

    def _report_batch(self, result: BatchResult) -> None:
        level, text = "warning" if result.skipped else "info", result.describe(self.batch.folder)
        if result.written:
            self.messages.show_saved(level, text, self.batch.folder)
        else:
            self.messages.show_message(level, text)
