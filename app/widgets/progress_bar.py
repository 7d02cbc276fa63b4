"""Thin progress bar that shows the completed share, or moves back and forth while the total is unknown."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar

from trainer_core.events import PlanChanged, RunStarted, StepDone


class ProgressBar(QProgressBar):
    """Progress bar without text.

    Args:
        name: accessible name, for screen readers.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setTextVisible(False)
        self.setAccessibleName(name)

    def set_busy(self) -> None:
        """Show that the total is unknown."""
        self.setRange(0, 0)

    def on_event(self, event: object, *, time_limit: float | None = None) -> None:
        """Show how far a run is: by its time under a time limit, else by its steps.

        Before the first step of a run the bar moves, because the preparations may take a minute.

        Args:
            event: an event of the run.
            time_limit: minutes that the whole run may take; None without a limit, or if it is unknown.
        """
        if isinstance(event, RunStarted):
            self.set_progress(event.start_step, event.total_steps if event.start_step else None)
        elif isinstance(event, StepDone) and event.step == event.total_steps:
            self.set_progress(1, 1)
        elif isinstance(event, StepDone) and time_limit is not None:
            self.set_progress(round(event.run_seconds), max(1, round(60 * time_limit)))
        elif isinstance(event, (PlanChanged, StepDone)) and event.total_steps and time_limit is None:
            self.set_progress(event.step, event.total_steps)
        elif isinstance(event, StepDone) and event.seconds_left is not None:
            self.set_progress(round(event.run_seconds), max(1, round(event.run_seconds + event.seconds_left)))

    @property
    def is_busy(self) -> bool:
        """Whether the total is unknown."""
        return self.maximum() == 0

    def set_progress(self, done: int, total: int | None) -> None:
        """Show that `done` of `total` is completed, `total` at most; None is an unknown total."""
        if total and self.is_busy:
            self._end_busy()
        self.setRange(0, total or 0)
        self.setValue(min(done, total) if total else done)  # Qt ignores a value above the maximum

    def _end_busy(self) -> None:
        """Stop the busy animation: the style repaints until it has drawn a bar of at least a pixel."""
        self.setRange(0, 1)
        self.setValue(1)
        self.grab()
