"""A comparison that fills the screen: the key F takes the view out of its window; F, Escape or a menu puts it back."""

from __future__ import annotations

import time

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QKeyEvent, QMouseEvent

from app.preview.compare import CompareView

_KEYS_OF_THE_WINDOW = (Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Space)
NEIGHBOR_KEYS = {"N": 1, "P": -1}
_HINT = "Press Esc or F, or right-click, to leave full screen"
_HINT_TIME = 5000  # milliseconds
_REST_SECONDS = 5.0  # without a movement of the mouse before the next one shows the hint again


class FullScreen(QObject):
    """Switch of a view between its place in the window and the whole screen."""

    def __init__(self, view: CompareView) -> None:
        super().__init__(view)
        self._view = view
        self._hint_timer = QTimer(self)
        self._hint_timer.setSingleShot(True)
        self._hint_timer.timeout.connect(lambda: view.set_hint(""))
        self._last_movement = 0.0  # of the mouse, as time.monotonic()

    def toggle(self) -> None:
        """Fill the screen with the view, or put it back into its window."""
        view = self._view
        if view.isWindow():
            self._hint_timer.stop()
            view.set_hint("")
            view.removeEventFilter(self)
            view.setWindowFlag(Qt.WindowType.Window, False)
            view.show()
        else:
            view.setWindowFlag(Qt.WindowType.Window, True)
            view.installEventFilter(self)
            view.setGeometry(view.screen().geometry())  # for a desktop without a window manager
            view.showFullScreen()
            self._show_hint()
        view.setFocus()

    def _show_hint(self) -> None:
        self._view.set_hint(_HINT)
        self._hint_timer.start(_HINT_TIME)
        self._last_movement = time.monotonic()

    def _follow_mouse(self, event: QMouseEvent) -> None:
        """Show the hint when the mouse moves again after a rest, but not while a button is down."""
        now, before = time.monotonic(), self._last_movement
        self._last_movement = now
        if now - before >= _REST_SECONDS and event.buttons() == Qt.MouseButton.NoButton:
            self._show_hint()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handle the keys that the window handles otherwise and a close, and follow the mouse."""
        if event.type() == QEvent.Type.Close:
            event.ignore()
            self.toggle()
            return True
        if event.type() == QEvent.Type.MouseMove:
            assert isinstance(event, QMouseEvent)
            self._follow_mouse(event)
        if event.type() != QEvent.Type.KeyPress:
            return False
        assert isinstance(event, QKeyEvent)
        return self._handle_key(event)

    def _handle_key(self, event: QKeyEvent) -> bool:
        view, parent = self._view, self._view.parentWidget()
        mode = view.mode_of_key(event.text().upper())
        if event.key() in (Qt.Key.Key_F, Qt.Key.Key_Escape):
            self.toggle()
        elif event.key() == Qt.Key.Key_X:
            view.flip()
        elif event.text().upper() in NEIGHBOR_KEYS:
            view.neighbor_requested.emit(NEIGHBOR_KEYS[event.text().upper()])
        elif mode is not None:
            view.set_mode(mode)
        elif event.key() in _KEYS_OF_THE_WINDOW and parent is not None:
            QCoreApplication.sendEvent(parent, event)
        else:
            return False
        return True
