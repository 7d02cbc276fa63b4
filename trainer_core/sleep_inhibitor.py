"""Sleep inhibitors, one class per system: they keep the machine awake during training; the screen may turn off.

Each releases its hold when this process dies. On a system without support they do nothing.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from typing import Protocol

_TIMEOUT = 0.5  # seconds; release waits that long


class SleepInhibitor(Protocol):
    """Inhibitor of sleep; both methods may be called twice."""

    def inhibit(self) -> None:
        """Keep the machine awake."""

    def release(self) -> None:
        """Allow sleep again."""


class _HelperProcess:
    """Inhibitor that runs a helper program for as long as it holds.

    The program gets its own session, so that it cannot ask for a password on the terminal, and Ctrl+C does not end it
    before the run is saved.
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
                    self._process.stdin.close()  # the helper ends when its input closes
            self._process.terminate()
            try:
                self._process.wait(_TIMEOUT)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None


class _WindowsInhibitor:
    """Inhibitor that calls the Windows API, which applies to the calling thread."""

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
    """Inhibitor that does nothing."""

    def inhibit(self) -> None:
        pass

    def release(self) -> None:
        pass


def make_sleep_inhibitor() -> SleepInhibitor:
    """Return the inhibitor of this system."""
    if os.name == "nt":
        return _WindowsInhibitor()
    if sys.platform == "darwin":
        return _HelperProcess(["caffeinate", "-i", "-s", "-w", str(os.getpid())])
    if shutil.which("systemd-inhibit"):
        reason = "--why=Training is running"
        return _HelperProcess(["systemd-inhibit", "--what=sleep:idle", "--who=WQV Upscale Trainer", reason, "cat"])
    return _NoInhibitor()


@contextlib.contextmanager
def inhibited_sleep() -> Iterator[None]:
    """Keep the machine awake within a `with` block."""
    inhibitor = make_sleep_inhibitor()
    inhibitor.inhibit()
    try:
        yield
    finally:
        inhibitor.release()
