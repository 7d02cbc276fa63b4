"""The signals that end a program: `TerminationSignals` handles them, except those that the parent process ignores."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any, TypeVar

NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # Ctrl+C, kill, a closed terminal, Ctrl+Break on Windows

HandlerT = TypeVar("HandlerT", bound="TerminationSignals")


class TerminationSignals:
    """Calls `handle` for each of these signals while the `with` block runs.

    A signal that the parent process ignores, as under `nohup` and in background jobs of scripts, stays ignored. Does
    nothing outside the main thread, which alone may handle signals.
    """

    def __init__(self) -> None:
        self._previous: dict[int, Any] = {}

    def handle(self, number: int) -> None:
        """Handle a signal; called in the main thread, between two instructions of Python."""
        raise NotImplementedError

    def __enter__(self: HandlerT) -> HandlerT:
        if threading.current_thread() is threading.main_thread():
            numbers = [getattr(signal, name) for name in NAMES if hasattr(signal, name)]
            handled = [number for number in numbers if signal.getsignal(number) is not signal.SIG_IGN]
            self._previous = {number: signal.signal(number, self._on_signal) for number in handled}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.handle(number)
