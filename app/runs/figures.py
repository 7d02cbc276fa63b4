"""The figures of one run as curves, filled event by event, live or from a journal; usable in any thread."""

from __future__ import annotations

import numpy as np

from app.runs.points import ExponentialAverage, Points
from app.runs.training_time import TrainingTime
from trainer_core.events import SAME_FRAMES_TOLERANCE, CheckpointSaved, Event, RunStarted, StepDone, Validated

_DEFAULT_SPAN = 40  # steps


class LossCurve:
    """Curve of one term of the loss, with a smoothed version on request."""

    def __init__(self) -> None:
        self.raw = Points()
        self._restart_average(_DEFAULT_SPAN)

    def append(self, step: int, value: float) -> None:
        """Add the value of the next step."""
        self.raw.append(step, value)

    def rewind(self, step: int) -> None:
        """Drop the values after a step."""
        self.raw.rewind(step)
        self._restart_average(self._span)

    def smooth(self, span: int) -> Points:
        """Return the curve smoothed by an exponential average.

        A repeated call with the same span averages only the values added since.

        Args:
            span: the number of steps to average over; 1 returns the raw curve.
        """
        if span == 1:
            return self.raw
        if span != self._span:
            self._restart_average(span)
        new = slice(len(self._smooth), None)
        if len(self.raw) > len(self._smooth):
            self._smooth.extend(self.raw.x[new], self._average(self.raw.y[new]))
        return self._smooth

    def _restart_average(self, span: int) -> None:
        self._span, self._smooth, self._average = span, Points(), ExponentialAverage(span)


class RunFigures:
    """All curves of a run, and the steps of its checkpoints."""

    def __init__(self) -> None:
        self.losses: dict[str, LossCurve] = {}  # the total first; single terms only if there are several
        self.psnr, self.ssim, self.spectrum, self.rate = Points(), Points(), Points(), Points()
        self.validation_loss = Points()  # comparable with the term "l1", or with the total if that is all
        self.bicubic_psnr = Points()  # dB; changes with the frames
        self.bicubic: float | None = None  # dB
        self.bicubic_ssim: float | None = None
        self.bicubic_spectrum: float | None = None  # dB
        self._best_steps: list[int] = []  # of models that were the best, in a run that measures the spectrum distance
        self._first_on_frames = -1  # step of the first validation on the present frames
        self.checkpoints: list[int] = []  # steps
        self.time = TrainingTime()

    def __bool__(self) -> bool:
        """Whether there is any loss or PSNR."""
        return bool(self.losses) or len(self.psnr) > 0

    def add_event(self, event: Event) -> None:
        """Add the figures of one event; a resumed run drops the values after its start step.

        A new run needs a new `RunFigures`.
        """
        self.time.add_event(event)
        if isinstance(event, StepDone):
            self._add_step(event)
        elif isinstance(event, Validated) and event.split == "val":
            if self.bicubic is not None and abs(event.bicubic_psnr - self.bicubic) > SAME_FRAMES_TOLERANCE:
                self._first_on_frames = event.step
            self.psnr.append(event.step, event.psnr)
            self.ssim.append(event.step, event.ssim)
            self.bicubic_psnr.append(event.step, event.bicubic_psnr)
            self.bicubic, self.bicubic_ssim = event.bicubic_psnr, event.bicubic_ssim
            if event.loss is not None:
                self.validation_loss.append(event.step, event.loss)
            if event.spectrum is not None:
                self.spectrum.append(event.step, event.spectrum)
                self.bicubic_spectrum = event.bicubic_spectrum
                self._best_steps += [event.step] * event.is_best
        elif isinstance(event, CheckpointSaved) and event.step not in self.checkpoints[-1:]:
            self.checkpoints.append(event.step)
        elif isinstance(event, RunStarted):
            self._rewind(event.start_step)

    @property
    def best(self) -> tuple[float, float] | None:
        """Step and PSNR of the best model on the present frames, in dB, or None without a finite PSNR.

        That is the highest PSNR unless the spectrum distance is measured, which may decide.
        """
        if len(self.spectrum):
            return self._at_best(self.psnr)
        y = np.where(self.psnr.x >= self._first_on_frames, self.psnr.y, np.nan)
        if not np.isfinite(y).any():
            return None
        number = int(np.nanargmax(y))
        return float(self.psnr.x[number]), float(y[number])

    @property
    def best_spectrum(self) -> tuple[float, float] | None:
        """Step and spectrum distance of the best model on the present frames, in dB, or None without one."""
        return self._at_best(self.spectrum)

    def _at_best(self, points: Points) -> tuple[float, float] | None:
        step = self._best_steps[-1] if self._best_steps else -1
        number = int(np.searchsorted(points.x, step))
        is_known = step >= self._first_on_frames and number < len(points) and points.x[number] == step
        return (float(step), float(points.y[number])) if is_known else None

    def _add_step(self, event: StepDone) -> None:
        losses = event.losses
        single = [name for name in losses if name != "total"]
        for name in ("total", *(single if len(single) > 1 else ())):
            if name not in self.losses:
                self.losses[name] = LossCurve()
            self.losses[name].append(event.step, losses.get(name, float("nan")))
        self.rate.append(event.step, event.learning_rate)

    def _rewind(self, step: int) -> None:
        for component in self.losses.values():
            component.rewind(step)
        for points in (self.validation_loss, self.psnr, self.bicubic_psnr, self.ssim, self.spectrum, self.rate):
            points.rewind(step)
        self._best_steps = [best for best in self._best_steps if best <= step]
        self.checkpoints = [saved for saved in self.checkpoints if saved <= step]
