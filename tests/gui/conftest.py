"""The window in tests: no screen, its own memory, nothing left running."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("torch")
pytest.importorskip("PySide6.QtWidgets", reason="the window's packages are not installed")
pytest.importorskip("pyqtgraph")

from PySide6.QtCore import QSettings, QStandardPaths, QThread, QTimer
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from shiboken6 import isValid

from app.start import make_application
from app.window import Window
from tests.gui.handling import bury_the_dead, finish
from tests.gui.program import Program, script
from tests.gui.screen import Screen, missing_programs
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
def no_desktop(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test tells the desktop does not appear on that of whoever runs it."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "disabled:")


@pytest.fixture(autouse=True)
def no_thread_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that leaves a QThread running fails."""
    started: list[QThread] = []
    start = QThread.start
    monkeypatch.setattr(QThread, "start", lambda thread, *more: (started.append(thread), start(thread, *more))[1])
    yield
    left = [thread.objectName() for thread in started if isValid(thread) and thread.isRunning()]
    assert not left, f"still running: {left}"


@pytest.fixture(autouse=True)
def no_timer_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A test that leaves a QTimer running fails."""
    started: list[weakref.ref[QTimer]] = []
    start = QTimer.start
    monkeypatch.setattr(
        QTimer, "start", lambda timer, *more: (started.append(weakref.ref(timer)), start(timer, *more))[1]
    )
    yield
    bury_the_dead()
    timers = [timer for timer in (reference() for reference in started) if timer is not None and isValid(timer)]
    left = [f"a timer of {type(timer.parent()).__name__}" for timer in timers if timer.isActive()]
    assert not left, f"still running: {left}"


@pytest.fixture(autouse=True)
def no_window_left() -> Iterator[None]:
    """A test that leaves a window or a dialog fails."""
    before = _windows()
    yield
    bury_the_dead()
    if set(_windows()) - set(before):
        gc.collect()
    left = [type(widget).__name__ for widget in _windows() if widget not in before]
    assert not left, f"still there: {left}"


def _windows() -> list[QWidget]:
    """Without menus: pyqtgraph's have no parent and go with the last reference to their plot, which the test holds."""
    return [widget for widget in QApplication.topLevelWidgets() if not isinstance(widget, QMenu)]


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


@pytest.fixture
def screen() -> Iterator[Screen]:
    """An X server with nothing on it."""
    if missing_programs():
        pytest.skip(f"needs {' and '.join(missing_programs())}")
    made = Screen()
    yield made
    made.close()


@pytest.fixture
def start(screen: Screen, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Start the window as a user does, with these arguments, on the screen; none is left at the end."""
    started: list[Program] = []

    def begin(*arguments: str) -> Program:
        started.append(Program(screen, tmp_path / "home", [*script(), *arguments]))
        return started[-1]

    yield begin
    for program in started:
        program.end()
