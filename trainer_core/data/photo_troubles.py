"""Which training photos cannot be used at the moment, which are bad for good, and when a run cannot go on without them.

`regions` adds each failed try and removes a photo that was decoded. A photo is bad if its content is damaged, or if the
system could not read it in `MAX_FAILED_PASSES` passes in a row. A run goes on without a fifth of its photos. If more
cannot be read at the same moment, the drive is probably gone, and the samples wait for it up to `PATIENCE` seconds.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trainer_core.data.photo_error import PhotoError
from trainer_core.errors import UserError

MAX_FAILED_PASSES = 3
PATIENCE = 30.0  # seconds
_MAX_SHARE = 0.2


@dataclass
class _Trouble:
    latest_pass: int
    passes: int  # in which it could not be used, up to the latest
    is_bad: bool


class PhotoTroubles:
    """Photos that cannot be used, by index; `report` passes the news on, all other methods are for decoding threads.

    Args:
        names: names of all photos.
        on_bad_photo: called once per photo, with name and reason.
        on_wait: called with the reason when the samples begin to wait.

    Attributes:
        current_pass: the pass over the photos, set by `regions`; the tries of one pass count as one.
    """

    def __init__(
        self, names: Sequence[str], on_bad_photo: Callable[[str, str], None], on_wait: Callable[[str], None]
    ) -> None:
        self._names = names
        self._on_bad_photo, self._on_wait = on_bad_photo, on_wait
        self._lock = threading.Lock()
        self._troubles: dict[int, _Trouble] = {}
        self._news: list[tuple[int, str, bool]] = []  # index, reason, is_bad
        self._reported: set[tuple[int, bool]] = set()
        self._waiting_since: float | None = None
        self.current_pass = 0
        self._wait_reason = ""

    def add(self, index: int, error: PhotoError) -> PhotoError:
        """Record that a photo could not be used, and return the error."""
        with self._lock:
            trouble = self._troubles.setdefault(index, _Trouble(-1, 0, False))
            trouble.passes += trouble.latest_pass != self.current_pass
            trouble.latest_pass = self.current_pass
            trouble.is_bad = is_bad = not error.is_momentary or trouble.passes >= MAX_FAILED_PASSES
            self._news.append((index, error.message, is_bad))
        return error

    def remove(self, index: int) -> None:
        """Record that a photo was decoded: earlier failures no longer count."""
        with self._lock:
            if self._troubles.pop(index, None) is not None and self._waiting_since is not None:
                # The drive is back; the other photos follow one by one.
                self._waiting_since = time.monotonic() if self._troubles else None

    def is_troubled(self, index: int) -> bool:
        """Whether the latest try to decode the photo failed."""
        return index in self._troubles

    def should_wait(self, error: PhotoError) -> bool:
        """Whether to try a photo that failed with `error` again after a moment, instead of using another one.

        Raises:
            UserError: too many photos are bad, or could not be read for too long.
        """
        with self._lock:
            bad = sum(trouble.is_bad for trouble in self._troubles.values())
            if self._is_too_many(bad):
                raise self._make_error(bad, error)
            too_many = self._is_too_many(len(self._troubles))
            if self._waiting_since is None:
                if not too_many:
                    return False
                self._waiting_since, self._wait_reason = time.monotonic(), error.message
            if time.monotonic() - self._waiting_since <= PATIENCE:
                return error.is_momentary
            if too_many:
                raise self._make_error(len(self._troubles), error)
            self._waiting_since = None  # the drive is back, but not these photos
            return False

    def report(self) -> None:
        """Call the callbacks for what has happened since the last call, each photo once as unreadable and once as bad.

        Photos for which the samples wait are not reported one by one.
        """
        with self._lock:
            news, self._news = self._news, []
            waiting, self._wait_reason = self._wait_reason, ""
            quiet = self._waiting_since is not None
        if waiting:
            self._on_wait(waiting)
        for index, reason, is_bad in news:
            if not ({(index, is_bad), (index, True)} & self._reported or (quiet and not is_bad)):
                self._reported.add((index, is_bad))
                text = reason if is_bad else f"{reason}; it is tried again in the next pass"
                self._on_bad_photo(self._names[index], text)

    def _is_too_many(self, count: int) -> bool:
        total = len(self._names)
        return count == total or count > max(1, math.floor(_MAX_SHARE * total))

    def _make_error(self, count: int, error: PhotoError) -> UserError:
        return UserError(
            f"{count} of {len(self._names)} training photos cannot be decoded (latest reason: {error.message}). "
            "Check the source folder, then resume."
        )
