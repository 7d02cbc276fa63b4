"""The training thread: requests, a training that cannot start, memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.session import Session, SessionState
from app.training_thread import TrainingThread
from trainer_core import environment


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
