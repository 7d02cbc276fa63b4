"""A calibration in the window: reads the captures in the background, then fits in the training thread, in small steps.

Each step is one job of the thread that calls torch, so that a training continues between two steps and a stop takes
effect soon.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Callable

from PySide6.QtCore import QObject, Signal

from app.system.background import Background
from trainer_core.calibration.captures import FitCaptures, read_fit_captures
from trainer_core.calibration.clean_frames import DEFAULT_FRAMES, make_clean_frames
from trainer_core.control import Stopped
from trainer_core.errors import UserError, is_out_of_memory

if TYPE_CHECKING:
    import numpy as np

    from trainer_core.calibration.calibrate import Calibration
    from trainer_core.calibration.search import FitStep, FitSteps

Submit = Callable[[Callable[[], Any], Callable[[Any], None], Callable[[Exception], None]], None]
_CAPTURES_JOB, _FRAMES_JOB = "captures to measure", "frames to measure"


class CalibrationWork(QObject):
    """The work of one calibration after the other: `read_captures`, then `start`.

    Args:
        submit: gives work to the thread that calls torch.
        background: reads the files.
        parent: its owner.
    """

    captures_read = Signal(object)  # FitCaptures
    captures_refused = Signal(object)  # Exception
    advanced = Signal(int, int)  # candidates tried, and the number of all; 0, 0 while the frames are made
    ended = Signal(object)  # Calibration
    failed = Signal(object)  # Exception, of `start`

    def __init__(self, submit: Submit, background: Background, parent: QObject) -> None:
        super().__init__(parent)
        self._submit, self._background = submit, background
        self._steps: FitSteps[Calibration] | None = None  # advanced and closed in the training thread
        self.is_running = False

    def read_captures(self, paths: Sequence[Path]) -> None:
        """Read the captures in files and folders; only the newest call reports what it found."""
        check_stop = self._stop_check(_CAPTURES_JOB)
        self._background.run_job(
            _CAPTURES_JOB,
            lambda: read_fit_captures(paths, check_stop),
            self.captures_read.emit,
            self.captures_refused.emit,
        )

    def start(self, captures: FitCaptures, photos: Path | None) -> None:
        """Fit a profile to captures, with the content of a folder of clean photos, or of built-in scenes (None)."""
        self.is_running = True
        self.advanced.emit(0, 0)
        refused: list[tuple[Path, str]] = []
        check_stop = self._stop_check(_FRAMES_JOB)
        self._background.run_job(
            _FRAMES_JOB,
            lambda: make_clean_frames(photos, DEFAULT_FRAMES, captures.kind, refused, check_stop),
            lambda frames: self._fit(captures, frames),
            self._fail,
        )

    def _stop_check(self, name: str) -> Callable[[], None]:
        """Return a function that raises `Stopped` once the next job of this name is superseded or dropped."""
        is_current = self._background.is_current(name)

        def check_stop() -> None:
            if not is_current():
                raise Stopped

        return check_stop

    def _fit(self, captures: FitCaptures, frames: np.ndarray) -> None:
        self._steps = _iterate_calibration(captures, frames)
        self._run_next_step(self._steps)

    def _run_next_step(self, steps: FitSteps[Calibration]) -> None:
        """Run one step in the training thread, then the next, unless the calibration is stopped."""

        def done(result: FitStep | Calibration) -> None:
            if steps is not self._steps:
                return
            if isinstance(result, tuple):
                self.advanced.emit(result.tried, result.candidates)
                self._run_next_step(steps)
            else:
                self._steps, self.is_running = None, False
                self.ended.emit(result)

        self._submit(lambda: _run_step(steps), done, lambda error: self._fail(error) if steps is self._steps else None)

    def _fail(self, error: Exception) -> None:
        self._steps, self.is_running = None, False
        self.failed.emit(_explain(error))

    def stop(self) -> None:
        """Stop reading and fitting; nothing was written."""
        for job in (_CAPTURES_JOB, _FRAMES_JOB):
            self._background.cancel(job)
        steps, self._steps, self.is_running = self._steps, None, False
        if steps is not None:
            self._submit(steps.close, lambda _: None, lambda _: None)


def _iterate_calibration(captures: FitCaptures, frames: np.ndarray) -> Generator[FitStep, None, Calibration]:
    from trainer_core.calibration.calibrate import iterate_calibration

    return (yield from iterate_calibration(captures, frames))


def _run_step(steps: FitSteps[Calibration]) -> FitStep | Calibration:
    """Run a step and return how far the calibration is, or its result at the end."""
    try:
        return next(steps)
    except StopIteration as end:
        result: Calibration = end.value
        return result


def _explain(error: Exception) -> Exception:
    """Return a `UserError` in place of an error that means that memory ran out."""
    if is_out_of_memory(error):
        return UserError("There is not enough memory to measure. Close other programs, then try again.")
    return error
