"""The moment of a window's first paint, from which its owner can read it."""

from __future__ import annotations

from typing import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtWidgets import QWidget

_PATIENCE = 3000  # milliseconds


def call_after_first_paint(window: QWidget, work: Callable[[], None], *, patience: int = _PATIENCE) -> None:
    """Call `work` once the first paint of the window is on the screen.

    A window that is not painted within `patience` milliseconds, because it is minimized or covered, does not delay
    `work` any longer.
    """
    _FirstPaint(window, work, patience)


class _FirstPaint(QObject):
    def __init__(self, window: QWidget, work: Callable[[], None], patience: int) -> None:
        super().__init__(window)
        self._window, self._work = window, work
        self._patience = QTimer(self, singleShot=True, interval=patience)
        self._patience.timeout.connect(self._end)
        self._patience.start()
        window.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Wait for the end of the first paint, which the event only begins."""
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            self._patience.start(0)
        return False

    def _end(self) -> None:
        self._window.removeEventFilter(self)
        self.deleteLater()
        self._work()
