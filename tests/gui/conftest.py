"""Fixtures of the window tests: offscreen, with settings of their own, and nothing left running."""

from __future__ import annotations

import gc
import os
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
pytest.importorskip("torch")
pytest.importorskip("PySide6.QtWidgets", reason="the window's packages are not installed")
pytest.importorskip("pyqtgraph")

from PySide6.QtCore import QSettings, QStandardPaths, QThread, QTimer
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from shiboken6 import isValid

from app.start import make_application, make_window
from app.widgets.theme import ThemeColors, theme
from app.window import Window
from tests.gui.process import ProgramProcess, script
from tests.gui.traced_threads import trace_qt_threads
from tests.gui.window_driver import close_window, flush_deferred_deletes
from tests.gui.xserver import XServer, missing_programs
from tests.small_runs import make_photos


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, and those that need an X server."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.gui)
            if "xserver" in getattr(item, "fixturenames", ()):
                item.add_marker(pytest.mark.xvfb)


@pytest.fixture(scope="session")
def qapp() -> QApplication:
    """Make the application as the real start does."""
    QStandardPaths.setTestModeEnabled(True)
    application: QApplication = make_application()
    return application


@pytest.fixture(scope="session", autouse=True)
def traced_threads() -> Iterator[None]:
    """Let coverage see the training thread and the background jobs."""
    with pytest.MonkeyPatch.context() as patch:
        trace_qt_threads(patch)
        yield


@pytest.fixture(autouse=True)
def isolated_settings(tmp_path: Path) -> None:
    """Keep geometry and recent workspaces of a test in the test."""
    folder = str(tmp_path / "remembered")
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, folder)


@pytest.fixture(autouse=True)
def no_desktop_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep notifications of a test away from the desktop of the person who runs it."""
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "disabled:")


@pytest.fixture(autouse=True)
def no_leaked_threads(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a QThread running."""
    started: list[QThread] = []
    start = QThread.start

    def recorded_start(thread: QThread, *more: Any) -> None:
        started.append(thread)
        start(thread, *more)

    monkeypatch.setattr(QThread, "start", recorded_start)
    yield
    left = [thread.objectName() for thread in started if isValid(thread) and thread.isRunning()]
    assert not left, f"still running: {left}"


@pytest.fixture(autouse=True)
def no_leaked_timers(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a QTimer running."""
    started: list[weakref.ref[QTimer]] = []
    start = QTimer.start

    def recorded_start(timer: QTimer, *more: Any) -> None:
        started.append(weakref.ref(timer))
        start(timer, *more)

    monkeypatch.setattr(QTimer, "start", recorded_start)
    yield
    flush_deferred_deletes()
    timers = [timer for timer in (reference() for reference in started) if timer is not None and isValid(timer)]
    left = [f"a timer of {type(timer.parent()).__name__}" for timer in timers if timer.isActive()]
    assert not left, f"still running: {left}"


@pytest.fixture(autouse=True)
def no_leaked_windows() -> Iterator[None]:
    """Fail a test that leaves a window or a dialog."""
    before = _windows()
    yield
    flush_deferred_deletes()
    if set(_windows()) - set(before):
        gc.collect()
    left = [type(widget).__name__ for widget in _windows() if widget not in before]
    assert not left, f"still there: {left}"


def _windows() -> list[QWidget]:
    """List windows but no menus: pyqtgraph's have no parent and go with their plot, which the test still holds."""
    return [widget for widget in QApplication.topLevelWidgets() if not isinstance(widget, QMenu)]


@pytest.fixture
def window(qapp: QApplication, qtbot: object) -> Iterator[Window]:
    """Open a window and start its training thread; close it at the end as a user would."""
    made = make_window()
    made.show()
    made.start_background_work()
    yield made
    close_window(made, qtbot)


@pytest.fixture
def apply_theme(qapp: QApplication) -> Iterator[Callable[[str], ThemeColors]]:
    """Return a function that applies a theme and returns its colors; restore the light one at the end."""

    def apply(choice: str) -> ThemeColors:
        theme().set_choice(choice)
        return theme().colors

    yield apply
    theme().set_choice("light")


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Make a folder of six photos."""
    return make_photos(tmp_path / "photos")


@pytest.fixture
def xserver() -> Iterator[XServer]:
    """Start an X server without any window."""
    if missing_programs():
        pytest.skip(f"needs {' and '.join(missing_programs())}")
    made = XServer()
    yield made
    made.close()


@pytest.fixture
def start(xserver: XServer, tmp_path: Path) -> Iterator[Callable[..., ProgramProcess]]:
    """Return a function that starts the window as a user does, with arguments, on the X server; end them all."""
    started: list[ProgramProcess] = []

    def begin(*arguments: str) -> ProgramProcess:
        started.append(ProgramProcess(xserver, tmp_path / "home", [*script(), *arguments]))
        return started[-1]

    yield begin
    for program in started:
        program.end()
