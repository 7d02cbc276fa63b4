"""Notifications for a user who is not at the window: tray icon with a menu, notification, highlighted task bar entry.

The tray icon shows the notification; on a desktop without a tray, `app/system/desktop_message.py` sends it.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon, QWidget

from app.run.session import SessionState
from app.system import desktop_message
from app.widgets.plain_text import plain_tooltip

_MESSAGE_MILLISECONDS = 15000
_CLICK_REASONS = (
    QSystemTrayIcon.ActivationReason.Trigger,
    QSystemTrayIcon.ActivationReason.DoubleClick,
    QSystemTrayIcon.ActivationReason.MiddleClick,
)


class Notifier(QObject):
    """Tray icon and notifications; the icon is visible while training runs in the tray or a message is unread."""

    pause = Signal()
    stop = Signal()

    def __init__(self, window: QWidget, icon: QIcon) -> None:
        super().__init__(window)
        self._window, self._icon = window, icon
        self._tray: QSystemTrayIcon | None = None
        self._in_background = self._message_shown = False
        self.menu = QMenu(window)
        self._fill_menu()
        self.show_state(SessionState.IDLE)
        window.installEventFilter(self)

    def _fill_menu(self) -> None:
        show = self.menu.addAction("Show window")
        self.menu.setDefaultAction(show)
        self.menu.addSeparator()
        self._pause, self._stop = self.menu.addAction("Pause"), self.menu.addAction("Stop and save")
        self.menu.addSeparator()
        quit_action = self.menu.addAction("Quit")
        actions = (
            (show, self.restore_window),
            (self._pause, self.pause.emit),
            (self._stop, self.stop.emit),
            (quit_action, self._quit),
        )
        for action, callback in actions:
            action.triggered.connect(lambda checked=False, callback=callback: callback())

    @property
    def has_tray(self) -> bool:
        """Whether the desktop has a tray, so that training can continue without a visible window."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    @property
    def in_tray(self) -> bool:
        """Whether the icon is visible."""
        return self._tray is not None and self._tray.isVisible()

    def show_state(self, state: SessionState) -> None:
        """Update the menu and the tooltip."""
        paused = state in (SessionState.PAUSING, SessionState.PAUSED)
        self._pause.setText("Resume" if paused else "Pause")
        self._pause.setEnabled(paused or state is SessionState.TRAINING)
        self._stop.setEnabled(state not in (SessionState.IDLE, SessionState.STOPPING))
        if self._tray is not None:
            self._tray.setToolTip(plain_tooltip(f"{self._window.windowTitle()}\n{state.value}"))

    def hide_window(self) -> None:
        """Hide the window; the icon is visible until `hide_icon`."""
        self._in_background = True
        self._update_icon()
        self._window.hide()

    def restore_window(self) -> None:
        """Show the window again and activate it, without the icon."""
        self.hide_icon()
        self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowMinimized)
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()

    def _quit(self) -> None:
        self.restore_window()  # the question needs a visible parent
        self._window.close()

    def hide_icon(self) -> None:
        """Hide the icon; if a message is shown, hide it when the user returns to the window."""
        self._in_background = False
        self._update_icon()

    def close(self) -> None:
        """Remove the icon."""
        self._message_shown = False
        self.hide_icon()

    def notify(self, title: str, text: str) -> None:
        """Show a notification, unless the window is active."""
        if self._window.isActiveWindow() and not self._window.isMinimized():
            return
        QApplication.alert(self._window)
        if self.has_tray:
            self._message_shown = True
            self._update_icon()
            assert self._tray is not None
            self._tray.showMessage(title, text, QSystemTrayIcon.MessageIcon.Information, _MESSAGE_MILLISECONDS)
        else:
            desktop_message.send_notification(title, text, _MESSAGE_MILLISECONDS)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Hide the icon of a message when the user returns to the window."""
        if event.type() == QEvent.Type.WindowActivate and self._message_shown:
            self._message_shown = False
            self._update_icon()
        return False

    def _update_icon(self) -> None:
        needed = self._in_background or self._message_shown
        if needed and self._tray is None:
            self._tray = self._make_tray()
        if self._tray is not None:
            self._tray.setVisible(needed)

    def _make_tray(self) -> QSystemTrayIcon:
        tray = QSystemTrayIcon(self._icon, self)
        tray.setToolTip(plain_tooltip(self._window.windowTitle()))
        tray.setContextMenu(self.menu)
        tray.messageClicked.connect(self.restore_window)
        tray.activated.connect(self._on_activated)
        return tray

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in _CLICK_REASONS and sys.platform != "darwin":  # on macOS a click opens the menu
            self.restore_window()
