"""The thread that calls torch yields to the desktop with its OpenMP threads; the thread of the window does not."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.run import training_thread
from app.run.training_thread import RunEnded, TrainingThread
from tests.small_runs import TINY, make_photos
from trainer_core.control import RunControl

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="priorities of threads are those of Linux")

_REQUEST = """
import os, threading, torch
from PySide6.QtCore import QCoreApplication
from app.run.training_thread import TrainingThread

def work():
    values = torch.rand(1 << 20)
    (values + values).sum()  # starts the OpenMP threads
    known = threads()
    assert len(known - before) >= 2, "the thread and one that it started"
    low = {n for n in known if os.getpriority(os.PRIO_PROCESS, n) == max(normal, 10)}
    print(len(known - before - low), os.getpid() in low)

def threads():
    return {int(name) for name in os.listdir("/proc/self/task")}

torch.set_num_threads(2)
app = QCoreApplication([])
normal, before = os.getpriority(os.PRIO_PROCESS, os.getpid()), threads()
thread = TrainingThread()
thread.start()
thread.submit(work, lambda value: app.quit(), lambda error: (print(error), app.quit()))
app.exec()
thread.close()
"""

# A request, then one run after the other, on a system where no thread can be raised again.
_RUNS = """
import os, sys, threading
from pathlib import Path
from PySide6.QtCore import QCoreApplication, Qt
from app.run.training_thread import TrainingThread
from tests.small_runs import TINY
from trainer_core.events import Notice, StepDone

def lower_only(which, thread, niceness):
    if niceness < os.getpriority(which, thread):
        raise PermissionError(13, "Permission denied")
    change(which, thread, niceness)

def show(name):
    own = threading.get_native_id()
    level = os.getpriority(os.PRIO_PROCESS, own) - os.getpriority(os.PRIO_PROCESS, os.getpid())
    print(name, "low" if level > 0 else "normal", flush=True)

def on_event(event):
    if isinstance(event, StepDone):
        show("run")
    elif isinstance(event, Notice) and "priority" in event.text:
        print(event.text)

def start_next_run(end=None):
    if end is not None and end.outcome != "completed":
        print(end)
    if not priorities:
        app.quit()
        return
    level = priorities.pop(0)
    workspace = folder / f"{len(priorities)}"
    given = {**TINY, "source_dir": str(folder / "photos"), "workspace": str(workspace), "steps": 1, "priority": level}
    thread.train(given)

change, os.setpriority = os.setpriority, lower_only
folder, *priorities = Path(sys.argv[1]), *sys.argv[2:]
app = QCoreApplication([])
thread = TrainingThread()
thread.event_received.connect(on_event, Qt.ConnectionType.DirectConnection)  # in the thread that trains
thread.ended.connect(start_next_run)
thread.start()
thread.submit(lambda: show("request"), lambda value: start_next_run(), print)
app.exec()
thread.submit(lambda: show("request"), lambda value: app.quit(), print)
app.exec()
print("ended" if thread.close() else "hangs")
"""


def _run(code: str, *arguments: str) -> list[str]:
    if os.getpriority(os.PRIO_PROCESS, 0) >= 10:
        pytest.skip("the tests have a low priority themselves")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "OMP_NUM_THREADS": "2"}
    command = [sys.executable, "-c", code, *arguments]
    run = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True, timeout=600)
    return run.stdout.splitlines()


def test_the_window_s_computing_yields_before_the_first_training_and_the_window_does_not() -> None:
    assert _run(_REQUEST) == ["0 False"]


@pytest.mark.parametrize(
    ("priorities", "expected"),
    [
        (["low"], ["run low", "request low"]),
        (["normal", "low", "normal"], ["run normal", "run low", "run normal", "request normal"]),
    ],
    ids=["low", "normal and low"],
)
def test_a_run_in_the_window_has_the_priority_of_its_settings(
    priorities: list[str], expected: list[str], tmp_path: Path
) -> None:
    make_photos(tmp_path / "photos")
    assert _run(_RUNS, str(tmp_path), *priorities) == ["request low", *expected, "ended"]


@pytest.fixture
def thread(qapp: QApplication, monkeypatch: pytest.MonkeyPatch) -> Iterator[TrainingThread]:
    """A training thread on a system where no thread can be raised again."""
    own = threading.local()

    def refuse_to_raise(level: str) -> str:
        was_low, own.is_low = getattr(own, "is_low", False), level == "low"
        return "It cannot be raised." if was_low and level == "normal" else ""

    monkeypatch.setattr(training_thread, "set_priority", refuse_to_raise)
    thread = TrainingThread()
    yield thread
    thread.close()


def begin_replacement(thread: TrainingThread, folder: Path) -> tuple[RunControl, list[RunEnded]]:
    """Let the thread end for a run that needs a new one, which waits for Qt's events; return its control and ends."""
    ends: list[RunEnded] = []
    thread.ended.connect(ends.append, Qt.ConnectionType.DirectConnection)
    given = {**TINY, "source_dir": str(make_photos(folder / "photos")), "workspace": str(folder / "run"), "steps": 1}
    thread.start()
    control = thread.train({**given, "priority": "normal"})
    assert thread.wait(120000) and not ends
    return control, ends


def test_a_window_that_closes_while_the_thread_is_replaced_ends_the_run_and_the_thread(
    thread: TrainingThread, qapp: QApplication, tmp_path: Path
) -> None:
    control, ends = begin_replacement(thread, tmp_path)
    answers: list[str] = []
    thread.submit(lambda: "done", answers.append, print)
    control.stop()
    assert thread.close() and ends == [RunEnded("stopped")]
    qapp.processEvents()
    assert answers == ["done"] and len(ends) == 1
    assert not thread.isRunning() and not (tmp_path / "run").exists()


def test_a_run_that_is_stopped_while_the_thread_is_replaced_changes_nothing(
    thread: TrainingThread, qtbot: Any, tmp_path: Path
) -> None:
    control, ends = begin_replacement(thread, tmp_path)
    control.stop()
    qtbot.waitUntil(lambda: bool(ends), timeout=60000)
    assert ends == [RunEnded("stopped")] and thread.isRunning() and not (tmp_path / "run").exists()


def test_a_run_that_is_paused_while_the_thread_is_replaced_waits_and_completes(
    thread: TrainingThread, qtbot: Any, tmp_path: Path
) -> None:
    control, ends = begin_replacement(thread, tmp_path)
    control.pause()
    with qtbot.waitSignal(thread.run_paused, timeout=60000):
        pass
    assert control.is_waiting and not ends
    control.resume()
    qtbot.waitUntil(lambda: bool(ends), timeout=60000)
    assert ends == [RunEnded("completed")]
