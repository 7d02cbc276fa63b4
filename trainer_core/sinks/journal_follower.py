"""Reading a journal while another process writes it; the window shows the run of another process with it."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from trainer_core.events import Event, RunStarted, StepDone, event_from_json, is_superseded
from trainer_core.input_files import open_regular
from trainer_core.sinks.journal import parse_line

_FINGERPRINT_BYTES = 256  # bytes; time and run id in the first line distinguish one run from another
_BLOCK_BYTES = 8 << 20


class JournalFollower:
    """Reader of the new events at one path, where the file may be missing, grow, be truncated or replaced.

    Attributes:
        files: number of files read so far. When this number grows, the next events come from a new file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fingerprint = b""
        self._offset = 0
        self.files = 1

    def read_new_events(self) -> Iterator[Event]:
        """Return an iterator over the events since the last call, each as soon as its line is complete.

        Previews have no pixels; unreadable lines are skipped. The first block of the file is read at once, the others
        as the iterator comes to them. The file is closed after each block, so that the writer can move it; the lines
        are parsed one by one, so that other threads can run.
        """
        first = self._read_block(is_first=True)
        records = (parse_line(line.decode("utf-8", "replace")) for line in self._lines(first))
        events = (event_from_json(record) for record in records if record is not None)
        return (event for event in events if event is not None)

    def _lines(self, block: bytes) -> Iterator[bytes]:
        while block:
            yield from io.BytesIO(block)
            block = self._read_block()

    def _read_block(self, *, is_first: bool = False) -> bytes:
        """Read the complete lines of the next block; b"" at the end, or if the file is another one than before."""
        try:
            with open_regular(self._path) as file:
                head = file.read(_FINGERPRINT_BYTES)
                if not head.startswith(self._fingerprint) or os.fstat(file.fileno()).st_size < self._offset:
                    if not is_first:
                        return b""  # the next call begins with the other file
                    self._offset = 0
                    self.files += 1
                self._fingerprint = head
                file.seek(self._offset)
                data = file.read(_BLOCK_BYTES)
        except OSError:
            return b""  # not written yet, or just being archived
        is_part_of_line = b"\n" not in data and len(data) == _BLOCK_BYTES  # zeros that a power cut left
        block = data if is_part_of_line else data[: data.rfind(b"\n") + 1]
        self._offset += len(block)
        return block


def without_repeats(events: Iterable[Event]) -> list[Event]:
    """Return the events of a run without superseded ones, and only the last of consecutive steps."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, RunStarted):
            start = event.start_step
            result = [e for e in result if not is_superseded(type(e).__name__, getattr(e, "step", None), start)]
        if isinstance(event, StepDone) and result and isinstance(result[-1], StepDone):
            result.pop()
        result.append(event)
    return result
