"""Tells the user who is elsewhere: a tray icon with a menu, a notification, and the task bar's attention.

The notification goes through the tray's icon; where the desktop has no tray, to the desktop itself.
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon, QWidget

from app.session import SessionState
from app.system import desktop_message

_MESSAGE_MILLISECONDS = 15000
_CLICK_REASONS = (
    QSystemTrayIcon.ActivationReason.Trigger,
    QSystemTrayIcon.ActivationReason.DoubleClick,
    QSystemTrayIcon.ActivationReason.MiddleClick,
)


class Notifier(QObject):
    """The icon is in the tray while a training runs there, and while a message waits for the user to come back."""

    window_requested = Signal()
    pause = Signal()
    stop = Signal()
    quit = Signal()

    def __init__(self, window: QWidget, icon: QIcon) -> None:
        super().__init__(window)
        self._window, self._icon = window, icon
        self._tray: QSystemTrayIcon | None = None
        self._running = self._message_shown = False
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
        leave = self.menu.addAction("Quit")
        actions = (
            (show, self.window_requested),
            (self._pause, self.pause),
            (self._stop, self.stop),
            (leave, self.quit),
        )
        for action, signal in actions:
            action.triggered.connect(lambda checked=False, signal=signal: signal.emit())

    @property
    def has_tray(self) -> bool:
        """Whether a training can go on without a window in sight."""
        return QSystemTrayIcon.isSystemTrayAvailable()

    @property
    def in_tray(self) -> bool:
        """Whether the icon is shown."""
        return self._tray is not None and self._tray.isVisible()

    def show_state(self, state: SessionState) -> None:
        """Follow the session."""
        paused = state in (SessionState.PAUSING, SessionState.PAUSED)
        self._pause.setText("Resume" if paused else "Pause")
        self._pause.setEnabled(paused or state is SessionState.TRAINING)
        self._stop.setEnabled(state not in (SessionState.IDLE, SessionState.STOPPING))
        if self._tray is not None:
            self._tray.setToolTip(f"{self._window.windowTitle()}\n{state.value}")

    def show_icon(self) -> None:
        """The icon is there until `hide`."""
        self._running = True
        self._update_icon()

    def hide_icon(self) -> None:
        """No training needs the icon; a message in sight keeps it until the user is back."""
        self._running = False
        self._update_icon()

    def close(self) -> None:
        """No icon."""
        self._message_shown = False
        self.hide_icon()

    def notify(self, title: str, text: str) -> None:
        """Say it, unless the user looks at the window anyway."""
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
        if event.type() == QEvent.Type.WindowActivate and self._message_shown:
            self._message_shown = False
            self._update_icon()
        return False

    def _update_icon(self) -> None:
        wanted = self._running or self._message_shown
        if wanted and self._tray is None:
            self._tray = self._make_tray()
        if self._tray is not None:
            self._tray.setVisible(wanted)

    def _make_tray(self) -> QSystemTrayIcon:
        tray = QSystemTrayIcon(self._icon, self)
        tray.setToolTip(self._window.windowTitle())
        tray.setContextMenu(self.menu)
        tray.messageClicked.connect(self.window_requested)
        tray.activated.connect(self._on_activated)
        return tray

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in _CLICK_REASONS and sys.platform != "darwin":  # there a click opens the menu
            self.window_requested.emit()
