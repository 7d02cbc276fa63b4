"""Icons: one-colour SVG files from `resources/icons`, tinted with a colour of the theme when they are drawn."""

from __future__ import annotations

import contextlib
from functools import cache
from importlib import resources
from typing import Optional

from PySide6.QtCore import QByteArray, QRectF, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton

from app.theme import colours, theme

SIDE = 18  # pixels


@cache
def _source(name: str) -> str:
    return (resources.files("resources") / "icons" / f"{name}.svg").read_text("utf-8")


def pixmap(name: str, colour: str, side: int = SIDE) -> QPixmap:
    """The icon as a picture for the screen's pixel density."""
    ratio = QGuiApplication.primaryScreen().devicePixelRatio() if QGuiApplication.primaryScreen() else 1.0
    picture = QPixmap(round(side * ratio), round(side * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(QByteArray(_source(name).replace("currentColor", colour).encode()))
    painter = QPainter(picture)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    return picture


def icon(name: str, colour: Optional[str] = None) -> QIcon:
    """The icon in `colour`, or in the text's."""
    made = QIcon(pixmap(name, colour or colours().text))
    made.addPixmap(pixmap(name, colours().muted), QIcon.Mode.Disabled)
    return made


def dress(button: QAbstractButton, name: str, role: str = "text") -> None:
    """Give a button an icon that follows the theme. `role` is a field of `Colours`."""
    known = button.property("icon-name") is not None
    button.setProperty("icon-name", name)
    button.setProperty("icon-role", role)
    _redraw(button)
    if not known:
        theme().changed.connect(lambda: _redraw(button), Qt.ConnectionType.AutoConnection)


def _redraw(button: QAbstractButton) -> None:
    with contextlib.suppress(RuntimeError):  # the button is gone, its connection not yet
        button.setIcon(icon(button.property("icon-name"), getattr(colours(), button.property("icon-role"))))
