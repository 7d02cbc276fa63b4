"""What the window asks of the system: to stay awake, a tray, TensorBoard, a display, a place for its errors."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QMessageBox, QSystemTrayIcon

from app.run.session import SessionState
from app.widgets.errors import ErrorDialog
from app.window import Window
from tests.awake_helper import fake_helper, is_running
from tests.gui.window_driver import fill_form, visible_text
from trainer_core.events import RunFinished, StepDone
from trainer_core.sinks.tensorboard import TensorBoardSink

ROOT = Path(__file__).resolve().parents[2]
_LONG = 240_000  # milliseconds; a busy machine needs them
linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems ask in other ways")


def train(window: Window, qtbot: Any, photos: Path, workspace: Path, **more: object) -> None:
    fill_form(window, photos, workspace, **{"steps": 100000, "val_interval": 100000, **more})
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.controller.start()
    qtbot.waitUntil(lambda: window.session.step >= 2, timeout=_LONG)


def wait_idle(window: Window, qtbot: Any) -> None:
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)


# -- awake -----------------------------------------------------------------------------------------


@linux
def test_the_machine_is_kept_awake_from_the_start_of_a_training_to_its_end(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    helper = fake_helper(tmp_path, monkeypatch)
    window: Window = request.getfixturevalue("window")
    assert not helper.exists()
    train(window, qtbot, photos, tmp_path / "run")
    qtbot.waitUntil(lambda: is_running(helper), timeout=_LONG)
    window.controller.pause_or_resume()
    assert is_running(helper)
    window.controller.stop()
    wait_idle(window, qtbot)
    assert not is_running(helper)


@linux
def test_a_helper_that_fails_does_not_disturb_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest, qtbot: Any, photos: Path
) -> None:
    asked = fake_helper(tmp_path, monkeypatch, 'echo $$ > "{pid}"; echo "Failed to connect to bus" >&2; exit 1')
    window: Window = request.getfixturevalue("window")
    train(window, qtbot, photos, tmp_path / "run", steps=4)
    wait_idle(window, qtbot)
    assert asked.exists()
    assert "Training is complete" in window.result_card.text
    assert not window.findChildren(ErrorDialog)


# -- tray ------------------------------------------------------------------------------------------


@pytest.fixture
def notifications(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Give the system a tray; return the titles of the notifications shown there."""
    titles: list[str] = []
    monkeypatch.setattr(QSystemTrayIcon, "isSystemTrayAvailable", staticmethod(lambda: True))
    monkeypatch.setattr(QSystemTrayIcon, "showMessage", lambda tray, title, *more: titles.append(title))
    return titles


def question(window: Window) -> QMessageBox:
    return next(box for box in window.findChildren(QMessageBox) if box.isVisible())


def answers(window: Window) -> list[str]:
    return [button.text() for button in question(window).buttons()]


def answer(window: Window, label: str) -> None:
    next(button for button in question(window).buttons() if button.text() == label).click()


def choose(window: Window, text: str) -> None:
    next(action for action in window.notifier.menu.actions() if action.text() == text).trigger()


def click_on_tray(window: Window) -> None:
    tray = window.notifier.findChild(QSystemTrayIcon)
    assert tray is not None
    tray.activated.emit(QSystemTrayIcon.ActivationReason.Trigger)


def test_a_training_continues_in_the_tray_and_its_end_is_notified(
    notifications: list[str], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    train(window, qtbot, photos, tmp_path / "run")
    assert not window.notifier.in_tray
    window.close()
    answer(window, "Keep training in the tray")
    assert window.isHidden()
    assert window.notifier.in_tray
    before = window.session.step
    qtbot.waitUntil(lambda: window.session.step > before + 1, timeout=_LONG)

    click_on_tray(window)
    assert window.isVisible()
    assert not window.notifier.in_tray

    window.close()
    answer(window, "Keep training in the tray")
    choose(window, "Pause")
    qtbot.waitUntil(lambda: window.session.state is SessionState.PAUSED, timeout=_LONG)
    choose(window, "Resume")
    assert window.session.state is SessionState.TRAINING
    choose(window, "Stop and save")
    assert window.isHidden()
    wait_idle(window, qtbot)
    assert notifications == ["Training has ended"]
    assert window.isVisible()  # with nothing to wait for, the tray would be a hiding place
    assert "Stopped and saved" in window.result_card.text
    window.activateWindow()
    qtbot.waitUntil(lambda: not window.notifier.in_tray)


def test_quit_in_the_tray_s_menu_asks_then_stops_saves_and_closes(
    notifications: list[str], window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    closed: list[bool] = []
    window.closed.connect(lambda: closed.append(True))
    train(window, qtbot, photos, tmp_path / "run")
    window.close()
    answer(window, "Keep training in the tray")
    choose(window, "Quit")
    assert window.isVisible()
    answer(window, "Stop and save")
    qtbot.waitUntil(lambda: closed == [True], timeout=_LONG)
    assert not window.isVisible()
    assert list((tmp_path / "run" / "checkpoints").glob("scale4_step*.pth"))


def test_a_failure_is_notified_as_one(
    notifications: list[str], window: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*more: Any, **others: Any) -> None:
        raise RuntimeError("the processor is on strike")

    train(window, qtbot, photos, tmp_path / "run")
    window.close()
    answer(window, "Keep training in the tray")
    monkeypatch.setattr("trainer_core.training.learner.Learner.update", fail)
    wait_idle(window, qtbot)
    assert notifications == ["Training failed"]
    dialog = window.findChild(ErrorDialog)
    assert dialog is not None
    assert "on strike" in visible_text(dialog)
    dialog.reject()


# -- TensorBoard -----------------------------------------------------------------------------------


def write_events(workspace: Path, tag: str) -> None:
    workspace.mkdir(exist_ok=True)
    sink = TensorBoardSink(workspace / "tensorboard", 0)
    sink(StepDone(3, 3, {tag: 0.5}, 1e-4, 1.0, 10.0, 0.1, None, 10**9))
    sink(RunFinished("completed", 3))


def tags(address: str) -> str:
    with urllib.request.urlopen(address + "data/plugin/scalars/tags", timeout=20) as answer:
        return str(answer.read())


def test_tensorboard_shows_the_workspace_until_the_window_closes(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def open_url(url: QUrl | str) -> bool:
        opened.append(QUrl(url).toString())
        return True

    monkeypatch.setattr(QDesktopServices, "openUrl", open_url)
    for name in ("first", "second"):
        write_events(tmp_path / name, name)
    for name in ("first", "first", "second"):
        count = len(opened)
        window.project.set_path("workspace", str(tmp_path / name))
        window.controller.open_tensorboard()
        window.controller.open_tensorboard()  # impatient
        qtbot.waitUntil(lambda count=count: len(opened) > count, timeout=_LONG)
        assert opened[-1] in window.message_strip.text
    first, second = opened[0], opened[-1]
    assert first.startswith("http://127.0.0.1:")
    assert set(opened) == {first, second}
    qtbot.waitUntil(lambda: "loss/first" in tags(first) and "loss/second" in tags(second), timeout=_LONG)
    assert psutil.Process().children() == []
    window.close()
    qtbot.waitUntil(lambda: refuses(first) and refuses(second), timeout=_LONG)


def refuses(address: str) -> bool:
    with socket.socket() as wire:
        return wire.connect_ex(("127.0.0.1", QUrl(address).port())) != 0


def test_tensorboard_says_what_is_missing(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    window.controller.open_tensorboard()
    assert "Choose a workspace first" in window.message_strip.text
    window.project.set_path("workspace", str(tmp_path / "run"))
    window.controller.open_tensorboard()
    qtbot.waitUntil(lambda: "has written no TensorBoard files" in window.message_strip.text)
    write_events(tmp_path / "run", "total")
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    window.controller.open_tensorboard()
    qtbot.waitUntil(lambda: 'pip install "tensorboard>=' in window.message_strip.text)


# -- a display -------------------------------------------------------------------------------------


@linux
@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"DISPLAY": ":4085"}, ":4085 (DISPLAY) does not respond"),
        ({"DISPLAY": ":4085", "WAYLAND_DISPLAY": "wayland-85"}, "wayland-85 (WAYLAND_DISPLAY) does not respond"),
        ({"QT_QPA_PLATFORM": "xcb"}, "DISPLAY is not set"),
        ({"QT_QPA_PLATFORM": "foo"}, 'QT_QPA_PLATFORM=foo (qt.qpa.plugin: Could not find the Qt platform plugin "foo"'),
        ({"QT_QPA_PLATFORM": "eglfs:x"}, "QT_QPA_PLATFORM=eglfs"),
    ],
)
def test_a_display_that_does_not_answer_is_a_sentence_not_an_abort(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    ours = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "QT_QPA_PLATFORM")}
    environment = {**ours, "XDG_RUNTIME_DIR": str(tmp_path), **variables}
    command = [sys.executable, "-m", "app", "runs/mono", "--demo"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert said in done.stderr
    assert "wqv-upscale-trainer runs/mono --demo" in done.stderr


@pytest.fixture(autouse=True)
def no_leaked_processes() -> Iterator[None]:
    """A test that leaves a process behind fails."""
    yield
    assert psutil.Process().children() == []


_PAINTING = """
import os
from PySide6.QtWidgets import QApplication
from app.start import make_application
application = {application}
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter
image = QImage(1500, 1500, QImage.Format.Format_ARGB32_Premultiplied)
image.fill(0)
gradient = QLinearGradient(0, 0, 1500, 1500)
gradient.setColorAt(0, QColor(255, 0, 0, 100))
painter = QPainter(image)
painter.fillRect(image.rect(), gradient)
painter.end()
print(len(os.listdir("/proc/self/task")))
"""


def threads_after_painting(application: str) -> int:
    environment = {key: value for key, value in os.environ.items() if key != "QT_NO_GUI_THREADPOOL"}
    command = [sys.executable, "-c", _PAINTING.format(application=application)]
    environment["QT_QPA_PLATFORM"] = "offscreen"  # others have threads of their own
    return int(subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE).stdout)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="threads are counted in /proc")
@pytest.mark.skipif(os.cpu_count() == 1, reason="Qt has no helper threads where there is one core")
def test_painting_wakes_no_helper_threads() -> None:
    assert threads_after_painting("QApplication([])") > 1
    assert threads_after_painting("make_application()") == 1
