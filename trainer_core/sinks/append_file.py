"""A text file that only grows, line by line, and outlives a full disk.

Lines go straight to the system, so a killed process loses none. A line that cannot be written is dropped. A torn
line of an earlier process or of a full disk is closed first, so that it spoils no other.
"""

from __future__ import annotations

from pathlib import Path


class AppendFile:
    """UTF-8 lines appended to `path`.

    Raises:
        OSError: only from the constructor, when the file cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self._needs_newline = _ends_mid_line(path)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 (kept open for the length of a run)

    def write(self, line: str) -> bool:
        """Append one line; False when the system refused it."""
        data = (line + "\n").encode("utf-8", "backslashreplace")
        try:
            self._write_bytes((b"\n" if self._needs_newline else b"") + data)
        except OSError:
            self._needs_newline = True
            return False
        self._needs_newline = False
        return True

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._file.close()

    def _write_bytes(self, data: bytes) -> None:
        while data:
            data = data[self._file.write(data) or 0 :]


def _ends_mid_line(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    with open(path, "rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"
