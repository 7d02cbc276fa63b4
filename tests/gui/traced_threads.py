"""Let coverage see what runs in Qt's threads: Python's own are traced from their start, Qt's must ask for it."""

from __future__ import annotations

import functools
import sys
import threading
from typing import Any, Callable

import pytest
from PySide6.QtCore import QThread, QThreadPool

_Work = Callable[..., Any]


def trace_qt_threads(patch: pytest.MonkeyPatch) -> None:
    """Start every `QThread` and every job of a `QThreadPool` with the trace function of the other threads, if any.

    From Python 3.14 on coverage needs no trace function, and this does nothing.
    """
    trace = getattr(threading, "gettrace", lambda: None)()
    if trace is None:
        return

    def traced(work: _Work) -> _Work:
        @functools.wraps(work)
        def run(*arguments: Any) -> Any:
            sys.settrace(trace)
            return work(*arguments)

        return run

    start_thread, start_job = QThread.start, QThreadPool.start

    def start(thread: QThread, *priority: Any) -> None:
        thread.run = traced(thread.run)  # type: ignore[method-assign]
        start_thread(thread, *priority)

    patch.setattr(QThread, "start", start)
    patch.setattr(QThreadPool, "start", lambda pool, job, *more: start_job(pool, traced(job), *more))
