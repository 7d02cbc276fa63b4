"""Control of a running training: stop, pause and one-shot requests, and what the run does between its steps.

The training loop and the other threads (a signal handler, the window) share one `RunControl`: the others set it, the
loop reads it at each step boundary. Everything else that can take seconds (the search for photos, validations,
previews, waiting for photos) calls `raise_if_stopped` in between, so that a stop takes effect soon in every part of a
run. Only `wait_while_paused` and `wait_for_save_answer` block.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

SAVE_PATIENCE = 600.0
"""Seconds for which the end of a run on the command line waits for a disk that cannot be written."""
_SHORT = 0.5  # seconds; a shorter activity is not worth a mention


class Stopped(Exception):
    """The end of work because a stop was requested while it was under way; its result does not exist."""


class StopMode(Enum):
    """Way of ending a run before its last step."""

    SAVE = "save"  # finish the step, write a checkpoint, end
    DISCARD = "discard"  # end without a checkpoint: drops the steps since the last one


class RunRequest(Enum):
    """A one-shot request, which the loop serves at the next step boundary."""

    SAVE = "save"
    VALIDATE = "validate"
    PREVIEW = "preview"


class Activity(Enum):
    """What a run does while it does no steps."""

    RENDERING = "rendering"  # the built-in scenes
    MEASURING = "measuring"  # how long a validation will take
    VALIDATING = "validating"
    TESTING = "testing"
    PREVIEWING = "previewing"
    SAVING = "saving"
    WAITING = "waiting"  # for photos


@dataclass(frozen=True)
class SaveAnswer:
    """The user's answer while the end of a run cannot be saved: try again, in another folder, or give up."""

    folder: Path | None = None
    gives_up: bool = False


class RunControl:
    """Thread-safe switches of one run. A signal handler may call every method except those that wait.

    Args:
        save_patience: seconds for which the end of the run waits for a disk that cannot be written.
    """

    def __init__(self, *, save_patience: float = SAVE_PATIENCE) -> None:
        self.save_patience = save_patience
        self._save_answer: SaveAnswer | None = None
        self._is_waiting_for_room = False
        self._stop: StopMode | None = None
        self._has_begun = False
        self._running = threading.Event()
        self._running.set()
        self._pauses = self._reached = 0  # number of pauses requested, and of the one that the loop has reached
        self._requests: set[RunRequest] = set()
        self._activity: tuple[Activity, float] | None = None  # and when it began, time.monotonic()
        self._last_step = 0.0  # when the run left its steps for an activity
        self._activity_count: tuple[int, int] | None = None
        self._lock = threading.RLock()  # re-entrant: a signal handler may interrupt a holder

    @property
    def stop_requested(self) -> StopMode | None:
        """The pending stop, or None while the run may continue."""
        return self._stop

    def raise_if_stopped(self) -> None:
        """Raise `Stopped` if a stop is pending."""
        if self._stop is not None:
            raise Stopped

    def begin(self) -> None:
        """Record that the run begins to write."""
        self._has_begun = True

    @property
    def has_begun(self) -> bool:
        """Whether the run has begun to write; before that, ending the process loses nothing."""
        return self._has_begun

    @property
    def is_paused(self) -> bool:
        """Whether a pause is requested: the loop waits already or will wait at the next step boundary."""
        return not self._running.is_set()

    @property
    def is_waiting(self) -> bool:
        """Whether the loop has reached the pause and computes nothing until it ends."""
        return self.is_paused and self._reached == self._pauses

    def stop(self, mode: StopMode = StopMode.SAVE) -> None:
        """Request the end of the run at the next step boundary and end a pause. The first call wins."""
        if self._stop is None:
            self._stop = mode
        self._running.set()

    def pause(self) -> None:
        """Request a pause at the next step boundary. Does nothing once a stop is pending."""
        if self._stop is None:
            self._pauses += not self.is_paused
            self._running.clear()

    def resume(self) -> None:
        """End a pause."""
        self._running.set()

    def request(self, request: RunRequest) -> None:
        """Request a checkpoint, a validation or a preview at the next step boundary."""
        with self._lock:
            self._requests.add(request)

    def pop_requests(self) -> frozenset[RunRequest]:
        """Return the requests since the last call and clear them."""
        with self._lock:
            requests = frozenset(self._requests)
            self._requests.clear()
        return requests

    def wait_while_paused(self, timeout: float | None = None) -> bool:
        """Block until the pause ends or `timeout` seconds pass; return True if the run may continue."""
        self._reached = self._pauses
        return self._running.wait(timeout)

    @contextlib.contextmanager
    def during(self, activity: Activity) -> Iterator[None]:
        """Mark the `with` block, or the function that this decorates, as this activity."""
        before, now = self._activity, time.monotonic()
        self._last_step = now if before is None else self._last_step
        self._activity, self._activity_count = (activity, now), None
        try:
            yield
        finally:
            self._activity, self._activity_count = before, None

    def begin_phase(self, activity: Activity) -> None:
        """Let the rest of the present activity, if there is one, be this one, which begins now."""
        if self._activity is not None:
            self._activity, self._activity_count = (activity, time.monotonic()), None

    def count_activity(self, number: int, total: int) -> None:
        """Record that the present activity begins with part `number` of `total`, such as a photo."""
        self._activity_count = number, total

    @property
    def activity(self) -> Activity | None:
        """What the run does in place of steps, None while it does steps or since less than half a second."""
        activity = self._activity
        return activity[0] if activity is not None and time.monotonic() - self._last_step >= _SHORT else None

    @property
    def activity_seconds(self) -> float:
        """Seconds since the present activity, or phase of one, began, 0 without one."""
        activity = self._activity
        return time.monotonic() - activity[1] if activity is not None else 0.0

    @property
    def activity_count(self) -> tuple[int, int] | None:
        """The part of the present activity, from 1, and how many it has; None where they are not counted."""
        return self._activity_count

    # -- a run that cannot be saved ------------------------------------------------------------

    @property
    def is_waiting_for_room(self) -> bool:
        """Whether the end of the run waits because it cannot be saved."""
        return self._is_waiting_for_room

    def answer_save(self, answer: SaveAnswer) -> None:
        """Answer the run that waits because it cannot be saved."""
        with self._lock:
            self._save_answer = answer

    @contextlib.contextmanager
    def waiting_for_room(self) -> Iterator[None]:
        """Mark the `with` block as a wait for an answer; answers given before it do not count."""
        self._save_answer, self._is_waiting_for_room = None, True
        try:
            yield
        finally:
            self._is_waiting_for_room = False

    def wait_for_save_answer(self, timeout: float) -> SaveAnswer | None:
        """Wait for `timeout` seconds and return the answer given in that time, or None."""
        time.sleep(timeout)
        with self._lock:
            answer, self._save_answer = self._save_answer, None
        return answer
