"""The thread that trains yields to the desktop with its OpenMP threads; the thread of the window does not."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_CODE = """
import os, threading, torch
from PySide6.QtCore import QCoreApplication
from app.run.training_thread import TrainingThread
from trainer_core.priority import set_priority

def work():
    values = torch.rand(1 << 20)
    (values + values).sum()  # starts the OpenMP threads
    known = threads()
    assert len(known - before) >= 2, "the thread and one that it started"
    assert set_priority("low") == ""
    low = {n for n in threads() if os.getpriority(os.PRIO_PROCESS, n) == max(normal, 10)}
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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="priorities of threads are those of Linux")
def test_training_yields_and_the_window_does_not() -> None:
    if os.getpriority(os.PRIO_PROCESS, 0) >= 10:
        pytest.skip("the tests have a low priority themselves")
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "2"}
    run = subprocess.run([sys.executable, "-c", _CODE], env=environment, check=True, stdout=subprocess.PIPE, text=True)
    assert run.stdout.split() == ["0", "False"]
