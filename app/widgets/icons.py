"""Icons: one-color SVG files from `resources/icons`, tinted with a theme color when drawn."""

from __future__ import annotations

from functools import cache
from importlib import resources

from PySide6.QtCore import QByteArray, QObject, QRectF, QSize, Qt
from PySide6.QtGui import QGuiApplication, QIcon, QPainter, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QAbstractButton, QLabel, QPushButton, QWidget

from app.widgets.theme import theme, theme_colors

ICON_SIZE = 18  # pixels
_GAP = 4  # pixels between the icon and the text of a button, beyond the style's own


@cache
def _read_svg(name: str) -> str:
    return (resources.files("resources") / "icons" / f"{name}.svg").read_text("utf-8")


def pixmap(name: str, color: str, side: int = ICON_SIZE, *, gap: int = 0) -> QPixmap:
    """Return the icon at the screen's pixel density, with `gap` empty pixels on its right; lengths in pixels."""
    ratio = QGuiApplication.primaryScreen().devicePixelRatio() if QGuiApplication.primaryScreen() else 1.0
    picture = QPixmap(round((side + gap) * ratio), round(side * ratio))
    picture.setDevicePixelRatio(ratio)
    picture.fill(Qt.GlobalColor.transparent)
    renderer = QSvgRenderer(QByteArray(_read_svg(name).replace("currentColor", color).encode()))
    painter = QPainter(picture)
    renderer.render(painter, QRectF(0, 0, side, side))
    painter.end()
    return picture


def icon(name: str, color: str | None = None, *, gap: int = 0) -> QIcon:
    """Return the icon in `color` (#rrggbb), by default in the text color."""
    made = QIcon(pixmap(name, color or theme_colors().text, gap=gap))
    made.addPixmap(pixmap(name, theme_colors().muted, gap=gap), QIcon.Mode.Disabled)
    return made


def set_icon(widget: QAbstractButton | QLabel, name: str, color_role: str = "text", side: int = ICON_SIZE) -> None:
    """Give a button or a label an icon that follows the theme; `color_role` is a field of `ThemeColors`."""
    first = widget.property("icon_spec") is None
    widget.setProperty("icon_spec", [name, color_role, side])
    if first:
        _IconTint(widget)
    _redraw(widget)


class _IconTint(QObject):
    """Theme listener of a widget with an icon; as its child it is destroyed with the widget."""

    def __init__(self, widget: QWidget) -> None:
        super().__init__(widget)
        theme().changed.connect(self._on_theme_changed)

    def _on_theme_changed(self) -> None:
        _redraw(self.parent())


def _redraw(widget: QObject | None) -> None:
    assert widget is not None
    name, role, side = widget.property("icon_spec")
    if isinstance(widget, QAbstractButton):
        gap = _GAP if isinstance(widget, QPushButton) else 0
        widget.setIconSize(QSize(ICON_SIZE + gap, ICON_SIZE))
        widget.setIcon(icon(name, getattr(theme_colors(), role), gap=gap))
    elif isinstance(widget, QLabel):
        widget.setPixmap(pixmap(name, getattr(theme_colors(), role), int(side)))
