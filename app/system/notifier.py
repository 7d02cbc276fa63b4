"""Tells the user who is elsewhere: a tray icon with a menu, a notification, and the task bar's attention.

The notification goes through the tray's icon; where the desktop has no tray, to the desktop itself.
"""

from __future__ import annotations

import sys
from typing import Optional

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QMenu, QSystemTrayIcon, QWidget

from app.session import State
from app.system import desktop_message

_MILLISECONDS = 15000
_SHOWING = (
    QSystemTrayIcon.ActivationReason.Trigger,
    QSystemTrayIcon.ActivationReason.DoubleClick,
    QSystemTrayIcon.ActivationReason.MiddleClick,
)


class Notifier(QObject):
    """The icon is in the tray while a training runs there, and while a message waits for the user to come back."""

    show_window = Signal()
    pause = Signal()
    stop = Signal()
    quit = Signal()

    def __init__(self, window: QWidget, icon: QIcon) -> None:
        super().__init__(window)
        self._window, self._icon = window, icon
        self._tray: Optional[QSystemTrayIcon] = None
        self._running = self._talking = False
        self.menu = QMenu(window)
        self._fill_menu()
        self.show_state(State.IDLE)
        window.installEventFilter(self)

    def _fill_menu(self) -> None:
        show = self.menu.addAction("Show window")
        self.menu.setDefaultAction(show)
        self.menu.addSeparator()
        self._pause, self._stop = self.menu.addAction("Pause"), self.menu.addAction("Stop and save")
        self.menu.addSeparator()
        leave = self.menu.addAction("Quit")
        actions = ((show, self.show_window), (self._pause, self.pause), (self._stop, self.stop), (leave, self.quit))
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

    def show_state(self, state: State) -> None:
        """Follow the session."""
        paused = state in (State.PAUSING, State.PAUSED)
        self._pause.setText("Resume" if paused else "Pause")
        self._pause.setEnabled(paused or state is State.TRAINING)
        self._stop.setEnabled(state not in (State.IDLE, State.STOPPING))
        if self._tray is not None:
            self._tray.setToolTip(f"{self._window.windowTitle()}\n{state.value}")

    def show_running(self) -> None:
        """The icon is there until `hide`."""
        self._running = True
        self._settle()

    def hide(self) -> None:
        """No training needs the icon; a message in sight keeps it until the user is back."""
        self._running = False
        self._settle()

    def close(self) -> None:
        """No icon."""
        self._talking = False
        self.hide()

    def tell(self, title: str, text: str) -> None:
        """Say it, unless the user looks at the window anyway."""
        if self._window.isActiveWindow() and not self._window.isMinimized():
            return
        QApplication.alert(self._window)
        if self.has_tray:
            self._talking = True
            self._settle()
            assert self._tray is not None
            self._tray.showMessage(title, text, QSystemTrayIcon.MessageIcon.Information, _MILLISECONDS)
        else:
            desktop_message.send(title, text, _MILLISECONDS)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.WindowActivate and self._talking:
            self._talking = False
            self._settle()
        return False

    def _settle(self) -> None:
        wanted = self._running or self._talking
        if wanted and self._tray is None:
            self._tray = self._make_tray()
        if self._tray is not None:
            self._tray.setVisible(wanted)

    def _make_tray(self) -> QSystemTrayIcon:
        tray = QSystemTrayIcon(self._icon, self)
        tray.setToolTip(self._window.windowTitle())
        tray.setContextMenu(self.menu)
        tray.messageClicked.connect(self.show_window)
        tray.activated.connect(self._clicked)
        return tray

    def _clicked(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in _SHOWING and sys.platform != "darwin":  # there a click opens the menu
            self.show_window.emit()
