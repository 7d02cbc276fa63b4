"""Makes the pairs that are shown: one photo at a time, decoded in the background, taken by the training thread.

Follows the settings while nothing trains and the pairs are in sight; an order that is no longer wanted is dropped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Optional

from PySide6.QtCore import QObject, QTimer, Signal

from app.project import Project
from app.training_thread import TrainingThread
from trainer_core.data.frames import Frame
from trainer_core.data.photos import Photo
from trainer_core.errors import UserError
from trainer_core.training.simulated_view import CAMERA_SETTINGS, COUNT, WatchCamera, watch_frames

_PAUSE = 400  # milliseconds after the last change
NOTHING, LOOKING, READY = "nothing", "looking", "ready"
_CHOOSE = "Choose photos to see what the watch would make of them, or drop their folder on this window."

_LATER = "A training has the machine for itself. The pictures follow when it has ended."


@dataclass(frozen=True)
class Wish:
    """What decides about the pairs: the settings of the camera, the photos, and how often others were asked for."""

    settings: tuple[Any, ...]
    photos: tuple[Photo, ...]
    turn: int


class PairMaker(QObject):
    """`began` (a `WatchCamera`), then `made` for each place, then `ended`; or `failed` with a sentence."""

    began = Signal(object)
    made = Signal(int, object)  # place, WatchPair
    ended = Signal(int)  # pairs made
    failed = Signal(str)

    def __init__(self, project: Project, thread: TrainingThread, parent: Optional[QObject] = None) -> None:
        super().__init__(parent)
        self._project, self._thread = project, thread
        self._idle, self._in_sight = True, False
        self._turn = 0
        self._done: Optional[Wish] = None  # what is shown, or being made
        self._under_way = False
        self._order = 0
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._begin)
        project.changed.connect(self.follow)

    # -- what decides --------------------------------------------------------------------------

    @property
    def state(self) -> str:
        """NOTHING to photograph, LOOKING at the source still, or READY."""
        config, source = self._project.draft.config, self._project.source
        if config.demo or (source.splits is not None and not source.fault):
            return READY
        return LOOKING if config.source_dir and not source.fault else NOTHING

    @property
    def reason(self) -> str:
        """Why there is nothing to see, "" if there is something."""
        if self.state == LOOKING:
            return "Looking at the photos …"
        if self.state == NOTHING:
            return self._project.source.fault or _CHOOSE
        wrong = self._project.wrong
        return next((wrong[name] for name in CAMERA_SETTINGS if name in wrong), "")

    def set_in_sight(self, in_sight: bool) -> None:
        """Pairs nobody looks at are not made."""
        self._in_sight = in_sight
        self.follow()

    def set_idle(self, idle: bool) -> None:
        """While a training is under way it has the machine for itself."""
        self._idle = idle
        self.follow()

    def others(self) -> None:
        """Other photos, other accidents of the camera."""
        self._turn += 1
        self.follow(at_once=True)

    def follow(self, *, at_once: bool = False) -> None:
        """Look again at what is wanted."""
        wish = None if self.reason else self._wish()
        if wish is None:
            self._drop()
            self.failed.emit(self.reason)
        elif not self._idle:
            if wish != self._done or self._under_way:
                self._drop()
                self.failed.emit(_LATER)
        elif wish != self._done and self._in_sight:
            self._drop()
            self._timer.start(0 if at_once else _PAUSE)

    def stop(self) -> None:
        """Make nothing more; the window closes."""
        self._in_sight = False
        self._drop()

    def _wish(self) -> Wish:
        config, source = self._project.draft.config, self._project.source
        photos = source.splits.train if source.splits and not config.demo else ()
        return Wish(tuple(getattr(config, name) for name in CAMERA_SETTINGS), tuple(photos), self._turn)

    # -- making --------------------------------------------------------------------------------

    def _drop(self) -> None:
        self._timer.stop()
        self._order += 1
        self._done, self._under_way = None, False
        self._project.background.forget("watch view")

    def _begin(self) -> None:
        self._done, self._under_way = self._wish(), True
        order, config = self._order, self._project.draft.config
        photos, turn = self._done.photos, self._turn

        def take(camera: WatchCamera) -> None:
            if order == self._order:
                self.began.emit(camera)
                self._next(order, camera, watch_frames(config, photos, camera.spec, turn=turn), 0)

        self._thread.ask(lambda: WatchCamera(config), take, lambda error: self._fail(order, error))

    def _next(self, order: int, camera: WatchCamera, frames: Iterator[Frame], place: int) -> None:
        """Decode a photo, then take it while the one after it is decoded."""

        def decoded(frame: Optional[Frame]) -> None:
            if frame is None:
                self._under_way = False
                self.ended.emit(place)
                return
            number = self._turn * COUNT + place
            self._thread.ask(
                lambda: camera.photograph(frame, number),
                lambda pair: self.made.emit(place, pair) if order == self._order else None,
                lambda error: self._fail(order, error),
            )
            self._next(order, camera, frames, place + 1)

        self._project.background.run(
            "watch view", lambda: next(frames, None), decoded, lambda error: self._fail(order, error)
        )

    def _fail(self, order: int, error: Exception) -> None:
        if order != self._order:
            return
        if not isinstance(error, UserError):
            raise error
        self._drop()
        self._done = self._wish()  # not again before something changes
        self.failed.emit(error.message)
