"""A path line shows the end of a long path until the user edits it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.widgets.path_line import PathLine

_PATH = "/home/somebody/Documents/WQV Upscale Trainer/photos of the harbor"


@pytest.fixture
def lines(qtbot: Any) -> Iterator[tuple[PathLine, PathLine]]:
    """Two lines of one size, of which the second has the focus."""
    page = QWidget()
    column = QVBoxLayout(page)
    lines = PathLine(), PathLine()
    for line in lines:
        column.addWidget(line)
    page.resize(260, 100)
    qtbot.addWidget(page)
    page.show()
    page.activateWindow()
    lines[1].setFocus()
    qtbot.waitUntil(lines[1].hasFocus)
    yield lines
    page.close()


def test_a_long_path_is_shortened_at_its_beginning(lines: tuple[PathLine, PathLine]) -> None:
    line, _ = lines
    line.set_path(_PATH)
    assert line.text() == _PATH, "the value is the whole path"
    assert line.visible_text.startswith("…") and line.visible_text.endswith("photos of the harbor")
    shortened = line.grab().toImage()
    line.set_path(line.visible_text)
    assert line.grab().toImage() == shortened, "it is drawn like a short path"


def test_a_path_that_fits_stays_whole(lines: tuple[PathLine, PathLine]) -> None:
    lines[0].set_path("/home/run")
    assert lines[0].visible_text == "/home/run"


def test_the_cursor_is_at_the_end_of_a_path_that_is_edited(lines: tuple[PathLine, PathLine], qtbot: Any) -> None:
    _, line = lines
    line.set_path(_PATH)
    whole = line.grab().toImage()
    qtbot.keyClicks(line, "2")
    assert line.text() == f"{_PATH}2" and line.grab().toImage() != whole
