"""The thread that trains yields to other programs, and the thread of the window does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from trainer_core import priority

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="priorities of threads are those of Linux")

_THREADS = """
import os, threading
from pathlib import Path
from trainer_core.priority import set_priority

def niceness(thread):
    return os.getpriority(os.PRIO_PROCESS, thread)

def sleep():
    started.release()
    end.wait()

def work():
    own = threading.get_native_id()
    Path(f"/proc/self/task/{own}/comm").write_text("training")
    before = threading.Thread(target=sleep)  # as an OpenMP thread, which has the name of its starter
    before.start()
    started.acquire()
    Path(f"/proc/self/task/{before.native_id}/comm").write_text("training")
    assert set_priority("low") == ""
    after = threading.Thread(target=sleep)
    after.start()
    started.acquire()
    print(niceness(own), niceness(before.native_id), niceness(after.native_id), niceness(os.getpid()))
    end.set()

started, end = threading.Semaphore(0), threading.Event()
worker = threading.Thread(target=work)
worker.start()
worker.join()
"""
_PROCESS = """
import os, threading
from trainer_core.priority import set_priority
for level in ("normal", "low", "low"):
    assert set_priority(level) == ""
    print(os.getpriority(os.PRIO_PROCESS, os.getpid()))
"""


def _run(code: str) -> list[int]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(root)}, check=True, stdout=subprocess.PIPE)
    return [int(number) for number in output.stdout.split()]


def test_a_thread_yields_with_those_that_it_starts_and_started_and_the_window_s_thread_does_not() -> None:
    normal = os.getpriority(os.PRIO_PROCESS, 0)
    low = max(normal, 10)
    assert _run(_THREADS) == [low, low, low, normal]


def test_the_command_line_yields_as_a_whole() -> None:
    normal = os.getpriority(os.PRIO_PROCESS, 0)
    assert _run(_PROCESS) == [normal, max(normal, 10), max(normal, 10)]


def test_a_system_that_does_not_raise_a_priority_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(level: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(priority, "_set_thread_niceness", refuse)
    assert "priority normal" in priority.set_priority("normal")
