"""The journal: `journal.jsonl` in the workspace, and the same lines on standard output (`--events jsonl`).

Each line is one JSON object, as `events.event_to_json` returns it. Numbers that are not finite are written as null,
because strict readers refuse NaN. `read_journal` returns the history of a run without superseded events.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

from trainer_core.events import Event, Notice, StepDone, event_from_json, event_to_json, is_known, is_superseded
from trainer_core.input_files import open_regular, read_lines
from trainer_core.json_files import parse_json
from trainer_core.sinks.append_file import AppendFile
from trainer_core.sinks.throttle import Clock, Throttle
from trainer_core.text import print_lines

_STEP_INTERVAL = 0.25  # seconds


class JournalSink:
    """Sink that appends events to `path`: at most four steps a second, and every event that is not a step.

    The last step before another event is always written.
    """

    name = "the journal"

    def __init__(self, path: Path, *, clock: Clock = time.monotonic) -> None:
        self._file = AppendFile(path, describe_gap=_describe_gap)
        self._throttle = Throttle(_STEP_INTERVAL, clock)
        self._held_step: str | None = None

    def __call__(self, event: Event) -> None:
        """Write one event, or hold back a step that follows another too soon."""
        if isinstance(event, StepDone) and not self._throttle.is_due():
            self._held_step = format_json_line(event)
            return
        if isinstance(event, StepDone):
            self._held_step = None  # this step supersedes it
        self._write_held_step()
        self._file.write_line(format_json_line(event))

    def close(self) -> None:
        """Write the step held back, if any, and close the file."""
        self._write_held_step()
        self._file.close()

    def _write_held_step(self) -> None:
        if self._held_step is not None:
            self._file.write_line(self._held_step)
            self._held_step = None


def _describe_gap(lost: int) -> bytes:
    text = f"Events that could not be written here: {lost}. The disk was full or not connected."
    return f"{format_json_line(Notice('warning', text))}\n".encode("ascii")


class JsonlStdoutSink:
    """Sink that writes every event to `stream` at once, for a program that reads them.

    Args:
        stream: where to write.
        is_stopping: whether the run is to end; a program that does not read is then no longer waited for.
    """

    name = "the event stream"

    def __init__(self, stream: TextIO, is_stopping: Callable[[], bool] | None = None) -> None:
        self._stream, self._is_stopping = stream, is_stopping

    def __call__(self, event: Event) -> None:
        """Write one event."""
        print_lines(format_json_line(event), stream=self._stream, is_stopping=self._is_stopping)


def format_json_line(event: Event) -> str:
    """Format the event as one line of strict ASCII JSON, without the line end."""
    return json.dumps(_without_non_finite(event_to_json(event)), allow_nan=False)


def read_journal(path: Path) -> list[dict[str, Any]]:
    """Read the records of a journal in order; a missing file has none.

    Records superseded by a resumed run and unreadable (incomplete) lines are skipped.
    """
    if not os.path.exists(path):
        return []
    history: list[dict[str, Any]] = []
    with open_regular(path) as file:
        for line in read_lines(file):
            record = parse_line(line.decode("utf-8", "replace"))
            if record is None or (is_known(record) and event_from_json(record) is None):
                continue
            if record["event"] == "RunStarted":
                start = record.get("start_step")
                history = [r for r in history if not is_superseded(r["event"], r.get("step"), start)]
            history.append(record)
    return history


def parse_line(line: str) -> dict[str, Any] | None:
    """Parse the record of a line; None if the line is not a record of an event.

    The fields may have any value; `events.event_from_json` checks them.
    """
    try:
        record = parse_json(line)
    except ValueError:
        return None
    return record if isinstance(record, dict) and isinstance(record.get("event"), str) else None


def _without_non_finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_non_finite(v) for key, v in value.items()}
    if isinstance(value, list):
        return [_without_non_finite(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
