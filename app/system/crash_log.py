"""What is left of a program that broke: the log of errors, and the trace of a process that died of a hard fault.

`errors.log` collects escaped errors and Qt's warnings. `fault-<process>-<time>.txt` belongs to one process; Python's
`faulthandler` writes into it while the process dies. A process that ends well takes its file away, so a file with text
in it of a process that is gone means: the last time it crashed. Where nothing can be written, nothing is.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any

from PySide6.QtCore import QStandardPaths, QtMsgType, qInstallMessageHandler

from app.system.report_text import anonymize, version_line

_MAX_BYTES = 256_000  # bytes of errors.log; what was there before is kept once
_MAX_ENTRIES = 200  # a process writes; a flood says no more than that
_TAIL = 6000  # characters of the log that a crash report takes along
_LEVELS = {
    QtMsgType.QtWarningMsg: "Qt warning",
    QtMsgType.QtCriticalMsg: "Qt error",
    QtMsgType.QtFatalMsg: "Qt fatal error",
}


def state_folder() -> Path:
    """The user's folder for such files; the application's name must be set."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.StateLocation))


class CrashLog:
    """`begin` once, as early as possible; `end` when all went well."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "errors.log"
        self._fault_file: IO[str] | None = None
        self._written = 0
        self._last_message: set[str] = set()
        self._lock = threading.Lock()

    def start(self) -> None:
        """Catch hard faults and Qt's messages from now on."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"fault-{os.getpid()}-{time.time_ns()}.txt"
            self._fault_file = path.open("w", encoding="utf-8")
            faulthandler.enable(self._fault_file)
        self._before = qInstallMessageHandler(self._on_qt_message)

    def finish(self) -> None:
        """The program ends as it should."""
        qInstallMessageHandler(self._before)
        if self._fault_file is not None:
            faulthandler.disable()
            self._fault_file.close()
            _remove(Path(self._fault_file.name))
            self._fault_file = None

    def add_entry(self, text: str) -> None:
        """Add an entry to errors.log; from any thread."""
        with self._lock, contextlib.suppress(OSError):
            self._written += 1
            if self._written <= _MAX_ENTRIES:
                self._trim()
                entry = f"--- {time.strftime('%Y-%m-%d %H:%M:%S')}  {version_line()}\n{anonymize(text).rstrip()}\n"
                with self._log.open("a", encoding="utf-8", errors="replace") as file:
                    file.write(entry[:_MAX_BYTES])

    def pop_crash_report(self) -> str:
        """The trace of the newest process that crashed, and what the log says before it; asked again it is ""."""
        traces = []
        for path in sorted(self._folder.glob("fault-*.txt"), key=lambda path: path.name.split("-")[-1]):
            if not self._is_alive(path):
                with contextlib.suppress(OSError):
                    traces.append(path.read_text("utf-8", errors="replace").strip())
                _remove(path)
        traces = [trace for trace in traces if trace]
        if not traces:
            return ""
        tail = self._tail()
        self.add_entry(f"An earlier process crashed:\n{traces[-1]}")
        return f"{traces[-1]}\n\nThe end of {self._log}:\n{tail}" if tail else traces[-1]

    def _trim(self) -> None:
        if self._log.exists() and self._log.stat().st_size > _MAX_BYTES:
            self._log.replace(self._log.with_name("errors.old.log"))

    def _tail(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_text("utf-8", errors="replace")[-_TAIL:].strip()
        return ""

    def _is_alive(self, path: Path) -> bool:
        """Whether the process that a file belongs to still runs."""
        import psutil

        number = path.stem.split("-")[1]
        if not number.isdigit():
            return True  # not one of ours
        if int(number) == os.getpid():
            return self._fault_file is not None and path == Path(self._fault_file.name)
        return bool(psutil.pid_exists(int(number)))

    def _on_qt_message(self, kind: QtMsgType, context: Any, message: str) -> None:
        if kind in _LEVELS:
            if message not in self._last_message and len(self._last_message) < _MAX_ENTRIES:
                self._last_message.add(message)
                self.add_entry(f"{_LEVELS[kind]}: {message}")
        elif sys.stderr is not None:  # what a developer asked for with QT_DEBUG_PLUGINS and the like
            print(message, file=sys.stderr)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
