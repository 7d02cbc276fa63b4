"""The tab "What the watch sees": a grid of simulated pairs, one pair in full size, and the user's captures below.

Watch photos that the user drops on the tab are added to the captures; the window handles all other drops.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QPushButton, QScrollArea, QVBoxLayout, QWidget

from app.form.project import Project
from app.help.sections import WATCH, set_section
from app.simulation.calibration import Submit
from app.simulation.calibration_dialog import CalibrationDialog
from app.simulation.captures import MAX_CAPTURES, CaptureRow
from app.simulation.grid import PairGrid
from app.simulation.pair_page import PairPage
from app.simulation.simulator import PairSimulator
from app.widgets.file_filters import CAPTURE_FOLDER, PICTURES, start_folder, store_folder
from app.widgets.icons import pixmap, set_icon
from app.widgets.page_stack import PageStack
from app.widgets.plain_text import PlainLabel
from app.widgets.scroll_bar import reserve_scroll_bar
from app.widgets.term_label import TermLabel
from app.widgets.theme import SPACING, theme, theme_colors
from trainer_core.data.captures import Capture, read_captures
from trainer_core.errors import UserError
from trainer_core.training.simulated_view import PAIR_COUNT, WatchCamera, WatchPair
from trainer_core.verbs.picture_files import find_pictures
from trainer_core.watches import WATCHES, select_watch

_LEGEND_TEXT = "Left: what the watch makes of your photo. Right: what the network should make of that."
_PARTIAL_FRAME_TEXT = "Small photos fill only part of the frame."
_MAX_REPORTED = 3
_UnreadFiles = list[tuple[Path, UserError]]


class SimulationPanel(QWidget):
    """Panel that shows the pairs of a `PairSimulator` and the user's captures."""

    message_posted = Signal(str, str)  # level, text
    captures_requested = Signal()  # to choose captures in a file dialog
    folder_added = Signal(object)  # list of paths with captures, those of the chosen watch first; likewise

    def __init__(self, simulator: PairSimulator, project: Project, submit: Submit) -> None:
        super().__init__()
        set_section(self, WATCH)
        self._simulator, self._background = simulator, project.background
        self._project, self._submit = project, submit
        self.calibration_dialog: CalibrationDialog | None = None
        self._capture_files: list[Path] = []
        self._pinned_files: list[Path] = []  # those of the workspace that was opened last
        self._is_idle = True
        self._read_count = 0
        self._open = -1  # index of the pair in full size, -1: none
        self.grid, self.large, self.row = PairGrid(), PairPage(), CaptureRow()
        self.others_button = QPushButton("Show others")
        self.others_button.setToolTip("Show other photos with new random camera parameters.")
        set_icon(self.others_button, "others")
        self._lay_out()
        self._connect()
        self._show_reason(simulator.reason)

    # -- layout --------------------------------------------------------------------------------

    def _lay_out(self) -> None:
        self._pages = PageStack()
        for page in (self._make_empty_page(), self._make_grid_page(), self.large):
            self._pages.addWidget(page)
        line = QFrame()
        line.setProperty("role", "line")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addWidget(self._pages, 1)
        layout.addWidget(line)
        layout.addWidget(self.row)

    def _make_empty_page(self) -> QWidget:
        page = QWidget()
        self._icon_label, self._reason = PlainLabel(), PlainLabel()
        self._reason.setWordWrap(True)
        self._reason.setProperty("role", "muted")
        layout = QVBoxLayout(page)
        layout.setSpacing(2 * SPACING)
        layout.addStretch(1)
        for label in (self._icon_label, self._reason):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
            layout.addWidget(label)
        layout.addStretch(1)
        theme().changed.connect(self._apply_theme)
        self._apply_theme()
        return page

    def _apply_theme(self) -> None:
        self._icon_label.setPixmap(pixmap("preview", theme_colors().muted, 40))

    def _make_grid_page(self) -> QWidget:
        page = QWidget()
        self._title, self._legend = PlainLabel(), TermLabel(_LEGEND_TEXT)
        self._title.setProperty("role", "heading")
        self._legend.setProperty("role", "muted")
        for label in (self._title, self._legend):
            label.setWordWrap(True)
        texts = QVBoxLayout()
        texts.setSpacing(0)
        texts.addWidget(self._title)
        texts.addWidget(self._legend)
        head = QHBoxLayout()
        head.addLayout(texts, 1)
        head.addWidget(self.others_button, 0, Qt.AlignmentFlag.AlignTop)
        scroll = QScrollArea()
        scroll.setWidget(self.grid)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        reserve_scroll_bar(scroll)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(SPACING)
        layout.addLayout(head)
        layout.addWidget(scroll, 1)
        return page

    def _connect(self) -> None:
        self._simulator.started.connect(self._on_started)
        self._simulator.pair_ready.connect(self._show_pair)
        self._simulator.ended.connect(self._on_finished)
        self._simulator.failed.connect(self._show_reason)
        self.others_button.clicked.connect(lambda: self._simulator.show_others())
        self.grid.clicked.connect(self.open_pair)
        self.grid.pixel_size_changed.connect(self.row.set_pixel_size)
        self.large.back_requested.connect(self.close_pair)
        self.large.step_requested.connect(self._step_pair)
        self.row.choose_requested.connect(self.captures_requested)
        self.row.folder_requested.connect(self._choose_folder)
        self.row.clicked.connect(self._open_capture)
        self.row.remove_requested.connect(self._on_captures_removed)
        self.row.calibration_requested.connect(self.open_calibration)

    # -- pairs ---------------------------------------------------------------------------------

    def _on_started(self, camera: WatchCamera) -> None:
        self.grid.reset(PAIR_COUNT, camera.spec)
        self._title.setText(camera.description)
        self._legend.setText(_LEGEND_TEXT)
        if self._pages.currentIndex() == 0:
            self._pages.setCurrentIndex(1)

    def _show_pair(self, index: int, pair: WatchPair) -> None:
        self.grid.show_pair(index, pair)
        if not self.grid.fills_frame(pair):
            self._legend.setText(f"{_LEGEND_TEXT} {_PARTIAL_FRAME_TEXT}")
        if index == self._open:
            self._show_open_pair()

    def _on_finished(self, count: int) -> None:
        self.grid.truncate(count)
        if self._open >= count:
            self.close_pair()
        if count == 0:
            self._show_reason("None of these photos can be read. Choose another folder of photos.")

    def _show_reason(self, reason: str) -> None:
        self._open = -1
        self._reason.setText(reason)
        self._pages.setCurrentIndex(0)

    @property
    def reason(self) -> str:
        """The text shown in place of the pairs, "" if the pairs are shown."""
        return self._reason.text() if self._pages.currentIndex() == 0 else ""

    def set_idle(self, idle: bool) -> None:
        """Enable the button "Show others" and the simulation while no training runs (`idle`)."""
        self._is_idle = idle
        self.others_button.setEnabled(idle)
        self._simulator.set_idle(idle)
        if self.calibration_dialog is not None:
            self.calibration_dialog.set_idle(idle)

    def stop(self) -> None:
        """Stop making pairs and measuring the watch, because the window closes."""
        self._simulator.stop()
        if self.calibration_dialog is not None:
            self.calibration_dialog.work.stop()
            self.calibration_dialog.close()

    def open_pair(self, index: int) -> None:
        """Show a pair in full size."""
        if index in self.grid.pairs:
            self._open = index
            self._pages.setCurrentWidget(self.large)
            self._show_open_pair()
            self.large.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_pair(self) -> None:
        """Go back to the grid and focus the pair that was open."""
        index, self._open = self._open, -1
        self._pages.setCurrentIndex(1)
        if 0 <= index < len(self.grid.cells):
            self.grid.cells[index].setFocus(Qt.FocusReason.OtherFocusReason)

    def _step_pair(self, offset: int) -> None:
        if self._open in self.grid.pairs:
            indices = sorted(self.grid.pairs)
            self.open_pair(indices[(indices.index(self._open) + offset) % len(indices)])

    def _show_open_pair(self) -> None:
        pair = self.grid.pairs.get(self._open)
        if pair is not None:
            self.large.show_pair(pair, self.row.matching_capture(pair.lr))

    def _open_capture(self, capture: int) -> None:
        """Show a capture in full size beside the open pair, or the first pair if none is open."""
        self.row.chosen = capture
        self.open_pair(max(0, self._open))

    def showEvent(self, event: QShowEvent) -> None:
        """Start the simulation when the tab is shown."""
        super().showEvent(event)
        self._simulator.set_visible(True)

    def hideEvent(self, event: QHideEvent) -> None:
        """Stop the simulation while the tab is hidden."""
        super().hideEvent(event)
        self._simulator.set_visible(False)

    # -- captures ------------------------------------------------------------------------------

    def add_captures(self, paths: Sequence[Path]) -> None:
        """Show the watch photos in these files, and a message about files that cannot be read."""
        self._read(paths, self._report_unread)

    def _choose_folder(self) -> None:
        """Ask for a folder, and show the watch photos in it and its subfolders; other files are passed over.

        Previews show the first of those that the chosen watch took.
        """
        start = str(start_folder(CAPTURE_FOLDER, PICTURES))
        chosen = QFileDialog.getExistingDirectory(self, "Choose a folder with photos from your watch", start)
        if chosen:
            store_folder(CAPTURE_FOLDER, Path(chosen) / "any")
            mono = self._project.draft.config.monochrome_style
            self._background.run_job(
                "folder of captures", lambda: _find_captures(Path(chosen), mono), self._add_found, self._on_not_found
            )

    def _on_not_found(self, error: Exception) -> None:
        if not isinstance(error, UserError):
            raise error
        self.message_posted.emit("error", error.message)

    def _add_found(self, files: Sequence[Path]) -> None:
        if files:
            self.folder_added.emit(list(files))
        else:
            self.message_posted.emit("warning", "There are no photos of the watch in this folder. Choose another one.")

    def show_pinned(self, files: Sequence[Path]) -> None:
        """Show the photos pinned in an opened workspace in place of those of the one before, but of no others."""
        files, before = list(files), self._pinned_files
        if files != before and self._capture_files in ([], before):
            self._pinned_files = files
            self.row.remove_all()
            self._read(files, lambda unread: None)

    def _report_unread(self, unread: _UnreadFiles) -> None:
        if unread:
            self.message_posted.emit("error", "\n".join(error.message for _, error in unread[:_MAX_REPORTED]))

    def _read(self, paths: Sequence[Path], done: Callable[[_UnreadFiles], object]) -> None:
        self._read_count += 1  # a job name of its own, so that a second drop does not replace the first

        def show(result: tuple[list[Capture], _UnreadFiles]) -> None:
            captures, unread = result
            refused = [path for path, _ in unread]
            self._capture_files += [path for path in paths if path not in refused]
            if self.row.add(captures):
                self.message_posted.emit(
                    "info", f"Only the first {MAX_CAPTURES} watch photos are shown. Press Remove, then choose others."
                )
            self._show_open_pair()
            done(unread)

        self._background.run_job(f"captures {self._read_count}", lambda: _read_all(paths), show, _raise_error)

    def _on_captures_removed(self) -> None:
        self._capture_files = []
        self._show_open_pair()

    def open_calibration(self) -> None:
        """Open the dialog that measures the watch, with the captures shown here."""
        if self.calibration_dialog is None:
            self.calibration_dialog = CalibrationDialog(self._project, self._submit, self.window())
            self.calibration_dialog.message_posted.connect(self.message_posted)
        self.calibration_dialog.set_idle(self._is_idle)
        self.calibration_dialog.open_for(self._capture_files)


def _raise_error(error: Exception) -> None:
    raise error


def _find_captures(folder: Path, mono: bool) -> list[Path]:
    """Return the files with watch photos in a folder and its subfolders: one more than can be shown, at most.

    Those of the mono or the color watch, which is chosen, come first.
    """
    chosen: list[Path] = []
    others: list[Path] = []
    for file in find_pictures([folder]):
        with contextlib.suppress(UserError):
            found = chosen if WATCHES[read_captures(file)[0].kind] == select_watch(mono=mono) else others
            found.append(file)
        if len(chosen) > MAX_CAPTURES:
            break
    return [*chosen, *others][: MAX_CAPTURES + 1]


def _read_all(paths: Sequence[Path]) -> tuple[list[Capture], _UnreadFiles]:
    """Read the captures of all files; return them and the files that cannot be read, with their errors."""
    captures: list[Capture] = []
    unread: _UnreadFiles = []
    for path in paths:
        try:
            captures += read_captures(path)
        except UserError as error:
            unread.append((path, error))
    return captures, unread
