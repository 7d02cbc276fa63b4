"""A journal read while another process writes it: each event once, in order, as soon as its line is complete."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from trainer_core.events import Event, RunStarted, StepDone, event_from_json, is_superseded
from trainer_core.sinks.journal import parse_line

_FINGERPRINT_BYTES = 256  # bytes; the first line tells one run from another by its time and its run's id


class JournalFollower:
    """Follows one path, whatever happens to the file there: not there yet, growing, truncated, put aside for a new run.

    `files` counts the files met so far. When it grows, the events are no longer a sequel: they begin anew.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fingerprint = b""
        self._offset = 0
        self.files = 1

    def read_new_events(self) -> Iterator[Event]:
        """The events since the last call; previews come without their pictures, unreadable lines are left out.

        The file is read and closed at once (so that the writer can move it), the lines are parsed one by one.
        """
        events = (event_from_json(record) for record in map(parse_line, self._new_lines()) if record is not None)
        return (event for event in events if event is not None)

    def _new_lines(self) -> Iterator[str]:
        try:
            with open(self._path, "rb") as file:
                self._check_same_file(file)
                file.seek(self._offset)
                data = file.read()
        except OSError:
            return iter(())  # not there yet, or just being put aside
        data = data[: data.rfind(b"\n") + 1]
        self._offset += len(data)
        return (line.decode("utf-8", "replace") for line in io.BytesIO(data))  # one by one: others must breathe

    def _check_same_file(self, file: BinaryIO) -> None:
        head = file.read(_FINGERPRINT_BYTES)
        if not head.startswith(self._fingerprint) or os.fstat(file.fileno()).st_size < self._offset:
            self._offset = 0
            self.files += 1
        self._fingerprint = head


def without_repeats(events: Iterable[Event]) -> list[Event]:
    """The events of a run without what a resume did again, and of steps in a row only the last one."""
    kept: list[Event] = []
    for event in events:
        if isinstance(event, RunStarted):
            start = event.start_step
            kept = [e for e in kept if not is_superseded(type(e).__name__, getattr(e, "step", None), start)]
        if isinstance(event, StepDone) and kept and isinstance(kept[-1], StepDone):
            kept.pop()
        kept.append(event)
    return kept
