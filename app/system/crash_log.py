"""Crash log: `errors.log` with unhandled errors and Qt's warnings, and one fault file per process for hard crashes.

Python's `faulthandler` writes the trace into `fault-<process>-<time>.txt` while the process dies. A process that ends
normally deletes its file, so a nonempty file of a process that no longer runs means a crash. If the folder cannot be
written to, nothing is logged.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import sys
import threading
import time
from pathlib import Path
from typing import IO, Any, Callable

from PySide6.QtCore import QStandardPaths, QtMsgType, qInstallMessageHandler

from app.system.report_text import anonymize, version_line
from trainer_core.text import print_lines

_MAX_BYTES = 256_000  # bytes of errors.log; the previous file is kept as errors.old.log
_MAX_ENTRIES = 200  # per process; repeated errors add no information
_TAIL = 6000  # characters of the log in a crash report
_LEVELS = {
    QtMsgType.QtWarningMsg: "Qt warning",
    QtMsgType.QtCriticalMsg: "Qt error",
    QtMsgType.QtFatalMsg: "Qt fatal error",
}


def state_folder() -> Path:
    """Return the user's folder for log files; the application's name must be set before."""
    return Path(QStandardPaths.writableLocation(QStandardPaths.StandardLocation.StateLocation))


class CrashLog:
    """Log of errors and crashes; call `start` once, as early as possible, and `finish` at a normal end.

    Attributes:
        on_qt_message: called with each warning and error of Qt, in the thread that reports it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._log = folder / "errors.log"
        self._fault_file: IO[str] | None = None
        self._written = 0
        self._seen_messages: set[str] = set()
        self.on_qt_message: Callable[[str], None] = lambda message: None
        self._lock = threading.Lock()

    def start(self) -> None:
        """Start logging hard crashes and Qt's messages."""
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._folder / f"fault-{os.getpid()}-{time.time_ns()}.txt"
            self._fault_file = path.open("w", encoding="utf-8")
            faulthandler.enable(self._fault_file)
        self._previous_handler = qInstallMessageHandler(self._on_qt_message)

    def finish(self) -> None:
        """Stop logging and delete the fault file, because the program ends normally."""
        qInstallMessageHandler(self._previous_handler)
        if self._fault_file is not None:
            faulthandler.disable()
            self._fault_file.close()
            _remove(Path(self._fault_file.name))
            self._fault_file = None

    def add_entry(self, text: str) -> None:
        """Add an entry to errors.log; may be called from any thread."""
        with self._lock, contextlib.suppress(OSError):
            self._written += 1
            if self._written <= _MAX_ENTRIES:
                self._trim()
                entry = f"--- {time.strftime('%Y-%m-%d %H:%M:%S')}  {version_line()}\n{anonymize(text).rstrip()}\n"
                with self._log.open("a", encoding="utf-8", errors="replace") as file:
                    file.write(entry[:_MAX_BYTES])

    def pop_crash_report(self) -> str:
        """Return the trace of the newest crash and the last lines of the log, or ""; delete the fault files."""
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
        return f"{traces[-1]}\n\nLast lines of {self._log}:\n{tail}" if tail else traces[-1]

    def _trim(self) -> None:
        if os.path.exists(self._log) and self._log.stat().st_size > _MAX_BYTES:
            self._log.replace(self._log.with_name("errors.old.log"))

    def _tail(self) -> str:
        with contextlib.suppress(OSError):
            return self._log.read_text("utf-8", errors="replace")[-_TAIL:].strip()
        return ""

    def _is_alive(self, path: Path) -> bool:
        """Whether the process of a fault file still runs."""
        import psutil

        number = path.stem.split("-")[1]
        if not number.isdigit():
            return True  # not written by this program
        if int(number) == os.getpid():
            return self._fault_file is not None and path == Path(self._fault_file.name)
        return bool(psutil.pid_exists(int(number)))

    def _on_qt_message(self, kind: QtMsgType, context: Any, message: str) -> None:
        if kind in _LEVELS:
            if message not in self._seen_messages and len(self._seen_messages) < _MAX_ENTRIES:
                self._seen_messages.add(message)
                self.add_entry(f"{_LEVELS[kind]}: {message}")
            self.on_qt_message(message)
        else:  # debug output, such as that of QT_DEBUG_PLUGINS
            print_lines(message, stream=sys.stderr)


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
