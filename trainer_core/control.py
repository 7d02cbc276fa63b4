"""How whoever watches a run steers it: stop, pause, and one-shot requests.

One `RunControl` is shared by the training loop, which asks it at each step boundary, and by any other
thread (a signal handler, the window), which sets it. Nothing here blocks except `wait_while_paused`.
"""

from __future__ import annotations

import threading
from enum import Enum


class StopMode(Enum):
    """Why a run should end before its last step."""

    SAVE = "save"  # finish the step, write a checkpoint, leave
    DISCARD = "discard"  # leave without writing one: the steps since the last checkpoint are dropped


class RunRequest(Enum):
    """What can be asked for once, to be served at the next step boundary."""

    SAVE = "save"
    VALIDATE = "validate"
    PREVIEW = "preview"


class RunControl:
    """Thread-safe switches of one run. A signal handler may call every method but the waiting one."""

    def __init__(self) -> None:
        self._stop: StopMode | None = None
        self._running = threading.Event()
        self._running.set()
        self._pauses = self._reached = 0  # asked for; and which of them the loop has come to
        self._requests: set[RunRequest] = set()
        self._lock = threading.RLock()  # re-entrant: a signal handler may interrupt a holder

    @property
    def stop_requested(self) -> StopMode | None:
        """The pending stop, or None while the run may go on."""
        return self._stop

    @property
    def is_paused(self) -> bool:
        """Whether the loop waits (or will wait at the next step boundary)."""
        return not self._running.is_set()

    @property
    def is_waiting(self) -> bool:
        """Whether the loop has come to the pause: nothing is computed until it ends."""
        return self.is_paused and self._reached == self._pauses

    def stop(self, mode: StopMode = StopMode.SAVE) -> None:
        """Ask the run to end at the next step boundary; ends a pause as well. The first call wins."""
        if self._stop is None:
            self._stop = mode
        self._running.set()

    def pause(self) -> None:
        """Ask the run to wait at the next step boundary. Without effect once a stop is pending."""
        if self._stop is None:
            self._pauses += not self.is_paused
            self._running.clear()

    def resume(self) -> None:
        """End a pause."""
        self._running.set()

    def request(self, request: RunRequest) -> None:
        """Ask for a checkpoint, a validation or a preview at the next step boundary."""
        with self._lock:
            self._requests.add(request)

    def pop_requests(self) -> frozenset[RunRequest]:
        """The requests since the last call, which are thereby served."""
        with self._lock:
            taken = frozenset(self._requests)
            self._requests.clear()
        return taken

    def wait_while_paused(self, timeout: float | None = None) -> bool:
        """Block until the pause ends or `timeout` seconds pass; True when the run may go on."""
        self._reached = self._pauses
        return self._running.wait(timeout)
