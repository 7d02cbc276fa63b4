"""Events as text: the lines of the console, `trainer.log` and the window's log.

An `EventFormatter` remembers the newest validation and the last compatibility line, so that each progress line shows
the PSNR beside the loss and no compatibility line appears twice.
"""

from __future__ import annotations

from pathlib import Path

from trainer_core.events import (
    CheckpointSaved,
    Event,
    Notice,
    PlanChanged,
    PreviewReady,
    RolledBack,
    RunFinished,
    RunStarted,
    SaveBlocked,
    StepDone,
    Validated,
)
from trainer_core.text import escape_control_characters, escape_lines

_MUCH_WAITING = 0.05  # share of the time; less waiting for photos is not shown
_FAR_BELOW = 3.0  # dB below bicubic; a best that is no better is not announced
_OUTCOMES = {"completed": "Done", "stopped": "Stopped", "discarded": "Stopped without saving", "failed": "Failed"}


class EventFormatter:
    """Formatter of the events of one run."""

    def __init__(self) -> None:
        self._validated: Validated | None = None
        self._loads_in = self._workspace = ""
        self._preview_line: list[str] = []
        self._started_run = ""  # a run that goes back starts again, with what is known

    def format_event(self, event: Event) -> list[str]:
        """Format an event as lines without line ends or control characters; a `StepDone` as its progress line."""
        if isinstance(event, Validated) and event.split == "val":
            self._validated = event
        if isinstance(event, RunStarted):
            self._workspace = event.workspace
        return [escape_control_characters(line) for line in self._format(event)]

    def format_status(self, event: StepDone) -> str:
        """Format the short progress beside a bar: total loss, PSNR, speed and ETA."""
        parts = [f"loss {event.losses.get('total', float('nan')):.4f}"]
        if self._validated is not None:
            parts.append(f"PSNR {self._validated.psnr:.2f} (bicubic {self._validated.bicubic_psnr:.2f})")
        parts += [f"{event.steps_per_second:.2f} it/s", *format_photo_wait(event)]
        parts.append(f"ETA {format_duration(event.seconds_left)}")
        return ", ".join(parts)

    def _format(self, event: Event) -> list[str]:
        if isinstance(event, StepDone):
            return [self._format_progress(event)]
        if isinstance(event, Validated):
            return [_format_validation(event)]
        if isinstance(event, CheckpointSaved):
            return self._format_saved(event)
        if isinstance(event, PreviewReady):
            return self._format_previews(event)
        if isinstance(event, Notice):
            return escape_lines(event.text if event.level == "info" else f"{event.level}: {event.text}")
        if isinstance(event, SaveBlocked):
            return [_format_blocked(event)]
        if isinstance(event, RolledBack):
            return _format_rollback(event)
        if isinstance(event, RunStarted) and event.run_id == self._started_run:
            return []
        if isinstance(event, PlanChanged):
            return [_format_plan(event)]
        self._started_run = event.run_id if isinstance(event, RunStarted) else ""
        return (
            _format_start(event)
            if isinstance(event, RunStarted)
            else [*_format_finish(event, self._workspace), *self._preview_line]
        )

    def _format_progress(self, event: StepDone) -> str:
        single = {name: value for name, value in event.losses.items() if name != "total"}
        terms = " (" + ", ".join(f"{name} {value:.4f}" for name, value in single.items()) + ")" if single else ""
        loss, *rest = self.format_status(event).split(", ")
        skipped = [f"skipped {event.skipped_steps}"] if event.skipped_steps else []
        figures = [loss + terms, *_format_discriminator(event), *rest, f"lr {event.learning_rate:.2e}", *skipped]
        return f"{format_step(event.step, event.total_steps)}: " + ", ".join(figures)

    def _format_previews(self, event: PreviewReady) -> list[str]:
        if not event.files:
            return []
        if event.step:
            self._preview_line = [f"Before and after: {event.files[0]}"]
        first, last = Path(event.files[0]).name, Path(event.files[-1]).name
        return [
            f"step {event.step}: preview {first}" if first == last else f"step {event.step}: previews {first} to {last}"
        ]

    def _format_saved(self, event: CheckpointSaved) -> list[str]:
        names = ", ".join(Path(file).name for file in (event.path, *event.models))
        lines = [f"step {event.step}: saved {names}"]
        if event.loads_in and event.loads_in != self._loads_in:
            self._loads_in = event.loads_in
            lines.append(event.loads_in)
        return lines


def format_duration(seconds: float | None) -> str:
    """Format seconds as 4:05 or 1:04:05; "?" if unknown."""
    if seconds is None or not 0 <= seconds < float("inf"):
        return "?"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def format_step(step: int, total_steps: int | None) -> str:
    """Return the step and the total, which is left out while a time budget is no number of steps yet."""
    return f"step {step}" if total_steps is None else f"step {step} of {total_steps}"


def format_photo_wait(event: StepDone) -> list[str]:
    """Return the share of the time that training waits for photos, if it is large enough to mention."""
    return [f"waiting for photos {event.photo_wait:.0%}".replace("%", " %")] * (event.photo_wait > _MUCH_WAITING)


def format_threads(event: StepDone) -> list[str]:
    """Return with how many threads training computes, while busy programs make that another number than usual."""
    count, usual = event.threads, event.usual_threads
    if count == usual:
        return []
    return [f"other programs are busy: {count} thread{'s' * (count != 1)} instead of {usual}"]


def _format_discriminator(event: StepDone) -> list[str]:
    found = event.discriminator
    if not {"loss", "real", "fake"} <= found.keys():
        return []
    return [f"discriminator {found['loss']:.4f} (real {found['real']:+.2f}, fake {found['fake']:+.2f})"]


def format_rough_duration(seconds: float) -> str:
    """Format seconds as an estimate in words: "20 seconds", "12 minutes", "3 hours", "4 days"."""
    steps = ((90, "second", 1), (6000, "minute", 60), (48 * 3600, "hour", 3600), (float("inf"), "day", 86400))
    unit, length = next((unit, length) for limit, unit, length in steps if seconds < limit)
    return _count(max(1, round(seconds / length)), unit)


def format_time_left(seconds: float) -> str:
    """Format seconds as the time left, in words: "45 seconds left", "12 minutes left", "2 hours 5 minutes left"."""
    return f"{format_wait(seconds)} left"


def format_wait(seconds: float) -> str:
    """Format seconds in words, rounded: "a moment", "45 seconds", "12 minutes", "2 hours 5 minutes", "3 days"."""
    if seconds < 1:
        return "a moment"
    if seconds < 90:
        return _count(round(seconds), "second")
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} minutes"
    hours, minutes = divmod(minutes, 60)
    if hours >= 48:
        return _count(round(hours / 24), "day")
    return f"{_count(hours, 'hour')} {_count(minutes, 'minute')}" if minutes else _count(hours, "hour")


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' * (number != 1)}"


def _format_start(event: RunStarted) -> list[str]:
    camera = "mono" if event.mono else "color"
    split = ", ".join(f"{count} {name}" for name, count in event.photos.items())
    devices = f"{event.devices} x " if event.devices > 1 else ""
    is_gpu = event.device != "cpu" and event.device_name != ""  # which older versions did not record
    device = f"{event.device_name}, {event.precision}" if is_gpu else f"{event.device} ({event.precision})"
    lines = [
        f"Training x{event.scale} {camera} on {devices}{device}, {event.parameters / 1e6:.2f} million parameters",
        f"Photos: {split or 'built-in scenes'}",
        f"Workspace: {event.workspace}",
    ]
    if event.resumed_from:
        lines.append(f"Resumed from {event.resumed_from} at {format_step(event.start_step, event.total_steps)}")
    return lines


def _format_plan(event: PlanChanged) -> str:
    text = f"step {event.step}: the time budget allows {event.total_steps} steps in total"
    if event.previous is None:
        return text
    pace = "faster" if event.total_steps > event.previous else "slower"
    return f"{text} instead of {event.previous}, because steps became {pace}"


def _format_blocked(event: SaveBlocked) -> str:
    text = f"error: Step {event.step} is not saved yet. {event.text}"
    if event.seconds_left is None:
        return text
    return (
        f"{text} Waiting up to {format_duration(event.seconds_left)}. To end without saving, press Ctrl+C twice, or "
        "once if that stopped the run."
    )


def _format_rollback(event: RolledBack) -> list[str]:
    lines = [
        f"warning: The run diverged at step {event.from_step}: {event.reason}. It goes back to step {event.to_step} "
        f"and continues at half the learning rate, {event.learning_rate:.3g} (rollback {event.count})."
    ]
    return [*lines, f"The files of the abandoned steps were moved to {event.folder}."] if event.folder else lines


def _format_validation(event: Validated) -> str:
    is_good = event.is_best and event.psnr > event.bicubic_psnr - _FAR_BELOW
    name = {"val": "validation", "test": "test"}.get(event.split, event.split)
    sharpness = ""
    if event.spectrum is not None and event.bicubic_spectrum is not None:
        sharpness = f"; spectrum distance {event.spectrum:.2f} dB, bicubic {event.bicubic_spectrum:.2f} dB"
    if event.grain is not None and event.bicubic_grain is not None:
        sharpness += f"; grain {event.grain:.1f}, bicubic {event.bicubic_grain:.1f}"
    return (
        f"step {event.step}: {name} PSNR {event.psnr:.2f} dB, SSIM {event.ssim:.4f}; "
        f"bicubic {event.bicubic_psnr:.2f} dB, {event.bicubic_ssim:.4f}; "
        f"gain {event.psnr - event.bicubic_psnr:+.2f} dB{sharpness}{', new best' if is_good else ''}"
    )


def _format_finish(event: RunFinished, workspace: str) -> list[str]:
    reason = f": {event.error}" if event.error else ""
    outcome = _OUTCOMES.get(event.outcome, event.outcome)
    head = f"{outcome} at step {event.step} after {format_duration(event.seconds)}{reason}"
    lines = escape_lines(head)
    if event.best_psnr is not None:
        lines.append(_format_best(event))
        lines += _format_shortfall(event)
    if event.model:
        lines.append(f"Model: {event.model}")
    if event.checkpoint:
        lines.append(f"Checkpoint: {event.checkpoint}")
        says_how = "--resume" in (event.error or "")  # such as with another rate, without which it fails again
        if event.outcome in ("stopped", "failed") and not says_how:
            root = str(Path(event.checkpoint).parent.parent)
            place = "" if root == workspace or not workspace else f"the workspace {root} and "  # it was moved there
            lines.append(f"To continue, run the same command with {place}--resume latest.")
    elif event.outcome == "failed":
        lines.append("There is no checkpoint to continue from.")
    elif event.outcome == "stopped" and not event.step:
        lines.append("Nothing was saved, because no step was complete.")
    return lines


def _format_shortfall(event: RunFinished) -> list[str]:
    """Return what a user should know before using the model of a run that has not learned enough."""
    if event.best_spectrum is not None or event.best_psnr is None or event.bicubic_psnr is None:
        return []
    if event.best_psnr < event.bicubic_psnr:
        return ["The network is worse than plain enlargement. Train longer."]
    if event.best_step == 0:
        return ["No step is better than the weights that the run started from. Train longer."]
    return []


def _format_best(event: RunFinished) -> str:
    text = f"Best validation PSNR {event.best_psnr:.2f} dB at step {event.best_step}"
    if event.best_spectrum is not None:
        text = (
            f"Best validation at step {event.best_step}: spectrum distance {event.best_spectrum:.2f} dB, "
            f"PSNR {event.best_psnr:.2f} dB"
        )
    if event.bicubic_psnr is not None and event.best_psnr is not None:
        text += f", bicubic {event.bicubic_psnr:.2f} dB ({event.best_psnr - event.bicubic_psnr:+.2f} dB)"
    return text if event.test_psnr is None else f"{text}; test PSNR {event.test_psnr:.2f} dB"
