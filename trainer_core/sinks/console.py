"""The text output of a run: `ConsoleSink` prints it, `LogFileSink` writes it to `trainer.log`.

On a terminal, a progress bar shows loss, PSNR beside bicubic, speed and ETA, and all other events scroll above it. In a
log or a pipe each event is a line, and progress is a line every few steps.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from trainer_core.events import Event, PlanChanged, RunFinished, RunStarted, StepDone
from trainer_core.sinks.append_file import AppendFile
from trainer_core.sinks.event_text import EventFormatter
from trainer_core.sinks.throttle import Clock, LineSchedule, Throttle
from trainer_core.text import fit_to_stream, print_lines

if TYPE_CHECKING:
    from tqdm import tqdm

_BAR_INTERVAL = 0.1  # seconds
_BAR_FORMAT = "{percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} {desc}"
_OPEN_BAR_FORMAT = "step {n_fmt} {desc}"  # while a time budget is being measured


class ConsoleSink:
    """Sink that prints a run to `stream`, by default standard error.

    Args:
        stream: where to print; None for standard error. A windowed program has none, and nothing is printed.
        bar: whether to draw a progress bar; None draws one on a terminal.
        log_interval: steps between progress lines if there is no bar.
        clock: returns the time in seconds.
        is_stopping: whether the run is to end; a pipe from which nobody reads is then no longer waited for.
    """

    name = "the console"

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        bar: bool | None = None,
        log_interval: int = 100,
        clock: Clock = time.monotonic,
        is_stopping: Callable[[], bool] | None = None,
    ) -> None:
        self._is_stopping = is_stopping
        self._stream = sys.stderr if stream is None else stream
        with_bar = self._stream is not None and (self._stream.isatty() if bar is None else bar)
        self._bar = _Bar(self._stream, clock) if with_bar else None
        self._formatter = EventFormatter()
        self._line_schedule = LineSchedule(log_interval, clock)

    def __call__(self, event: Event) -> None:
        """Print one event."""
        if self._bar is not None:
            self._bar.on_event(event)
        if isinstance(event, StepDone) and self._bar is not None:
            self._bar.advance(event, self._formatter.format_status(event))
        elif _is_line_due(event, self._line_schedule):
            for line in self._formatter.format_event(event):
                self._print(line)

    def close(self) -> None:
        """Close the progress bar and leave its last state visible."""
        if self._bar is not None:
            self._bar.close()

    def _print(self, line: str) -> None:
        if self._bar is not None:
            self._bar.print(line)
        elif self._stream is not None:
            print_lines(line, stream=self._stream, is_stopping=self._is_stopping)


class LogFileSink:
    """Sink that writes the console's lines to a file, each with its local time; continues when the disk is full."""

    name = "trainer.log"

    def __init__(self, path: Path, *, log_interval: int = 100, clock: Clock = time.monotonic) -> None:
        self._file = AppendFile(path, describe_gap=_describe_gap)
        self._formatter = EventFormatter()
        self._line_schedule = LineSchedule(log_interval, clock)

    def __call__(self, event: Event) -> None:
        """Log one event."""
        if _is_line_due(event, self._line_schedule):
            for line in self._formatter.format_event(event):
                self._file.write_line(_with_time(line))

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _with_time(line: str) -> str:
    return f"{datetime.now():%Y-%m-%d %H:%M:%S} {line}"


def _describe_gap(lost: int) -> bytes:
    text = f"Lines that could not be written here: {lost}. The disk was full or not connected."
    return f"{_with_time(text)}\n".encode()


class _Bar:
    """Progress bar, created at the first step and closed at the end of the run."""

    def __init__(self, stream: TextIO, clock: Clock) -> None:
        self._stream = stream
        self._throttle = Throttle(_BAR_INTERVAL, clock)
        self._tqdm: tqdm[Any] | None = None

    def on_event(self, event: Event) -> None:
        """Follow the start, the total and the end of the run."""
        if isinstance(event, RunStarted):
            self.close()
        elif isinstance(event, PlanChanged) and self._tqdm is not None:
            self._tqdm.total, self._tqdm.bar_format = event.total_steps, _bar_format(event.total_steps)
        elif isinstance(event, RunFinished):
            self.close()

    def advance(self, event: StepDone, status: str) -> None:
        """Show the newest step; the bar is drawn at most ten times a second."""
        if self._tqdm is None:  # `not bar` fails for a bar of unknown length
            self._tqdm = self._make_bar(event)
        bar = self._tqdm
        bar.n = event.step
        bar.set_description_str(status, refresh=False)
        if self._throttle.is_due() or event.step == event.total_steps:
            bar.ncols = _columns(self._stream) - 1
            bar.refresh()

    def print(self, line: str) -> None:
        """Print a line above the bar."""
        if self._tqdm is None:
            print_lines(line, stream=self._stream)
        else:
            self._tqdm.write(fit_to_stream(line, self._stream), file=self._stream)

    def close(self) -> None:
        """Draw the bar a last time and close it."""
        if self._tqdm is not None:
            self._tqdm.close()
            self._tqdm = None

    def _make_bar(self, event: StepDone) -> tqdm[Any]:
        from tqdm import tqdm

        tqdm.monitor_interval = 0  # its monitor thread is not needed
        return tqdm(  # which draws the bar at once
            initial=event.step,
            total=event.total_steps,
            bar_format=_bar_format(event.total_steps),
            file=self._stream,
            ncols=_columns(self._stream) - 1,
            nrows=20,
        )


def _bar_format(total: int | None) -> str:
    return _OPEN_BAR_FORMAT if total is None else _BAR_FORMAT


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or 80  # some terminals report 0
    except (OSError, ValueError):
        return 80


def _is_line_due(event: Event, schedule: LineSchedule) -> bool:
    if isinstance(event, RunStarted):
        schedule.start(event.start_step)
    return not isinstance(event, StepDone) or schedule.is_due(event.step, event.total_steps)
