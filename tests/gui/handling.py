"""What several tests do with a window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication

from app.window import Window
from tests.small_runs import TINY


def finish(window: Window, qtbot: Any) -> None:
    """Close a window, whatever it is doing, and see that it goes."""
    window.close_at_once()
    qtbot.waitUntil(lambda: not window.session.active and not window.training.isRunning(), timeout=60000)
    window.close()
    window.deleteLater()


def bury_the_dead() -> None:
    """Let go what was told to go with `deleteLater`."""
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    QApplication.processEvents()


def fill_in(window: Window, photos: Path, workspace: Path, **more: object) -> None:
    """Enter what a tiny training needs."""
    for name, value in {**TINY, **more}.items():
        window.project.set(name, value)
    window.project.choose("source_dir", str(photos))
    window.project.choose("workspace", str(workspace))
