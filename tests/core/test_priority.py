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
_LEFT_BEHIND = """
import os, threading
from pathlib import Path
from trainer_core.priority import set_priority

def refuse(*_):
    raise PermissionError(13, "Permission denied")

def name_thread():
    Path(f"/proc/self/task/{threading.get_native_id()}/comm").write_text("training")

def be_left_behind():
    name_thread()
    set_priority("low")
    started.set()
    end.wait()

def work():
    name_thread()
    os.setpriority = refuse
    print(len(set_priority("normal")))
    end.set()

started, end = threading.Event(), threading.Event()
threading.Thread(target=be_left_behind).start()
started.wait()
threading.Thread(target=work).start()
"""
_PROCESS = """
import os, threading
from trainer_core.priority import set_priority
for level in ("normal", "low", "low"):
    assert set_priority(level) == ""
    print(os.getpriority(os.PRIO_PROCESS, os.getpid()))
"""


_SESSION = """
import signal, subprocess, sys, time
signal.signal(signal.SIGINT, lambda *_: None)
from pathlib import Path
session = Path("/proc/self/autogroup")
child = "import os, signal, sys; from pathlib import Path; " + sys.argv[1]
subprocess.run([sys.executable, "-c", child])
for attempt in range(600):
    if session.read_text().split()[-1] == sys.argv[2]:
        break
    time.sleep(0.05)
print(session.read_text().split()[-1])
"""
_LOWER = "from trainer_core.priority import set_priority; set_priority('low'); " + (
    "print(Path('/proc/self/autogroup').read_text().split()[-1], flush=True); "
)
_INTERRUPT = "from trainer_core.tools import _SignalHandler; handler = _SignalHandler(); handler.exit_code = 130; "
_INTERRUPT_TRAINING = (
    "from trainer_core.cli import _SignalHandler; from trainer_core.control import RunControl; "
    "handler = _SignalHandler(RunControl()); "
)


def _run_in_new_session(code: str, after: int = 0) -> list[int]:
    """Run code in a child of a new session; return what it prints, and the niceness of the session after its end.

    The session has up to 30 s to reach the niceness `after`.
    """
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-c", _SESSION, code, str(after)]
    output = subprocess.run(
        command, env=environment, check=True, stdout=subprocess.PIPE, start_new_session=True, timeout=240
    )
    return [int(number) for number in output.stdout.split()]


def _run(code: str) -> list[int]:
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", code]
    output = subprocess.run(command, env={**os.environ, "PYTHONPATH": str(root)}, check=True, stdout=subprocess.PIPE)
    return [int(number) for number in output.stdout.split()]


def test_a_thread_yields_with_those_that_it_starts_and_started_and_the_window_s_thread_does_not() -> None:
    normal = os.getpriority(os.PRIO_PROCESS, 0)
    low = max(normal, 10)
    assert _run(_THREADS) == [low, low, low, normal]


def test_a_low_thread_that_an_earlier_one_left_is_no_problem_for_a_new_one() -> None:
    assert _run(_LEFT_BEHIND) == [0]


def test_the_command_line_yields_as_a_whole() -> None:
    normal = os.getpriority(os.PRIO_PROCESS, 0)
    assert _run(_PROCESS) == [normal, max(normal, 10), max(normal, 10)]


def test_a_system_that_does_not_allow_a_priority_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(level: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(priority, "_set_thread_niceness", refuse)
    text = priority.set_priority("normal")
    assert text.startswith("The system does not allow priority normal") and "administrator" in text
    assert "Restart" not in text, "a new thread or process was refused as well"


def test_a_training_on_the_command_line_warns_that_the_system_does_not_allow_its_priority(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("torch")
    from tests.small_runs import TINY, flags, make_photos
    from trainer_core import cli
    from trainer_core.training.trainer import RunResult, Trainer

    def refuse(level: str) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(priority, "_set_thread_niceness", refuse)
    monkeypatch.setattr(Trainer, "run", lambda trainer: RunResult("completed", 1, None, None))
    assert cli.main([str(make_photos(tmp_path / "photos")), str(tmp_path / "run"), *flags(TINY)]) == 0
    assert "The system does not allow priority low" in "".join(capfd.readouterr())


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not group threads by session")
@pytest.mark.parametrize(
    ("end", "expected"),
    [
        ("", [10, 0]),
        ("sys.exit(1)", [10, 0]),
        (_INTERRUPT + "handler.handle(signal.SIGINT)", [10, 0]),
        (_INTERRUPT_TRAINING + "handler.handle(signal.SIGINT)", [10, 0]),
        ("os.kill(os.getpid(), signal.SIGKILL)", [10, 0]),
        ("os.killpg(0, signal.SIGINT)", [10, 0]),
    ],
    ids=["at its end", "after an error", "interrupted twice", "training interrupted", "killed", "Ctrl+C"],
)
def test_the_command_line_lowers_its_session_until_it_ends(end: str, expected: list[int]) -> None:
    assert _run_in_new_session(_LOWER + end) == expected


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not group threads by session")
def test_ctrl_c_right_after_the_change_does_not_leave_the_session_low() -> None:
    lower = "import os, signal; from trainer_core.priority import set_priority; set_priority('low'); "
    for _ in range(4):
        assert _run_in_new_session(lower + "os.killpg(0, signal.SIGINT)") == [0]


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel does not group threads by session")
def test_only_a_main_thread_lowers_its_session_and_none_raises_it() -> None:
    in_thread = "import threading; t = threading.Thread(target=set_priority, args=('low',)); t.start(); t.join(); "
    show = "print(Path('/proc/self/autogroup').read_text().split()[-1], flush=True); "
    imported = "from trainer_core.priority import set_priority; "
    assert _run_in_new_session(imported + in_thread + show) == [0, 0]
    assert _run_in_new_session(imported + "set_priority('normal'); " + show) == [0, 0]
    lower = "Path('/proc/self/autogroup').write_text('15'); import time; time.sleep(0.2); "
    assert _run_in_new_session(lower + imported + "set_priority('low'); " + show, after=15) == [15, 15]


def test_a_system_without_sessions_or_that_refuses_to_lower_them_is_no_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(priority, "_set_thread_niceness", lambda level: None)
    for session in (tmp_path / "missing", tmp_path):
        monkeypatch.setattr(priority, "_SESSION", session)
        assert priority.set_priority("low") == "" and not priority._guards
    strange = tmp_path / "autogroup"
    strange.write_text("/autogroup-1 nice 0")
    monkeypatch.setattr(priority, "_SESSION", strange)
    strange.chmod(0o444)
    monkeypatch.setattr(Path, "write_text", _refuse)
    assert priority.set_priority("low") == "" and not priority._guards


def _refuse(*_: object) -> int:
    raise PermissionError(13, "Permission denied")
