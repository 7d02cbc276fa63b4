"""The window in tests: no screen, its own memory, nothing left running."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("torch")
pytest.importorskip("PySide6.QtWidgets", reason="the window's packages are not installed")
pytest.importorskip("pyqtgraph")

from PySide6.QtCore import QSettings, QStandardPaths, QThread
from PySide6.QtWidgets import QApplication

from app.start import make_application
from app.window import Window
from tests.gui.handling import finish
from tests.small_runs import make_photos


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """The application as the real start makes it."""
    QStandardPaths.setTestModeEnabled(True)
    application: QApplication = make_application()
    return application


@pytest.fixture(autouse=True)
def own_memory(tmp_path: Path) -> None:
    """Geometry and recent workspaces of a test stay in the test."""
    folder = str(tmp_path / "remembered")
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)


@pytest.fixture(autouse=True)
def no_thread_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that leaves a QThread running fails."""
    started: list[QThread] = []
    start = QThread.start
    monkeypatch.setattr(QThread, "start", lambda thread, *more: (started.append(thread), start(thread, *more))[1])
    yield
    left = [thread.objectName() for thread in started if thread.isRunning()]
    assert not left, f"still running: {left}"


@pytest.fixture
def window(qapp: QApplication, qtbot: object) -> Iterator[Window]:
    """A window at work, closed at the end as a user would."""
    made = Window()
    made.show()
    made.begin_work()
    yield made
    finish(made, qtbot)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of six photos."""
    return make_photos(tmp_path / "photos")
