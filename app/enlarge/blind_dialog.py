"""The dialog "Blind comparison": which of two images of a photo is better, without knowing which model made it.

It upscales the photos of the trial with both models in the training thread, tile by tile, asks about each pair as soon
as both images are there, and saves the answers beside the first model, after each answer.
"""

from __future__ import annotations

import random
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.enlarge.blind_verdict import BlindVerdict
from app.enlarge.named_model import NamedModel, tell_apart
from app.enlarge.trial import TILE, AskThread
from app.preview.compare import SIDE_BY_SIDE, CompareView
from app.preview.pictures import Pictures, wrap_pixels
from app.system.background import Background
from app.widgets.buttons import make_button
from app.widgets.dialogs import Dialog
from app.widgets.errors import bug_report, error_message, show_report
from app.widgets.plain_text import PlainLabel, visible
from app.widgets.progress_bar import ProgressBar
from app.widgets.theme import SPACING
from trainer_core.blind.comparison import DEFAULT_PAIRS, EQUAL, LEFT, QUESTION, RIGHT
from trainer_core.blind.record import read_compared_model
from trainer_core.blind.session import BlindSession
from trainer_core.errors import UserError
from trainer_core.verbs.picture_files import read_pictures
from trainer_core.watches import Watch

if TYPE_CHECKING:
    from trainer_core.verbs.upscale import Upscaler

TileIterator = Generator[None, None, None]

_SIZE = (1000, 640)
_LEFT_VIEW, _RIGHT_VIEW = "Left", "Right"
_KEYS = {LEFT: Qt.Key.Key_Left, EQUAL: Qt.Key.Key_Down, RIGHT: Qt.Key.Key_Right}


class _PairView(CompareView):
    """View of two images side by side; the dialog handles the keys."""

    EMPTY_TEXT = ""
    views = (_LEFT_VIEW, _RIGHT_VIEW)
    side_by_side_views: tuple[str, ...] = (_LEFT_VIEW, _RIGHT_VIEW)
    right_view = _RIGHT_VIEW
    offers_cut_outs = False

    def __init__(self) -> None:
        super().__init__()
        self.mode, self.left = SIDE_BY_SIDE, _LEFT_VIEW
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setAccessibleName("The two images of a pair")
        self.setAccessibleDescription("The mouse wheel zooms, dragging moves.")


class BlindDialog(Dialog):
    """Dialog for one comparison after the other (`open_for`)."""

    message_posted = Signal(str, str)  # level, text: where the answers are of a comparison that ended early

    def __init__(self, ask_thread: AskThread, background: Background, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Blind comparison")
        self.resize(*_SIZE)
        self._ask_thread, self._background = ask_thread, background
        self._models: tuple[NamedModel, NamedModel]
        self._watch: Watch | None = None  # whose photos alone are compared
        self.session: BlindSession | None = None
        self._record: Path | None = None  # the file with all answers of the session, None while they are being saved
        self._tiles: TileIterator | None = None  # advanced and closed in the training thread
        self._ready = 0  # pairs whose images are complete, from the first on
        self._shown_text = self._save_problem = ""  # the two parts of the text
        self._shown: list[np.ndarray] = []  # the images on the screen use their memory
        self.view = _PairView()
        self.text = PlainLabel()
        self.text.setWordWrap(True)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.progress = ProgressBar("Enlarged photos")
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # so that nothing moves
        self.progress.setSizePolicy(policy)
        self.verdict, self._empty = BlindVerdict(), QWidget()
        self._pages = QStackedWidget()
        for page in (self._empty, self.view, self.verdict):
            self._pages.addWidget(page)
        self.buttons = {
            LEFT: make_button("Left is better", "", lambda: self.answer(LEFT), tip="Press the left arrow key."),
            EQUAL: make_button("No difference", "", lambda: self.answer(EQUAL), tip="Press the down arrow key."),
            RIGHT: make_button("Right is better", "", lambda: self.answer(RIGHT), tip="Press the right arrow key."),
        }
        self.undo_button = make_button(
            "Undo", "back", self.undo, tip="Take back the last answer and show its pair again (Backspace or Ctrl+Z)."
        )
        self.close_button = make_button("Close", "close", self.close)
        self._add_shortcuts()
        self._lay_out()
        self.finished.connect(self._end_session)

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(SPACING)
        row.addWidget(self.undo_button)
        row.addStretch(1)
        for button in self.buttons.values():
            row.addWidget(button)
        row.addStretch(1)
        row.addWidget(self.close_button)
        layout = QVBoxLayout(self.contents)
        layout.setContentsMargins(2 * SPACING, 2 * SPACING, 2 * SPACING, 2 * SPACING)
        layout.setSpacing(SPACING + SPACING // 2)
        layout.addWidget(self.text)
        layout.addWidget(self.progress)
        layout.addWidget(self._pages, 1)
        layout.addLayout(row)

    def _add_shortcuts(self) -> None:
        shortcuts = [QShortcut(QKeySequence(_KEYS[each]), self, button.click) for each, button in self.buttons.items()]
        undo = (QKeySequence(Qt.Key.Key_Backspace), QKeySequence(QKeySequence.StandardKey.Undo))
        shortcuts += [QShortcut(key, self, self.undo_button.click) for key in undo]
        for shortcut in shortcuts:
            shortcut.setAutoRepeat(False)  # a key that is held would answer every pair

    # -- preparation ---------------------------------------------------------------------------

    def open_for(
        self, models: tuple[NamedModel, NamedModel], photos: Sequence[tuple[Path, int]], watch: Watch | None = None
    ) -> None:
        """Start a comparison of two models on photos, given by file and number in the file; on those of `watch` alone.

        A built-in model is for one watch.
        """
        self._end_session()
        self._models, self._watch, self._save_problem = models, watch, ""
        self.setWindowTitle(visible("Blind comparison of {} and {}".format(*tell_apart(models))))
        self._show_text("Reading the photos …")
        self._refresh()
        self.show()
        self.raise_()
        self.activateWindow()
        self._background.run_job(
            "blind comparison", lambda: _read_session(models, photos, watch), self._start_upscaling, self._on_failed
        )

    def _start_upscaling(self, session: BlindSession) -> None:
        self.session, self._ready = session, 0
        self._tiles = _iterate_upscaling(session)
        self._upscale_next_tile(session, self._tiles)
        self._refresh()

    def _upscale_next_tile(self, session: BlindSession, tiles: TileIterator) -> None:
        """Compute one tile in the training thread, then the next, unless the dialog shows another comparison."""

        def done(has_more: bool) -> None:
            if session is not self.session:
                return
            was_asking, self._ready = self.is_asking, len(session.images)
            if has_more:
                self._upscale_next_tile(session, tiles)
            else:
                self._tiles = None
            if was_asking:
                self._show_progress()  # the pair on the screen stays, with its zoom
            else:
                self._refresh()

        def failed(error: Exception) -> None:
            if session is self.session:
                self._end_session()
                self._on_failed(error)

        self._ask_thread(lambda: next(tiles, _END) is not _END, done, failed)

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, UserError):
            self._show_text(error.message)
        elif isinstance(error, OSError):
            self._show_text(f"{error_message(error)}.")
        else:
            self._show_text("The comparison has ended because of an unexpected error.")
            show_report(bug_report(error), self)

    # -- answers -------------------------------------------------------------------------------

    @property
    def is_asking(self) -> bool:
        """Whether a pair is shown."""
        comparison = self.session.comparison if self.session is not None else None
        return comparison is not None and comparison.pair is not None and comparison.number < self._ready

    def answer(self, answer: str) -> None:
        """Record the answer to the current pair, save it, and show the next pair."""
        if self.session is not None and self.is_asking:
            self.session.comparison.answer(answer)
            self._save(self.session)
            self._refresh()

    @property
    def can_undo(self) -> bool:
        """Whether there is an answer to take back, also after the last pair."""
        return self.session is not None and self.session.comparison.number > 0

    def undo(self) -> None:
        """Take back the last answer and show its pair again."""
        if self.session is not None and self.can_undo:
            self.session.comparison.undo()
            self._save(self.session)
            self._refresh()

    def _save(self, session: BlindSession) -> None:
        def report(record: Path) -> None:
            if session is not self.session:
                self._report_early_end(session, record)
                return
            self._record, self._save_problem = record, ""
            self._show_text(self._shown_text)
            if session.comparison.pair is None:
                self.verdict.show_record(record)

        def failed(error: Exception) -> None:
            text = f"The answers could not be saved: {error_message(error)}."
            if session is self.session:
                self._save_problem = text
                self._show_text(self._shown_text)
            else:
                self.message_posted.emit("error", text)

        self._record = None
        self._background.run_job("save blind comparison", session.save, report, failed)

    def _end_session(self) -> None:
        """Free the models and the images; the answers are saved already."""
        self._background.cancel("blind comparison")
        if self.session is not None and self._record is not None:
            self._report_early_end(self.session, self._record)
        tiles, self._tiles, self.session, self._record = self._tiles, None, None, None
        if tiles is not None:
            self._ask_thread(tiles.close, lambda _: None, lambda _: None)
        self._refresh()

    def _report_early_end(self, session: BlindSession, record: Path) -> None:
        """Say where the answers are, if there are some, but not for all pairs."""
        done, count = session.comparison.number, len(session.comparison.pairs)
        if 0 < done < count:
            answers = "answer is" if done == 1 else "answers are"
            self.message_posted.emit("info", f"You compared {done} of {count} pairs. The {answers} in {record}.")

    # -- display -------------------------------------------------------------------------------

    def _show_text(self, text: str) -> None:
        """Show a text, and below it why the answers could not be saved, until they are."""
        self._shown_text = text
        self.text.setText("\n".join(filter(None, (text, self._save_problem))))

    def _refresh(self) -> None:
        session, is_asking = self.session, self.is_asking
        self._pages.setCurrentWidget(self.view if is_asking else self._empty)
        self.undo_button.setEnabled(self.can_undo)
        self._show_progress()
        if session is None:
            self._set_can_answer(False)
            self._show_pair(None)
            return
        number, count = session.comparison.number, len(session.comparison.pairs)
        pair = session.comparison.pair
        self._set_can_answer(is_asking or (pair is not None and number > 0))
        if pair is None:
            self._show_text("")
            self._show_pair(None)
            self.verdict.show_result(session.comparison.result, self._models)
            self._pages.setCurrentWidget(self.verdict)
        elif not is_asking:
            text = f"Enlarging photo {number + 1} of {count} with both models …"
            only = f"Only photos that suit the {self._watch.kind} watch are compared." if self._watch else ""
            self._show_text(f"{text} {only}".rstrip())
            self._show_pair(None)
        else:
            self._show_text(f"{QUESTION} Pair {number + 1} of {count}: {pair.name}")
            first, second = session.images[pair.index]
            self._shown = [first, second] if pair.first_is_left else [second, first]
            left, right = map(wrap_pixels, self._shown)
            self._show_pair(Pictures(0, pair.name, {_LEFT_VIEW: left, _RIGHT_VIEW: right}))

    def _show_progress(self) -> None:
        self.progress.setVisible(self._tiles is not None)
        if self.session is not None:
            self.progress.set_progress(self._ready, len(self.session.comparison.pairs))

    def _set_can_answer(self, can_answer: bool) -> None:
        """Enable the answers, also while the next pair is awaited: a disabled button would pass its focus to Close."""
        for button in self.buttons.values():
            button.setEnabled(can_answer)
        if can_answer and self.close_button.hasFocus():
            self.buttons[EQUAL].setFocus()  # so that Space does not close the dialog

    def _show_pair(self, pictures: Pictures | None) -> None:
        self.view.show_pictures(pictures)
        if pictures is None:
            self._shown = []


_END = object()


def _read_session(
    models: tuple[NamedModel, NamedModel], photos: Sequence[tuple[Path, int]], watch: Watch | None
) -> BlindSession:
    """Read both models' hashes and photos chosen at random, of `watch` if it is given; runs in the background."""
    read: list[tuple[str, np.ndarray]] = []
    for file, number in random.sample(list(photos), len(photos)):
        picture = read_pictures(file)[number]
        if watch in (None, picture.watch):
            read.append((picture.name, picture.pixels))
        if len(read) == DEFAULT_PAIRS:
            break
    compared = (read_compared_model(models[0].path), read_compared_model(models[1].path))
    first, second = tell_apart(models)
    return BlindSession(compared, read, other_folder=Path.home(), names=(first, second))


def _iterate_upscaling(session: BlindSession) -> TileIterator:
    """Load both models, then upscale tile by tile; runs in the training thread."""
    from trainer_core.verbs.upscale import Upscaler

    upscalers: list[Upscaler] = [Upscaler(model.path, tile=TILE) for model in session.models]
    yield from session.iterate_upscaling(upscalers)
