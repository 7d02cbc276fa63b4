"""Rows of controls that continue in the next line where there is no room."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import QSize
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget

from app.preview.compare import CompareView
from app.preview.mode_buttons import ModeButtons
from app.widgets.flow_layout import FlowLayout


@pytest.fixture
def row(qtbot: Any) -> QWidget:
    made = QWidget()
    qtbot.addWidget(made)
    flow = FlowLayout(made, 4)
    for number in range(6):
        label = QLabel(str(number))
        label.setFixedSize(100, 40 + number)
        flow.addWidget(label)
    return made


def lines(row: QWidget, width: int) -> list[list[str]]:
    """Lay out a row at a width and return the texts of its lines."""
    row.resize(width, row.heightForWidth(width))
    row.show()
    found: dict[int, list[str]] = {}
    for label in row.findChildren(QLabel):
        if label.isVisible():
            found.setdefault(label.geometry().center().y() // 44, []).append(label.text())
            assert row.rect().contains(label.geometry())
    return list(found.values())


def test_a_line_holds_what_fits_and_the_rest_follows_in_the_next(row: QWidget) -> None:
    assert row.sizeHint() == QSize(620, 45) and row.minimumSizeHint() == QSize(100, 45)
    assert lines(row, 620) == [["0", "1", "2", "3", "4", "5"]] and row.height() == 45
    assert lines(row, 619) == [["0", "1", "2", "3", "4"], ["5"]] and row.height() == 44 + 4 + 45
    assert lines(row, 204) == [["0", "1"], ["2", "3"], ["4", "5"]]
    assert lines(row, 100) == [[str(number)] for number in range(6)]


def test_hidden_and_removed_controls_take_no_room(row: QWidget) -> None:
    row.findChildren(QLabel)[1].hide()
    assert row.sizeHint() == QSize(516, 45)
    assert lines(row, 516) == [["0", "2", "3", "4", "5"]]
    layout = row.layout()
    assert layout is not None
    taken = layout.takeAt(5)
    assert taken is not None and layout.count() == 5 and layout.takeAt(5) is None and layout.itemAt(5) is None
    assert row.sizeHint() == QSize(412, 44)


def test_the_buttons_of_a_view_need_little_width_and_push_it_down(qtbot: Any) -> None:
    page, view = QWidget(), CompareView()
    qtbot.addWidget(page)
    buttons = ModeButtons(view, view.views)
    column = QVBoxLayout(page)
    column.addWidget(buttons)
    column.addWidget(view, 1)
    page.resize(900, 500)
    page.show()
    wide = buttons.height()
    page.resize(400, 500)
    qtbot.waitUntil(lambda: page.width() == 400 and buttons.height() > wide)
    inside = [b.geometry() for b in buttons.findChildren(QPushButton) if b.isVisible()]
    assert len(inside) > 4 and all(buttons.rect().contains(place) for place in inside)
    assert view.geometry().top() >= buttons.geometry().bottom()
