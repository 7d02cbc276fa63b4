"""Threads for work that may never return, such as reading a file on a network drive that does not answer.

The threads do not keep the process alive. Work that takes too long is given up: another result takes its place, and a
new thread takes the place of the one that is stuck. Waiting for a result notices a stop.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeout
from functools import partial
from types import TracebackType
from typing import Any, Optional, TypeVar

ItemT = TypeVar("ItemT")
ResultT = TypeVar("ResultT")

_POLL_INTERVAL = 0.1  # seconds between two looks at the clock and at a stop while waiting
_Work = Optional["tuple[Future[Any], Callable[[], Any], Callable[[], Any]]"]


class WorkerPool:
    """A fixed number of threads that work; a context manager, which drops the work that has not begun.

    Args:
        threads: number of threads; they start when needed.
        name: first part of their names.
        timeout: seconds after which work is given up; None for never.
    """

    def __init__(self, threads: int, *, name: str, timeout: float | None = None) -> None:
        self._threads = threads
        self._name = name
        self._timeout = timeout
        self._queue: queue.SimpleQueue[_Work] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._started: dict[Future[Any], tuple[float, Callable[[], Any]]] = {}  # work under way: start, `on_timeout`
        self._alive = 0
        self._is_closed = False

    def __enter__(self) -> WorkerPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def submit(self, work: Callable[[], ResultT], on_timeout: Callable[[], ResultT] | None = None) -> Future[ResultT]:
        """Queue `work` and return the future of its result; a closed pool cancels it.

        Args:
            work: called in a thread of the pool.
            on_timeout: makes the result of work that is given up, in the thread that waits; required with a timeout.
        """
        future: Future[ResultT] = Future()
        with self._lock:
            if self._is_closed:
                future.cancel()
                return future
            self._queue.put((future, work, on_timeout or _raise_timeout))
            if self._alive < self._threads:
                self._start_thread()
        return future

    def close(self) -> None:
        """Cancel the work that has not begun and end the threads when they are free; further calls do nothing."""
        with self._lock:
            self._is_closed = True
            with contextlib.suppress(queue.Empty):
                while True:
                    entry = self._queue.get_nowait()
                    if entry is not None:
                        entry[0].cancel()
            for _ in range(self._alive):
                self._queue.put(None)

    def wait(self, future: Future[ResultT], check_stop: Callable[[], None] = lambda: None) -> ResultT:
        """Return the result of `future`. `check_stop` is called while it is not ready; what it raises ends the wait.

        Raises:
            Exception: what the work raised, or the pool was closed before it began.
        """
        while True:
            try:
                return future.result(_POLL_INTERVAL)
            except FutureTimeout:
                if future.done():  # the work itself raised it
                    return future.result()
            check_stop()
            self.give_up_stuck_work()

    def give_up_stuck_work(self) -> None:
        """Give up the work that takes longer than the timeout; `wait` does so while it waits."""
        if self._timeout is None:
            return
        with self._lock:
            oldest = time.monotonic() - self._timeout
            stuck = [(future, entry[1]) for future, entry in self._started.items() if entry[0] < oldest]
            for future, _ in stuck:
                del self._started[future]
                self._alive -= 1
                if not self._is_closed:
                    self._start_thread()
        for future, on_timeout in stuck:
            future.set_result(on_timeout())

    def map(
        self,
        work: Callable[[ItemT], ResultT],
        items: Iterable[ItemT],
        *,
        on_timeout: Callable[[ItemT], ResultT],
        check_stop: Callable[[], None] = lambda: None,
    ) -> Iterator[ResultT]:
        """Yield the results in the order of the items; `check_stop` is called before each one and while waiting."""
        futures = [self.submit(partial(work, item), partial(on_timeout, item)) for item in items]
        for future in futures:
            check_stop()
            yield self.wait(future, check_stop)

    def _start_thread(self) -> None:
        self._alive += 1
        threading.Thread(target=self._run, name=self._name, daemon=True).start()

    def _run(self) -> None:
        while True:
            entry = self._queue.get()
            if entry is None:
                return
            future, work, on_timeout = entry
            if not future.set_running_or_notify_cancel():
                continue
            with self._lock:
                self._started[future] = (time.monotonic(), on_timeout)
            result, failure = None, None
            try:
                result = work()
            except BaseException as error:
                failure = error
            with self._lock:
                if self._started.pop(future, None) is None:
                    return  # given up; another thread has taken this one's place
            if failure is not None:
                future.set_exception(failure)
            else:
                future.set_result(result)
            del future, work, on_timeout, entry, result, failure  # free the memory while waiting for more work


def _raise_timeout() -> Any:
    raise AssertionError("unreachable: work in a pool with a timeout has its own `on_timeout`")
