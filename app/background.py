"""Small work that needs no torch, away from the window's thread: scanning folders, reading headers and journals."""

from __future__ import annotations

from typing import Any, Callable

from PySide6.QtCore import QObject, QThreadPool, Signal, Slot


class Background(QObject):
    """Runs jobs by name; of several with one name only the newest one's answer arrives."""

    _finished = Signal(str, int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = QThreadPool(self)
        self._pool.setMaxThreadCount(2)
        self._latest_numbers: dict[str, int] = {}
        self._finished.connect(self._deliver)

    def run_job(
        self, name: str, work: Callable[[], Any], done: Callable[[Any], None], failed: Callable[[Exception], None]
    ) -> None:
        """Do `work`; then `done` with its value or `failed` with its error, in the window's thread."""
        number = self._latest_numbers[name] = self._latest_numbers.get(name, 0) + 1

        def job() -> None:
            try:
                value = work()
            except Exception as error:
                self._finished.emit(name, number, lambda error=error: failed(error))
            else:
                self._finished.emit(name, number, lambda: done(value))

        self._pool.start(job)

    def is_current(self, name: str) -> Callable[[], bool]:
        """For the work that `run` is given next under this name: whether its answer is still waited for."""
        number = self._latest_numbers.get(name, 0) + 1
        return lambda: self._latest_numbers.get(name) == number

    def cancel(self, name: str) -> None:
        """Drop the answer that is under way."""
        self._latest_numbers[name] = self._latest_numbers.get(name, 0) + 1

    @property
    def is_busy(self) -> bool:
        """Whether work is under way."""
        return self._pool.activeThreadCount() > 0

    def close(self) -> None:
        """Wait for what runs; later answers are dropped."""
        self._latest_numbers = {name: number + 1 for name, number in self._latest_numbers.items()}
        self._pool.waitForDone()

    @Slot(str, int, object)
    def _deliver(self, name: str, number: int, answer: Callable[[], None]) -> None:
        if self._latest_numbers.get(name) == number:
            answer()
