"""The dialog "Measure my watch": fits a camera profile to the user's captures, and shows how close it comes.

Closing it does not stop the work: the panel opens the same dialog again, and a message says when the work has ended.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Callable

from PySide6.QtCore import Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.form.note import NoteLabel
from app.form.project import Project
from app.help.sections import WATCH, set_section
from app.simulation.calibration import CalibrationWork, Submit
from app.simulation.capture_choice import CaptureChoice
from app.simulation.closeness_table import ClosenessTable
from app.simulation.profile_saving import ProfileSaving
from app.widgets.buttons import make_button
from app.widgets.dialogs import Dialog
from app.widgets.dropped_files import paths_of
from app.widgets.errors import bug_report, error_message, show_report
from app.widgets.icons import set_icon
from app.widgets.plain_text import PlainLabel, plain_tooltip
from app.widgets.progress_bar import ProgressBar
from app.widgets.term_label import TermLabel
from app.widgets.theme import SPACING
from trainer_core.calibration.captures import MIN_CAPTURES, FitCaptures
from trainer_core.calibration.clean_frames import MIN_PHOTOS
from trainer_core.errors import UserError
from trainer_core.sinks.event_text import format_time_left

if TYPE_CHECKING:
    from trainer_core.calibration.calibrate import Calibration

_WIDTH = 900  # pixels
_NOTE_LINES, _VERDICT_LINES = 2, 4
_INTRO = (
    "Fits a camera profile to your own watch, so that the training learns to undo what your watch does to a picture. "
    f"It needs at least {MIN_CAPTURES} different captures from one watch, as they came from it, and takes minutes."
)
_LEGEND = (
    "0 is the same, 1 about what captures differ by: up to 1 is close, above 2 far. Recognized as "
    "simulated: 0.5 is guessing, 1 always."
)
_EMPTY_NOTE = "Add photos from your watch, or drop files and folders here."
_SCENES_TIP = "Simulate watch photos of scenes that the program draws."
_PHOTOS_TIP = (
    "Simulate watch photos of the sharp photos in the form. This is more accurate if they show what you photograph."
)
_NO_PHOTOS_TIP = f"Choose a folder of at least {MIN_PHOTOS} sharp photos in the form first."
_USE_TIP = "Save the profile, and train with it instead of the built-in one."
_LOCKED_TIP = "The settings can be changed once the training has ended; until then, save the profile to a file."


class CalibrationDialog(Dialog):
    """Dialog of one calibration after the other; it is created once and opened by `open_for`."""

    message_posted = Signal(str, str)  # level, text; the end of the work while the dialog is closed

    def __init__(self, project: Project, submit: Submit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Measure my watch")
        set_section(self, WATCH)
        self.setAcceptDrops(True)
        self._project = project
        self._is_idle = True
        self._captures: FitCaptures | None = None
        self._result: Calibration | None = None
        self._saved_file: Path | None = None
        self._will_use = False  # whether the profile becomes a setting when it is saved
        self._began = 0.0  # time.monotonic() of the first step
        self.work = CalibrationWork(submit, project.background, self)
        self._saving = ProfileSaving(project.background, self)
        self.choice = CaptureChoice()
        self.table = ClosenessTable()
        self.status, self.verdict, self.saved_note = NoteLabel(_NOTE_LINES), NoteLabel(_VERDICT_LINES), NoteLabel(1)
        self.progress = ProgressBar("Tried profiles")
        self._make_buttons()
        self._lay_out()
        self._connect()
        self._read_captures()

    # -- layout --------------------------------------------------------------------------------

    def _make_buttons(self) -> None:
        self.photos_button, self.scenes_button = QPushButton("My sharp photos"), QPushButton("Built-in scenes")
        self._contents_group = QButtonGroup(self)
        for button in (self.photos_button, self.scenes_button):
            button.setCheckable(True)
            button.setAutoDefault(False)
            button.setProperty("role", "segment")
            button.setAccessibleDescription("What the simulated watch photos show")
            self._contents_group.addButton(button)
        self.scenes_button.setToolTip(_SCENES_TIP)
        self.scenes_button.setChecked(True)
        self.start_button = _make_primary("Measure", "start", self.start)
        self.stop_button = make_button("Stop", "stop", self.stop, tip="Stop measuring; nothing was written.")
        self.use_button = _make_primary("Use it for the training", "ok", self.use)
        self.save_button = make_button("Save …", "save", self.save, tip="Save the profile to a file.")
        self.close_button = make_button("Close", "close", self.close)

    def _lay_out(self) -> None:
        intro = TermLabel(_INTRO)
        intro.setWordWrap(True)
        intro.setProperty("role", "muted")
        columns = QHBoxLayout()
        columns.setSpacing(3 * SPACING)
        columns.addLayout(self._make_left_column(), 1)
        columns.addLayout(self._make_right_column(), 1)
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING)
        for button in (self.use_button, self.save_button):
            buttons.addWidget(button)
        buttons.addStretch(1)
        buttons.addWidget(self.close_button)
        layout = QVBoxLayout(self.contents)
        layout.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING + SPACING // 2)
        layout.addStrut(_WIDTH)
        layout.addWidget(intro)
        layout.addLayout(columns, 1)
        layout.addWidget(self.saved_note)
        layout.addLayout(buttons)

    def _make_left_column(self) -> QVBoxLayout:
        contents = _make_row(self.photos_button, self.scenes_button, spacing=0)
        column = QVBoxLayout()
        column.setSpacing(SPACING)
        column.addWidget(self.choice, 1)
        column.addWidget(_make_heading("Simulate watch photos of"))
        column.addLayout(contents)
        column.addSpacing(SPACING)
        column.addLayout(_make_row(self.start_button, self.stop_button, spacing=SPACING))
        column.addWidget(self.progress)
        column.addWidget(self.status)
        return column

    def _make_right_column(self) -> QVBoxLayout:
        column = QVBoxLayout()
        column.setSpacing(SPACING)
        column.addWidget(_make_heading("How close simulated watch photos come to your captures"))
        legend = PlainLabel(_LEGEND)
        legend.setWordWrap(True)
        legend.setProperty("role", "muted")
        column.addWidget(self.table)
        column.addWidget(legend)
        column.addSpacing(SPACING)
        column.addWidget(self.verdict)
        column.addStretch(1)
        return column

    def _connect(self) -> None:
        work = self.work
        self.choice.changed.connect(self._read_captures)
        work.captures_read.connect(self._on_captures_read)
        work.captures_refused.connect(self._on_captures_refused)
        work.advanced.connect(self._on_advanced)
        work.ended.connect(self._on_ended)
        work.failed.connect(self._on_failed)
        self._saving.saved.connect(self._on_saved)
        self._saving.failed.connect(self._on_not_saved)
        self._project.changed.connect(self._refresh)

    # -- opening -------------------------------------------------------------------------------

    def open_for(self, captures: Sequence[Path]) -> None:
        """Open the dialog, and add files with captures to those that it has."""
        if not self.work.is_running:
            self.choice.add(captures)
            if self._photos_folder is not None and self._result is None:
                self.photos_button.setChecked(True)
        self._refresh()
        self.show()
        self.raise_()
        self.activateWindow()

    def set_idle(self, idle: bool) -> None:
        """Let the result become a setting only while no training runs (`idle`)."""
        self._is_idle = idle
        self._refresh()

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        """Accept files and folders while nothing is measured."""
        if paths_of(event.mimeData()) and not self.work.is_running:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        """Add the dropped files and folders."""
        event.acceptProposedAction()
        self.choice.add(paths_of(event.mimeData()))

    # -- captures ------------------------------------------------------------------------------

    def _read_captures(self) -> None:
        self._captures = None
        if self.choice.paths:
            self._show_captures_note("Reading …", "muted")
            self.work.read_captures(list(self.choice.paths))
        else:
            self.work.stop()
            self._show_captures_note(_EMPTY_NOTE, "muted")
        self._refresh()

    def _on_captures_read(self, captures: FitCaptures) -> None:
        self._captures = captures
        self._show_captures_note(captures.describe(), "")
        if self._result is None:
            self.table.show_aspects(captures.kind)
        self._refresh()

    def _on_captures_refused(self, error: Exception) -> None:
        self._show_captures_note(self._explain(error, "The captures could not be read"), "error")

    def _show_captures_note(self, text: str, role: str) -> None:
        _show(self.choice.note, text, role)

    # -- measuring -----------------------------------------------------------------------------

    @property
    def _photos_folder(self) -> Path | None:
        """The folder of sharp photos in the form, None without enough of them."""
        scan, config = self._project.source.scan, self._project.draft.config
        has_photos = scan is not None and len(scan.photos) >= MIN_PHOTOS and not self._project.source.problem
        return Path(config.source_dir) if config.source_dir and has_photos else None

    def start(self) -> None:
        """Measure the captures."""
        if self._captures is not None:
            self._result, self._saved_file, self._began = None, None, 0.0
            self.table.show_aspects(self._captures.kind)
            for note in (self.verdict, self.saved_note):
                _show(note, "")
            self.work.start(self._captures, self._photos_folder if self.photos_button.isChecked() else None)
            self._refresh()

    def stop(self) -> None:
        """Stop measuring."""
        self.work.stop()
        self.progress.set_progress(0, 1)
        _show(self.status, "Stopped. Nothing was written.", "muted")
        self._refresh()

    def _on_advanced(self, tried: int, count: int) -> None:
        if not count:
            self.progress.set_busy()
            _show(self.status, "Preparing the photos …", "muted")
            return
        self._began = self._began or time.monotonic()
        self.progress.set_progress(tried, count)
        _show(self.status, self._describe_progress(tried, count), "muted")

    def _describe_progress(self, tried: int, count: int) -> str:
        parts = [f"Tried {tried} of {count} profiles"]
        if 0 < tried < count:
            parts.append(format_time_left((time.monotonic() - self._began) / tried * (count - tried)))
        if not self._is_idle:
            parts.append("slower while the training runs, because it works between its steps")
        return " · ".join(parts)

    def _on_ended(self, result: Calibration) -> None:
        self._result = result
        self.progress.set_progress(1, 1)
        _show(self.status, "Done. The profile is not saved yet.", "muted")
        self.table.show_result(result)
        verdict = _describe(result)
        _show(self.verdict, verdict)
        self._report("info", f"Your watch is measured. {verdict} “Measure my watch” shows the result.")
        self._refresh()

    def _on_failed(self, error: Exception) -> None:
        self.progress.set_progress(0, 1)
        text = self._explain(error, "Measuring has ended because a file could not be read")
        _show(self.status, text, "error")
        self._report("error", text)
        self._refresh()

    def _report(self, level: str, text: str) -> None:
        if not self.isVisible():
            self.message_posted.emit(level, text)

    def _explain(self, error: Exception, what: str) -> str:
        """Return an error in a sentence; an unexpected one also opens its report."""
        if isinstance(error, UserError):
            return error.message
        if isinstance(error, OSError):
            return f"{what}: {error_message(error)}. Try again."
        show_report(bug_report(error), self)
        return "Measuring has ended because of an unexpected error."

    # -- the profile ---------------------------------------------------------------------------

    def use(self) -> None:
        """Set the profile in the form; save it first if it has no file yet."""
        if self._saved_file is None:
            self._save(will_use=True)
        else:
            self._set_in_form(self._saved_file)

    def save(self) -> None:
        """Ask for a file and save the profile."""
        self._save(will_use=False)

    def _save(self, *, will_use: bool) -> None:
        if self._result is not None:
            self._will_use = will_use
            self._saving.save(self._result, self._default_folder())

    def _default_folder(self) -> Path:
        """Return the workspace, else the folder beside the first captures."""
        workspace = self._project.workspace
        if workspace is not None and os.path.isdir(workspace.root):
            return workspace.root
        return self.choice.paths[0].parent if self.choice.paths else Path.home()

    def _on_saved(self, result: Calibration, path: Path) -> None:
        self._result, self._saved_file = result, path
        _show(self.status, "Done.", "muted")
        if self._will_use:
            self._set_in_form(path)
        else:
            _show(self.saved_note, f"Saved to {path}.", "success")

    def _on_not_saved(self, error: Exception) -> None:
        text = self._explain(error, "The profile could not be saved")
        _show(self.saved_note, text, "error")

    def _set_in_form(self, path: Path) -> None:
        if self._is_idle:
            self._project.set_path("camera_profile", str(path))
            _show(self.saved_note, f"The training will use {path}.", "success")

    # -- display -------------------------------------------------------------------------------

    def _refresh(self) -> None:
        is_running, has_result = self.work.is_running, self._result is not None
        self.choice.set_locked(is_running)
        has_photos = self._photos_folder is not None
        if not has_photos and not is_running:
            self.scenes_button.setChecked(True)
        self.photos_button.setEnabled(has_photos and not is_running)
        self.photos_button.setToolTip(plain_tooltip(_PHOTOS_TIP if has_photos else _NO_PHOTOS_TIP))
        self.scenes_button.setEnabled(not is_running)
        self.start_button.setEnabled(self._captures is not None and not is_running)
        self.stop_button.setEnabled(is_running)
        self.use_button.setEnabled(has_result and self._is_idle)
        self.use_button.setToolTip(plain_tooltip(_USE_TIP if self._is_idle else _LOCKED_TIP))
        self.save_button.setEnabled(has_result)


def _describe(result: Calibration) -> str:
    """Return what a calibration has reached, and how much of the distance comes from few captures."""
    before, after = (f"{score.distance:.2f}" for score in (result.builtin, result.fitted))
    if result.is_closer and before == after:
        text = f"Your profile is hardly closer to your captures than the built-in one ({after})."
    elif result.is_closer:
        text = f"Your profile is closer to your captures than the built-in one ({before} → {after})."
    else:
        text = "Your profile is no closer than the built-in one. Keep the built-in one, or measure more captures."
    return f"{text} One half of your captures differs from the other by {result.split_half_distances[0]:.2f}."


def _show(label: NoteLabel, text: str, role: str = "") -> None:
    label.setProperty("role", role)
    label.style().unpolish(label)
    label.style().polish(label)
    label.show_text(text, tooltip=text)


def _make_primary(text: str, icon: str, clicked: Callable[[], object]) -> QPushButton:
    button = make_button(text, icon, clicked)
    button.setProperty("role", "primary")
    set_icon(button, icon, "on_accent")
    return button


def _make_heading(text: str) -> PlainLabel:
    label = PlainLabel(text)
    label.setProperty("role", "heading")
    return label


def _make_row(*widgets: QWidget, spacing: int) -> QHBoxLayout:
    row = QHBoxLayout()
    row.setSpacing(spacing)
    for widget in widgets:
        row.addWidget(widget, 1)
    return row
