"""The simulator behind the tab "What the watch sees": makes pairs of watch photo and target from the user's photos.

It decodes one photo at a time in the background and simulates its watch photo in the training thread. It follows the
settings while no training runs and the tab is visible; a newer request supersedes an older one.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from app.form.project import Project
from app.run.training_thread import TrainingThread
from trainer_core.data.frames import Frame
from trainer_core.data.photos import Photo
from trainer_core.errors import UserError
from trainer_core.training.simulated_view import CAMERA_SETTINGS, PAIR_COUNT, WatchCamera, iterate_example_frames

_REFRESH_DELAY = 400  # milliseconds after the last change of a setting
NO_SOURCE, SCANNING, READY = "no source", "scanning", "ready"
_NO_SOURCE_TEXT = "Choose a folder of photos, or drop it on this window, to see them as synthetic watch photos."
_TRAINING_TEXT = "No watch photos are simulated while a training runs. They come when it has ended."


@dataclass(frozen=True)
class PairRequest:
    """Everything that the pairs depend on; `variation` counts how often the user asked for other pairs."""

    settings: tuple[object, ...]
    photos: tuple[Photo, ...]
    variation: int


class PairSimulator(QObject):
    """Maker of the pairs: emits `started`, `pair_ready` for each pair, and `ended`, or `failed` if none can be made."""

    started = Signal(object)  # WatchCamera
    pair_ready = Signal(int, object)  # index, WatchPair
    ended = Signal(int)  # number of pairs
    failed = Signal(str)  # the reason, a sentence for the user

    def __init__(self, project: Project, thread: TrainingThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._thread = project, thread
        self._idle, self._visible = True, False
        self._variation = 0  # how often the user asked for others
        self._shown_request: PairRequest | None = None  # whose pairs are shown or being made
        self._is_running = False
        self._request_number = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_DELAY)
        self._timer.timeout.connect(self._start)
        project.changed.connect(self.refresh)

    # -- state ---------------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """`NO_SOURCE`, `SCANNING` while the source folder is scanned, or `READY`."""
        config, source = self._project.draft.config, self._project.source
        if config.demo or (source.splits is not None and not source.problem):
            return READY
        return SCANNING if config.source_dir and not source.problem else NO_SOURCE

    @property
    def reason(self) -> str:
        """Why no pairs can be made, "" if they can."""
        if self.state == SCANNING:
            return "Scanning the photos …"
        if self.state == NO_SOURCE:
            return self._project.source.problem or _NO_SOURCE_TEXT
        problems = self._project.problems
        return next((problems[name] for name in CAMERA_SETTINGS if name in problems), "")

    def set_visible(self, visible: bool) -> None:
        """Make pairs only while the tab is visible."""
        self._visible = visible
        self.refresh()

    def set_idle(self, idle: bool) -> None:
        """Make pairs only while no training runs (`idle`)."""
        self._idle = idle
        self.refresh()

    def show_others(self) -> None:
        """Make pairs of other photos with other random camera parameters."""
        self._variation += 1
        self.refresh(at_once=True)

    def refresh(self, *, at_once: bool = False) -> None:
        """Make the pairs again if the request has changed; wait for further changes first, unless `at_once`."""
        request = None if self.reason else self._current_request()
        if request is None:
            self._cancel()
            self.failed.emit(self.reason)
        elif not self._idle:
            if request != self._shown_request or self._is_running:
                self._cancel()
                self.failed.emit(_TRAINING_TEXT)
        elif request != self._shown_request and self._visible:
            self._cancel()
            self._timer.start(0 if at_once else _REFRESH_DELAY)

    def stop(self) -> None:
        """Stop making pairs, because the window closes."""
        self._visible = False
        self._cancel()

    def _current_request(self) -> PairRequest:
        config, source = self._project.draft.config, self._project.source
        photos = source.splits.train if source.splits and not config.demo else ()
        return PairRequest(tuple(getattr(config, name) for name in CAMERA_SETTINGS), tuple(photos), self._variation)

    # -- simulation ----------------------------------------------------------------------------

    def _cancel(self) -> None:
        self._timer.stop()
        self._request_number += 1
        self._shown_request, self._is_running = None, False
        self._project.background.cancel("watch view")

    def _start(self) -> None:
        self._shown_request, self._is_running = self._current_request(), True
        request_number, config = self._request_number, self._project.draft.config
        photos, variation = self._shown_request.photos, self._variation

        def simulate(camera: WatchCamera) -> None:
            if request_number == self._request_number:
                self.started.emit(camera)
                frames = iterate_example_frames(config, photos, camera.spec, variation=variation)
                self._simulate_next(request_number, camera, frames, 0)

        self._thread.submit(lambda: WatchCamera(config), simulate, lambda error: self._on_failed(request_number, error))

    def _simulate_next(self, request_number: int, camera: WatchCamera, frames: Iterator[Frame], index: int) -> None:
        """Decode the frame `index`, then simulate it while the next one is decoded."""

        def on_decoded(frame: Frame | None) -> None:
            if frame is None:
                self._is_running = False
                self.ended.emit(index)
                return
            number = self._variation * PAIR_COUNT + index
            self._thread.submit(
                lambda: camera.simulate(frame, number),
                lambda pair: self.pair_ready.emit(index, pair) if request_number == self._request_number else None,
                lambda error: self._on_failed(request_number, error),
            )
            self._simulate_next(request_number, camera, frames, index + 1)

        self._project.background.run_job(
            "watch view", lambda: next(frames, None), on_decoded, lambda error: self._on_failed(request_number, error)
        )

    def _on_failed(self, request_number: int, error: Exception) -> None:
        if request_number != self._request_number:
            return
        if not isinstance(error, UserError):
            raise error
        self._cancel()
        self._shown_request = self._current_request()  # so that only a changed request is tried again
        self.failed.emit(error.message)
