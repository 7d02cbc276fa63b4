"""Keeps the machine from falling asleep while a training runs; the screen may go dark. One small class per system.

Each releases its hold by itself when this process dies. Where nothing can be done, nothing is.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from typing import Protocol

_TIMEOUT = 0.5  # seconds; the window waits meanwhile


class SleepInhibitor(Protocol):
    """Hold and release; both may be called twice."""

    def inhibit(self) -> None:
        """No sleep from now on."""

    def release(self) -> None:
        """Sleep as usual."""


class _HelperProcess:
    """A helper program that holds for as long as it lives.

    In a session of its own: it asks no terminal for a password, and Ctrl+C does not end it before the run is saved.
    """

    def __init__(self, command: list[str]) -> None:
        self._command = command
        self._process: subprocess.Popen[bytes] | None = None

    def inhibit(self) -> None:
        if self._process is None:
            with contextlib.suppress(OSError):
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )

    def release(self) -> None:
        if self._process is not None:
            if self._process.stdin is not None:
                with contextlib.suppress(OSError):
                    self._process.stdin.close()  # what it waits for
            self._process.terminate()
            try:
                self._process.wait(_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
            self._process = None


class _WindowsInhibitor:
    """The system's own call; it counts for the calling thread."""

    _CONTINUOUS, _SYSTEM_REQUIRED = 0x80000000, 0x00000001

    def inhibit(self) -> None:
        self._set(self._CONTINUOUS | self._SYSTEM_REQUIRED)

    def release(self) -> None:
        self._set(self._CONTINUOUS)

    @staticmethod
    def _set(state: int) -> None:
        import ctypes

        ctypes.windll.kernel32.SetThreadExecutionState(state)  # type: ignore[attr-defined,unused-ignore]


class _NoInhibitor:
    def inhibit(self) -> None:
        pass

    def release(self) -> None:
        pass


def make_sleep_inhibitor() -> SleepInhibitor:
    """What keeps this system awake."""
    if os.name == "nt":
        return _WindowsInhibitor()
    if sys.platform == "darwin":
        return _HelperProcess(["caffeinate", "-i", "-s", "-w", str(os.getpid())])
    if shutil.which("systemd-inhibit"):
        why = "--why=A training is running"
        return _HelperProcess(["systemd-inhibit", "--what=sleep:idle", "--who=WQV Upscale Trainer", why, "cat"])
    return _NoInhibitor()
