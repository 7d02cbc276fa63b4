"""The training thread: requests, a training that cannot start, memory."""

from __future__ import annotations

import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.run import training_thread
from app.run.session import Session, SessionState
from app.run.training_thread import TrainingThread
from app.system import background
from tests.small_runs import TINY, make_photos
from trainer_core import environment
from trainer_core.events import Notice, RunFinished, RunStarted


def test_a_request_that_fails_comes_back_as_its_error(qapp: QApplication, qtbot: Any) -> None:
    thread = TrainingThread()
    thread.start()
    errors: list[Exception] = []
    thread.submit(lambda: 1 / 0, print, errors.append)
    qtbot.waitUntil(lambda: bool(errors))
    assert isinstance(errors[0], ZeroDivisionError)
    thread.close()


def test_a_training_that_cannot_be_planned_ends_in_idle(qapp: QApplication, qtbot: Any, tmp_path: Path) -> None:
    thread = TrainingThread()
    session = Session(thread)
    thread.start()
    with qtbot.waitSignal(session.ended, timeout=30000) as ended:
        session.start({"workspace": str(tmp_path / "run"), "source_dir": str(tmp_path / "nowhere")})
    assert session.state is SessionState.IDLE
    assert ended.args[0].outcome == "refused"
    assert "does not exist" in str(ended.args[0].error)
    thread.close()


def test_trainings_of_the_thread_are_shared_by_processes_one_after_the_other(
    qapp: QApplication, qtbot: Any, tmp_path: Path
) -> None:
    pytest.importorskip("torch")
    thread, events = TrainingThread(), list[Any]()
    thread.event_received.connect(events.append)
    session = Session(thread)
    thread.start()
    photos, hook = make_photos(tmp_path / "photos", 3), sys.excepthook
    for name in ("first", "second"):
        settings = {**TINY, "steps": 3, "source_dir": str(photos), "workspace": str(tmp_path / name), "processes": 2}
        with qtbot.waitSignal(session.ended, timeout=120000) as ended:
            session.start(settings)
        assert ended.args[0].outcome == "completed"
    qtbot.waitUntil(lambda: len([event for event in events if isinstance(event, RunFinished)]) == 2)
    assert [event.devices for event in events if isinstance(event, RunStarted)] == [2, 2]
    assert not [event for event in events if isinstance(event, Notice) and "continues in one process" in event.text]
    assert sys.excepthook is hook
    thread.close()


def test_memory_that_a_training_kept_is_given_back_once_it_is_over(
    qapp: QApplication, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    thread, log = TrainingThread(), list[str]()
    monkeypatch.setattr(environment, "release_memory", lambda: log.append("released"))
    thread.ended.connect(lambda ended: log.append(ended.outcome), Qt.ConnectionType.DirectConnection)
    thread.start()
    thread.submit(lambda: log.append("asked"), print, print)
    thread.train({})
    thread.close()
    assert log == ["asked", "refused", "released"]


def test_work_that_does_not_end_is_not_waited_for_when_the_window_closes(
    qapp: QApplication, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(background, "_CLOSE_TIMEOUT", 50)
    monkeypatch.setattr(training_thread, "_CLOSE_TIMEOUT", 50)
    release, begun = threading.Event(), threading.Semaphore(0)

    def read_a_dead_drive() -> None:
        begun.release()
        release.wait(60)

    thread, pool = TrainingThread(), background.Background()
    thread.start()
    thread.submit(read_a_dead_drive, print, print)
    pool.run_job("scan", read_a_dead_drive, print, print)
    begun.acquire()
    begun.acquire()
    thread.close()
    pool.close()
    assert thread.isRunning() and pool.is_busy
    release.set()
    assert thread.wait(20000)
    qtbot.waitUntil(lambda: not pool.is_busy, timeout=20000)
