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
        self._torn = _ends_torn(path)
        self._file = open(path, "ab", buffering=0)  # noqa: SIM115 (kept open for the length of a run)

    def write(self, line: str) -> bool:
        """Append one line; False when the system refused it."""
        data = (line + "\n").encode("utf-8", "backslashreplace")
        try:
            self._put((b"\n" if self._torn else b"") + data)
        except OSError:
            self._torn = True
            return False
        self._torn = False
        return True

    def close(self) -> None:
        """Close the file; closing twice does no harm."""
        self._file.close()

    def _put(self, data: bytes) -> None:
        while data:
            data = data[self._file.write(data) or 0 :]


def _ends_torn(path: Path) -> bool:
    if not path.exists() or path.stat().st_size == 0:
        return False
    with open(path, "rb") as file:
        file.seek(-1, 2)
        return file.read(1) != b"\n"
