"""Threads for work that may never return."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest

from trainer_core.control import Stopped
from trainer_core.workers import WorkerPool


def test_results_come_in_the_order_of_the_items_and_errors_are_raised() -> None:
    with WorkerPool(3, name="test") as pool:
        assert list(pool.map(lambda n: n * n, range(20), on_timeout=lambda n: -1)) == [n * n for n in range(20)]
        with pytest.raises(ZeroDivisionError):
            pool.wait(pool.submit(lambda: 1 // 0))
        with pytest.raises(TimeoutError):  # an answer of the work, not of the wait
            pool.wait(pool.submit(lambda: _raise(TimeoutError())))


def test_work_that_does_not_return_is_given_up_and_the_others_go_on() -> None:
    release = threading.Event()
    with WorkerPool(1, name="test", timeout=0.05) as pool:
        results = pool.map(lambda n: release.wait(60) if n == 1 else n, range(4), on_timeout=lambda n: -n)
        assert list(results) == [0, -1, 2, 3]
        release.set()  # its late result changes nothing
        assert list(pool.map(lambda n: n, range(3), on_timeout=lambda n: -1)) == [0, 1, 2]


def test_a_stop_is_noticed_while_waiting() -> None:
    release = threading.Event()
    with WorkerPool(1, name="test") as pool:
        with pytest.raises(Stopped):
            pool.wait(pool.submit(lambda: release.wait(60)), lambda: _raise(Stopped()))
        later = pool.submit(lambda: 1)
    assert later.cancelled() and pool.submit(lambda: 1).cancelled()
    release.set()


def test_a_thread_that_is_stuck_does_not_keep_the_process_alive() -> None:
    code = (
        "import threading; from trainer_core.workers import WorkerPool\n"
        "with WorkerPool(2, name='stuck') as pool:\n"
        "    pool.submit(threading.Event().wait); print('left')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout.strip()) == (0, "left"), done.stderr


def _raise(error: Exception) -> None:
    raise error
