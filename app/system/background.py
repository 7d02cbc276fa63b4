"""Thread pool for small jobs without torch: scanning folders, reading file headers and journals."""

from __future__ import annotations

from typing import Any, Callable

from PySide6.QtCore import QObject, QThreadPool, Signal, Slot

_CLOSE_TIMEOUT = 5000  # milliseconds


class Background(QObject):
    """Runner of named jobs; of several jobs with one name only the newest delivers its result."""

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
        """Run `work` in the pool, then call `done(value)` or `failed(error)` in the window's thread."""
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
        """Return a predicate for the next job `name`; it becomes false once that job is superseded or dropped."""
        number = self._latest_numbers.get(name, 0) + 1
        return lambda: self._latest_numbers.get(name) == number

    def cancel(self, name: str) -> None:
        """Drop the result of the running job `name`."""
        self._latest_numbers[name] = self._latest_numbers.get(name, 0) + 1

    @property
    def is_busy(self) -> bool:
        """Whether a job is running."""
        return self._pool.activeThreadCount() > 0

    def close(self) -> None:
        """Drop all results and wait for the running jobs, but not for a job that does not end."""
        self._latest_numbers = {name: number + 1 for name, number in self._latest_numbers.items()}
        self._pool.waitForDone(_CLOSE_TIMEOUT)

    @Slot(str, int, object)
    def _deliver(self, name: str, number: int, answer: Callable[[], None]) -> None:
        if self._latest_numbers.get(name) == number:
            answer()
