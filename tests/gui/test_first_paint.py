"""What waits for the first paint of a window."""

from __future__ import annotations

from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.system.first_paint import call_after_first_paint


class _Painted(QWidget):
    """Records its paints, and those of a child."""

    def __init__(self, events: list[str], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._events, self._name = events, name

    def paintEvent(self, event: QPaintEvent) -> None:
        self._events.append(self._name)


def test_the_work_begins_when_the_whole_window_is_painted(qtbot: QtBot) -> None:
    events: list[str] = []
    window = _Painted(events, "window")
    _Painted(events, "child", window).resize(10, 10)
    qtbot.addWidget(window)
    call_after_first_paint(window, lambda: events.append("work"), patience=60_000)
    qtbot.wait(50)
    assert events == []
    window.show()
    qtbot.waitUntil(lambda: "work" in events)
    assert events[:3] == ["window", "child", "work"]


def test_the_work_is_done_once(qtbot: QtBot) -> None:
    events: list[str] = []
    window = _Painted(events, "window")
    qtbot.addWidget(window)
    call_after_first_paint(window, lambda: events.append("work"), patience=20)
    window.show()
    qtbot.waitUntil(lambda: "work" in events)
    window.repaint()
    qtbot.wait(50)
    assert events.count("work") == 1


def test_a_window_that_is_not_painted_delays_the_work_only_so_long(qtbot: QtBot) -> None:
    events: list[str] = []
    window = _Painted(events, "window")
    qtbot.addWidget(window)
    call_after_first_paint(window, lambda: events.append("work"), patience=20)
    qtbot.waitUntil(lambda: events == ["work"])
    window.show()
    qtbot.waitUntil(lambda: "window" in events)
    assert events.count("work") == 1
