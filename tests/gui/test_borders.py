"""Borders without which a menu or a picture would run into what is behind it."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QApplication, QMenu

from app.preview.compare import CompareView
from app.preview.pictures import BICUBIC, SR, Pictures
from app.widgets.theme import install_theme, theme_colors


@pytest.fixture(params=["light", "dark"])
def border(request: pytest.FixtureRequest, qapp: QApplication) -> Any:
    """The color of borders, in each theme."""
    theme = install_theme(qapp)
    before = theme.choice
    theme.set_choice(request.param)
    yield theme_colors().border
    theme.set_choice(before)


def test_a_picture_as_light_as_the_view_has_an_edge(border: str, qtbot: Any) -> None:
    view, white = CompareView(), QImage(40, 40, QImage.Format.Format_RGB888)
    qtbot.addWidget(view)
    white.fill(0xFFFFFF)
    view.resize(400, 300)
    view.set_mode(BICUBIC)
    view.show_pictures(Pictures(0, "white", {BICUBIC: white, SR: white}))
    place = view._image_rect(view.rect()).toRect()
    shown = view.grab().toImage()
    assert shown.pixelColor(place.left() - 1, place.center().y()).name() == border
    assert shown.pixelColor(place.left(), place.center().y()).name() == "#ffffff"


def test_a_menu_has_a_border(border: str, qtbot: Any) -> None:
    menu = QMenu()
    qtbot.addWidget(menu)
    menu.addAction("Open")
    menu.ensurePolished()
    menu.resize(menu.sizeHint())
    assert menu.grab().toImage().pixelColor(0, menu.height() // 2).name() == border
