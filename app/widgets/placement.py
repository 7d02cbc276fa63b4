"""Size and position of a top-level window: within its screen at first, where the user left it after that.

A window manager adds its frame only after the window is shown, so a position is that of the frame and a size that of
the contents: restored together they do not move the window, however large the frame is.
"""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QGuiApplication, QScreen
from PySide6.QtWidgets import QWidget

from app.system.settings_store import open_settings_store

_FRAME = QSize(12, 40)  # pixels of a frame before it is known: borders, and a title bar with a border


def fit_size(wanted: QSize, screen: QScreen) -> QSize:
    """Return `wanted`, or less where the screen has no room for it and its frame."""
    return wanted.boundedTo(screen.availableGeometry().size() - _FRAME)


def open_on_screen(window: QWidget, size: QSize) -> None:
    """Give a window its first size; one that does not fit its screen opens maximized."""
    fitted = fit_size(size, window.screen())
    window.resize(fitted)
    if fitted != size:
        window.setWindowState(window.windowState() | Qt.WindowState.WindowMaximized)


def save_placement(window: QWidget, key: str) -> None:
    """Store size, position and state of a visible window; one that is maximized keeps its normal size."""
    store, maximized = open_settings_store(), window.isMaximized()
    if not maximized:
        store.setValue(f"{key}/size", window.size())
        store.setValue(f"{key}/position", window.frameGeometry().topLeft())
    store.setValue(f"{key}/maximized", maximized)


def restore_placement(window: QWidget, key: str, default_size: QSize) -> None:
    """Restore what `save_placement` stored, within a screen; without it, open the window at the default size."""
    store = open_settings_store()
    size, position = store.value(f"{key}/size"), store.value(f"{key}/position")
    if not (isinstance(size, QSize) and isinstance(position, QPoint)):
        open_on_screen(window, default_size)
        return
    screen = QGuiApplication.screenAt(QRect(position, size).center()) or window.screen()
    size = fit_size(size, screen)
    window.resize(size)
    window.move(_inside(QRect(position, size + _FRAME), screen.availableGeometry()))
    if store.value(f"{key}/maximized") in (True, "true"):
        window.setWindowState(window.windowState() | Qt.WindowState.WindowMaximized)


def _inside(frame: QRect, room: QRect) -> QPoint:
    """Return the top-left corner of the frame, moved so that the frame lies in `room`."""
    x = max(room.left(), min(frame.left(), room.right() + 1 - frame.width()))
    y = max(room.top(), min(frame.top(), room.bottom() + 1 - frame.height()))
    return QPoint(x, y)
