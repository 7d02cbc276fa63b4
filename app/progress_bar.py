"""A thin bar that says how much is done, or moves to and fro while that is not known."""

from __future__ import annotations

from PySide6.QtWidgets import QProgressBar


class ProgressBar(QProgressBar):
    """Has no text; its accessible name says of what it is."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.setTextVisible(False)
        self.setAccessibleName(name)

    def set_busy(self) -> None:
        """How much there is to do is not known."""
        self.setRange(0, 0)

    def set_progress(self, done: int, total: int | None) -> None:
        """So much is done, of a total that may not be known."""
        if total and self.maximum() == 0:
            self._end_busy()
        self.setRange(0, total or 0)
        self.setValue(done)

    def _end_busy(self) -> None:
        """The style repaints a busy bar thirty times a second until it has drawn one with at least a pixel in it."""
        self.setRange(0, 1)
        self.setValue(1)
        self.grab()
