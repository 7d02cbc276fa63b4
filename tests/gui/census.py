"""Counts what the program holds: Qt's objects, threads, open files, memory."""

from __future__ import annotations

import gc

import psutil
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from app.widgets.theme import theme
from tests.gui.window_driver import flush_deferred_deletes


def theme_listeners() -> int:
    """Return how many receivers the theme has."""
    return theme().receivers("2changed()")


def count_objects() -> dict[str, int]:
    """Count Qt's objects, as far as Python or a widget knows them."""
    flush_deferred_deletes()
    gc.collect()
    objects = [o for o in gc.get_objects() if issubclass(type(o), QObject) and isValid(o)]
    return {
        "widgets": len(QApplication.allWidgets()),
        "objects": len(objects),
        "timers that go on": sum(isinstance(o, QTimer) and o.isActive() and not o.isSingleShot() for o in objects),
        "listeners to the theme": theme_listeners(),
    }


def count_resources() -> dict[str, int]:
    """Count threads and open files of the process, and its resident memory in KB."""
    process = psutil.Process()
    files = process.num_fds() if hasattr(process, "num_fds") else process.num_handles()
    return {"threads": process.num_threads(), "open files": files, "memory": process.memory_info().rss // 1024}
