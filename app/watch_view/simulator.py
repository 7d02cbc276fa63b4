"""Makes the pairs that are shown: one photo at a time, decoded in the background, taken by the training thread.

Follows the settings while nothing trains and the pairs are in sight; an order that is no longer wanted is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from app.project import Project
from app.training_thread import TrainingThread
from trainer_core.data.frames import Frame
from trainer_core.data.photos import Photo
from trainer_core.errors import UserError
from trainer_core.training.simulated_view import CAMERA_SETTINGS, PAIR_COUNT, WatchCamera, iterate_example_frames

_REFRESH_DELAY = 400  # milliseconds after the last change
NO_SOURCE, SCANNING, READY = "nothing", "looking", "ready"
_NO_SOURCE_TEXT = "Choose photos to see what the watch would make of them, or drop their folder on this window."

_PAUSED_TEXT = "A training has the machine for itself. The pictures follow when it has ended."


@dataclass(frozen=True)
class PairRequest:
    """What decides about the pairs: the settings of the camera, the photos, and how often others were asked for."""

    settings: tuple[Any, ...]
    photos: tuple[Photo, ...]
    variation: int


class PairSimulator(QObject):
    """`began` (a `WatchCamera`), then `made` for each place, then `ended`; or `failed` with a sentence."""

    started = Signal(object)
    pair_ready = Signal(int, object)  # place, WatchPair
    ended = Signal(int)  # pairs made
    failed = Signal(str)

    def __init__(self, project: Project, thread: TrainingThread, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._project, self._thread = project, thread
        self._idle, self._visible = True, False
        self._variation = 0
        self._shown_request: PairRequest | None = None  # what is shown, or being made
        self._is_running = False
        self._request_number = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_REFRESH_DELAY)
        self._timer.timeout.connect(self._start)
        project.changed.connect(self.refresh)

    # -- what decides --------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """NOTHING to photograph, LOOKING at the source still, or READY."""
        config, source = self._project.draft.config, self._project.source
        if config.demo or (source.splits is not None and not source.problem):
            return READY
        return SCANNING if config.source_dir and not source.problem else NO_SOURCE

    @property
    def reason(self) -> str:
        """Why there is nothing to see, "" if there is something."""
        if self.state == SCANNING:
            return "Looking at the photos …"
        if self.state == NO_SOURCE:
            return self._project.source.problem or _NO_SOURCE_TEXT
        wrong = self._project.problems
        return next((wrong[name] for name in CAMERA_SETTINGS if name in wrong), "")

    def set_visible(self, visible: bool) -> None:
        """Pairs nobody looks at are not made."""
        self._visible = visible
        self.refresh()

    def set_idle(self, idle: bool) -> None:
        """While a training is under way it has the machine for itself."""
        self._idle = idle
        self.refresh()

    def show_others(self) -> None:
        """Other photos, other accidents of the camera."""
        self._variation += 1
        self.refresh(at_once=True)

    def refresh(self, *, at_once: bool = False) -> None:
        """Look again at what is wanted."""
        wish = None if self.reason else self._current_request()
        if wish is None:
            self._cancel()
            self.failed.emit(self.reason)
        elif not self._idle:
            if wish != self._shown_request or self._is_running:
                self._cancel()
                self.failed.emit(_PAUSED_TEXT)
        elif wish != self._shown_request and self._visible:
            self._cancel()
            self._timer.start(0 if at_once else _REFRESH_DELAY)

    def stop(self) -> None:
        """Make nothing more; the window closes."""
        self._visible = False
        self._cancel()

    def _current_request(self) -> PairRequest:
        config, source = self._project.draft.config, self._project.source
        photos = source.splits.train if source.splits and not config.demo else ()
        return PairRequest(tuple(getattr(config, name) for name in CAMERA_SETTINGS), tuple(photos), self._variation)

    # -- making --------------------------------------------------------------------------------

    def _cancel(self) -> None:
        self._timer.stop()
        self._request_number += 1
        self._shown_request, self._is_running = None, False
        self._project.background.cancel("watch view")

    def _start(self) -> None:
        self._shown_request, self._is_running = self._current_request(), True
        order, config = self._request_number, self._project.draft.config
        photos, turn = self._shown_request.photos, self._variation

        def take(camera: WatchCamera) -> None:
            if order == self._request_number:
                self.started.emit(camera)
                self._simulate_next(
                    order, camera, iterate_example_frames(config, photos, camera.spec, variation=turn), 0
                )

        self._thread.submit(lambda: WatchCamera(config), take, lambda error: self._on_failed(order, error))

    def _simulate_next(self, request_number: int, camera: WatchCamera, frames: Iterator[Frame], place: int) -> None:
        """Decode a photo, then take it while the one after it is decoded."""

        def decoded(frame: Frame | None) -> None:
            if frame is None:
                self._is_running = False
                self.ended.emit(place)
                return
            number = self._variation * PAIR_COUNT + place
            self._thread.submit(
                lambda: camera.simulate(frame, number),
                lambda pair: self.pair_ready.emit(place, pair) if request_number == self._request_number else None,
                lambda error: self._on_failed(request_number, error),
            )
            self._simulate_next(request_number, camera, frames, place + 1)

        self._project.background.run_job(
            "watch view", lambda: next(frames, None), decoded, lambda error: self._on_failed(request_number, error)
        )

    def _on_failed(self, request_number: int, error: Exception) -> None:
        if request_number != self._request_number:
            return
        if not isinstance(error, UserError):
            raise error
        self._cancel()
        self._shown_request = self._current_request()  # not again before something changes
        self.failed.emit(error.message)
