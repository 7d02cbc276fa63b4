"""The status line: figures that change every second move nothing."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication, QLabel, QMainWindow

from app.run import status_line, step_clock
from app.run.session import SessionState
from app.run.status_line import StatusLine
from trainer_core.events import StepDone

_GB = 10**9


class Layouts(QObject):
    """Counts how often a widget is laid out again."""

    def __init__(self, watched: QObject) -> None:
        super().__init__()
        self.count = 0
        watched.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        self.count += event.type() == QEvent.Type.LayoutRequest
        return False


@pytest.fixture
def status(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> StatusLine:
    monkeypatch.setattr(status_line, "_INTERVAL", 0)
    window, line = QMainWindow(), StatusLine()
    window.setStatusBar(line)
    window.resize(1200, 200)
    qtbot.addWidget(window)
    window.show()
    line.window_kept_alive = window  # type: ignore[attr-defined]
    return line


def add_steps(status: StatusLine, step: int, seconds: float, qtbot: Any) -> None:
    status.on_event(StepDone(step, 150_000, {"total": 1 / step}, 1e-3, 0.1, 4.5, seconds, 33_000 - seconds, _GB))
    qtbot.waitUntil(lambda: status.text("step") == f"step {step} of 150000")
    QApplication.processEvents()


def fields(status: StatusLine) -> list[QLabel]:
    """Find the labels of the figures; the device is not one of them."""
    found = [label for label in status.findChildren(QLabel) if label.objectName() not in ("", "device")]
    assert len(found) == 6
    return found


def places(status: StatusLine) -> dict[str, tuple[int, int]]:
    return {label.objectName(): (label.x(), label.width()) for label in fields(status)}


def whole(label: QLabel) -> bool:
    return label.contentsRect().width() >= label.indent() + label.fontMetrics().horizontalAdvance(label.text())


def test_changing_digits_move_nothing_and_lay_nothing_out(status: StatusLine, qtbot: Any) -> None:
    add_steps(status, 777, 29_390, qtbot)
    before, layouts = places(status), Layouts(status)
    for step, seconds in ((778, 29_391), (811, 29_399), (911, 29_401), (912, 29_455)):  # 1:00:10 left to 59:05
        add_steps(status, step, seconds, qtbot)
        assert places(status) == before
    assert layouts.count == 0


def test_every_figure_is_shown_whole_and_gives_its_room_back(status: StatusLine, qtbot: Any) -> None:
    room = places(status)["elapsed"][1]
    for step, seconds in ((9, 2.0), (9_999, 2222.0), (149_999, 32_999.0)):
        add_steps(status, step, seconds, qtbot)
        assert all(whole(label) for label in fields(status))
    status.clear_run()
    QApplication.processEvents()
    assert places(status)["elapsed"][1] == room


def test_a_short_state_takes_no_more_room_than_it_needs(status: StatusLine) -> None:
    status.show_other_state("Preparing")
    wide = places(status)["state"][1]
    status.show_other_state("Paused")
    assert places(status)["state"][1] < wide


def test_larger_letters_get_the_room_they_need(status: StatusLine, qtbot: Any) -> None:
    add_steps(status, 777, 172.8, qtbot)
    font = status.font()
    font.setPointSizeF(1.4 * font.pointSizeF())
    for label in fields(status):
        label.setFont(font)
    assert all(whole(label) for label in fields(status))


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, which the test sets."""
    now = [1000.0]
    monkeypatch.setattr(step_clock, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


def elapsed(status: StatusLine, qtbot: Any) -> str:
    qtbot.wait(20)  # a tick
    return status.text("elapsed")


def test_the_time_goes_on_between_two_steps_and_stands_still_in_a_pause(
    status: StatusLine, qtbot: Any, clock: list[float]
) -> None:
    status.show_state(SessionState.TRAINING)
    status.on_event(StepDone(3, 100, {"total": 0.1}, 1e-3, 0.1, 4.5, 60.0, 90.0, _GB))
    assert elapsed(status, qtbot) == "1:00 elapsed"
    clock[0] += 18
    assert elapsed(status, qtbot) == "1:18 elapsed"
    status.show_state(SessionState.PAUSING)
    clock[0] += 2
    status.show_state(SessionState.PAUSED)
    clock[0] += 500
    assert elapsed(status, qtbot) == "1:20 elapsed"
    status.show_state(SessionState.TRAINING)
    clock[0] += 5
    assert elapsed(status, qtbot) == "1:25 elapsed"
    clock[0] += 100
    assert elapsed(status, qtbot) == "3:05 elapsed"
    status.show_state(SessionState.IDLE)


def test_the_time_of_a_resumed_run_counts_its_earlier_sessions(status: StatusLine, qtbot: Any) -> None:
    event = StepDone(3, 100, {"total": 0.1}, 1e-3, 0.1, 4.5, 43.0, 90.0, _GB, run_seconds=103.0)
    status.on_event(event)
    qtbot.waitUntil(lambda: status.text("elapsed").startswith("1:43"))
    status.on_event(replace(event, step=4, run_seconds=0.0))  # a journal of an older version
    qtbot.waitUntil(lambda: status.text("elapsed").startswith("0:43"))
    status.show_state(SessionState.IDLE)


def test_an_unknown_total_is_left_out(status: StatusLine, qtbot: Any) -> None:
    status.on_event(StepDone(2, None, {"total": 0.1}, 1e-3, 0.1, 4.5, 9.0, 111.0, _GB))
    qtbot.waitUntil(lambda: status.text("step") == "step 2")
    status.show_state(SessionState.IDLE)


def test_waiting_for_photos_is_shown_beside_the_speed(status: StatusLine, qtbot: Any) -> None:
    event = StepDone(3, 100, {"total": 0.1}, 1e-3, 0.1, 4.5, 60.0, 90.0, _GB, photo_wait=0.25)
    status.on_event(event)
    qtbot.waitUntil(lambda: status.text("speed") == "4.50 steps/s · waiting for photos 25 %")
    status.on_event(replace(event, step=4, photo_wait=0.04))
    qtbot.waitUntil(lambda: status.text("speed") == "4.50 steps/s")
