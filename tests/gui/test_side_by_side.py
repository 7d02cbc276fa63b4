"""Widgets beside each other, or below each other where they have no room for that."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from app.widgets.side_by_side import SideBySide


def make_pair(qtbot: Any, *, is_whole: bool) -> tuple[QWidget, SideBySide, list[QPushButton]]:
    holder = QWidget()
    qtbot.addWidget(holder)
    row = SideBySide(10, is_whole=is_whole)
    buttons = [QPushButton(text) for text in ("a button", "another button")]
    for button in buttons:
        button.setMinimumWidth(60)
        row.add(button)
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.addWidget(row)
    column.addStretch(1)
    holder.resize(600, 300)
    holder.show()
    return holder, row, buttons


def resize(holder: QWidget, width: int) -> None:
    holder.resize(width, 300)
    for _ in range(3):
        QApplication.processEvents()


@pytest.mark.parametrize("is_whole", [False, True])
def test_a_row_becomes_a_column_where_it_is_too_narrow_and_a_row_again(qtbot: Any, is_whole: bool) -> None:
    holder, row, (first, second) = make_pair(qtbot, is_whole=is_whole)
    resize(holder, 600)
    assert first.y() == second.y() and first.x() < second.x()
    height = row.height()
    narrow = max(button.sizeHint().width() for button in (first, second)) + 5
    resize(holder, narrow)
    assert row.width() == narrow, "the row does not ask for the width of both"
    assert first.x() == second.x() and second.y() >= first.y() + first.height()
    assert row.height() >= 2 * height
    second.hide()
    resize(holder, narrow)
    assert row.height() < 2 * height, "one alone has room"
    second.show()
    resize(holder, 600)
    assert first.y() == second.y() and row.height() == height
