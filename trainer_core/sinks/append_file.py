"""A text file that only grows, line by line, and survives a full disk; for `trainer.log` and the journal.

Lines are written without a buffer, so a killed process loses none. A line that cannot be written is dropped. An
incomplete line of an earlier process or of a full disk is ended first, so that it does not damage the next one.
"""

from __future__ import annotations

from pathlib import Path

from trainer_core.input_files import open_regular


class AppendFile:
    """File of UTF-8 lines that are appended to `path`.

    Raises:
        OSError: the file cannot be opened; only the constructor raises it.
    """

    def __init__(self, path: Path) -> None:
        self._needs_newline = _ends_mid_line(path)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 (open for the length of a run)

    def write(self, line: str) -> bool:
        """Append one line and return whether it was written."""
        data = (line + "\n").encode("utf-8", "backslashreplace")
        try:
            self._write_bytes((b"\n" if self._needs_newline else b"") + data)
        except OSError:
            self._needs_newline = True
            return False
        self._needs_newline = False
        return True

    def close(self) -> None:
        """Close the file; a second call has no effect."""
        self._file.close()

    def _write_bytes(self, data: bytes) -> None:
        while data:
            data = data[self._file.write(data) or 0 :]


def _ends_mid_line(path: Path) -> bool:
    if not path.exists():
        return False
    with open_regular(path) as file:
        if file.seek(0, 2) == 0:
            return False
        file.seek(-1, 2)
        return file.read(1) != b"\n"
