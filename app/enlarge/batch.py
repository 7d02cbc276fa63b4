"""Enlarging of many photos into a folder: read in the background, upscaled in the training thread, saved."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from app.enlarge.enlargement import Enlargement, TrialPhoto
from app.enlarge.trial import AskThread, Trial
from app.system.background import Background
from app.widgets.errors import error_message
from trainer_core.errors import UserError
from trainer_core.files import unique_name
from trainer_core.verbs.output_files import describe_enlargement, make_folder, save_png
from trainer_core.verbs.picture_files import read_pictures


@dataclass
class BatchResult:
    """The outcome of a batch.

    Attributes:
        written: files written.
        skipped: why a photo was skipped, a sentence for each.
        is_canceled: whether it ended early.
    """

    written: list[Path] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    is_canceled: bool = False

    def describe(self, folder: Path) -> str:
        """Return what the user reads about the batch: a sentence, and a line for each photo that was skipped."""
        count = len(self.written)
        where = f"Saved 1 photo to {folder}." if count == 1 else f"Saved {count} photos to {folder}."
        return "\n".join(
            [f"Canceled. {where}" if self.is_canceled else where, *map("Skipped: {}".format, self.skipped)]
        )


class Batch(QObject):
    """One batch after the other (`start`); it never replaces a file."""

    changed = Signal()
    ended = Signal(object)  # BatchResult
    failed = Signal(object)  # Exception: the folder cannot be used

    def __init__(self, trial: Trial, ask_thread: AskThread, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._trial, self._ask_thread, self._background = trial, ask_thread, background
        self._photos: list[tuple[Path, int]] = []
        self.folder = Path()
        self._names: set[str] = set()  # of files in the folder, in lower case
        self._result: BatchResult | None = None
        self._tiles: Generator[None, None, Enlargement] | None = None
        self.done = 0
        self._begun = 0.0  # on the clock of `time.monotonic`

    @property
    def is_running(self) -> bool:
        """Whether a batch is under way."""
        return self._result is not None

    @property
    def count(self) -> int:
        """Number of photos of the batch."""
        return len(self._photos)

    @property
    def saved_count(self) -> int:
        """Number of photos of the batch under way that are saved."""
        return len(self._result.written) if self._result is not None else 0

    @property
    def seconds_left(self) -> float | None:
        """How long the batch under way will still take at its speed so far, None before its first photo is done."""
        return (self.count - self.done) * (time.monotonic() - self._begun) / self.done if self.done else None

    def start(self, photos: Sequence[tuple[Path, int]], folder: Path) -> None:
        """Enlarge photos, given by file and number in the file, with the trial's model, into a folder.

        It is created if it is missing.
        """
        self._photos, self.folder, self.done = list(photos), folder, 0
        self._result, self._begun = BatchResult(), time.monotonic()
        self.changed.emit()
        self._background.run_job("folder of enlarged photos", lambda: _prepare(folder), self._begin, self._refuse)

    def _begin(self, names: set[str]) -> None:
        self._names = names
        self._read_next()

    def _refuse(self, error: Exception) -> None:
        self._result = None
        self.changed.emit()
        self.failed.emit(error)

    def cancel(self) -> None:
        """End the batch; files that are written stay."""
        if self._result is not None:
            self._result.is_canceled = True
            if self._tiles is not None:
                self._ask_thread(self._tiles.close, lambda _: None, lambda _: None)
            self._end()

    def _read_next(self) -> None:
        self.changed.emit()
        if self.done == self.count:
            self._end()
            return
        file, number = self._photos[self.done]
        self._background.run_job("photo to enlarge", lambda: _read(file, number), self._upscale, self._skip)

    def _upscale(self, photo: TrialPhoto) -> None:
        self._tiles = self._trial.iterate_enlarging(photo)
        self._compute_next_tile(photo, self._tiles)

    def _compute_next_tile(self, photo: TrialPhoto, tiles: Generator[None, None, Enlargement]) -> None:
        def compute() -> Enlargement | None:
            try:
                next(tiles)
            except StopIteration as end:
                result: Enlargement = end.value
                return result
            return None

        def done(result: Enlargement | None) -> None:
            if tiles is not self._tiles:
                return
            if result is None:
                self._compute_next_tile(photo, tiles)
            else:
                self._save(photo, result)

        self._ask_thread(compute, done, lambda error: self._skip(error) if tiles is self._tiles else None)

    def _save(self, photo: TrialPhoto, result: Enlargement) -> None:
        target = self.folder / f"{unique_name(photo.name, self._names)}.png"
        text = describe_enlargement(photo.name, photo.file, result.scale, result.model, result.sha256)
        files = [file for file, _ in self._photos]
        self._background.run_job(
            "save enlarged photo",
            lambda: save_png(result.pixels, target, inputs=files, text=text, taken=photo.taken),
            self._on_saved,
            self._skip,
        )

    def _on_saved(self, path: Path) -> None:
        if self._result is not None:
            self._result.written.append(path)
            self.done += 1
            self._read_next()

    def _skip(self, error: Exception) -> None:
        """Leave out the photo because of an error of the user's files; any other error ends the batch."""
        if self._result is None:
            return
        if not isinstance(error, (UserError, OSError)):
            self._end()
            raise error
        text = error.message if isinstance(error, UserError) else f"{error_message(error)}."
        self._result.skipped.append(text)
        self.done += 1
        self._read_next()

    def _end(self) -> None:
        for job in ("folder of enlarged photos", "photo to enlarge", "save enlarged photo"):
            self._background.cancel(job)
        result, self._result, self._tiles = self._result, None, None
        self.changed.emit()
        self.ended.emit(result)


def _prepare(folder: Path) -> set[str]:
    """Create the folder if it is missing, and return the names that files there have, in lower case.

    Raises:
        UserError: the folder cannot be created or read.
    """
    make_folder(folder)
    try:
        return {Path(name).stem.lower() for name in os.listdir(folder)}
    except OSError as error:
        raise UserError(
            f"The folder {folder} cannot be read: {error.strerror or error}. Choose another folder."
        ) from error


def _read(file: Path, number: int) -> TrialPhoto:
    picture = read_pictures(file)[number]
    return TrialPhoto(file, picture.name, picture.pixels, picture.watch, picture.taken)
