"""Tells the user who is elsewhere: a notification through the tray where there is one, and the task bar's attention."""

from __future__ import annotations

from typing import Optional

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QIcon
from PySide6.QtWidgets import QApplication, QSystemTrayIcon, QWidget

_MILLISECONDS = 15000


class Notifier(QObject):
    """The tray icon is there only while a training runs or is talked about."""

    clicked = Signal()

    def __init__(self, window: QWidget, icon: QIcon) -> None:
        super().__init__(window)
        self._window = window
        self._tray: Optional[QSystemTrayIcon] = None
        if QSystemTrayIcon.isSystemTrayAvailable():
            self._tray = QSystemTrayIcon(icon, self)
            self._tray.activated.connect(lambda reason: self.clicked.emit())
            self._tray.messageClicked.connect(self.clicked)

    @property
    def has_tray(self) -> bool:
        """Whether a training can go on without a window in sight."""
        return self._tray is not None

    def show_running(self, text: str) -> None:
        """A tray icon with this tooltip."""
        if self._tray is not None:
            self._tray.setToolTip(text)
            self._tray.show()

    def hide(self) -> None:
        """No tray icon."""
        if self._tray is not None:
            self._tray.hide()

    def tell(self, title: str, text: str) -> None:
        """Say it, unless the user looks at the window anyway."""
        if self._window.isActiveWindow():
            return
        QApplication.alert(self._window)
        if self._tray is not None:
            self._tray.show()
            self._tray.showMessage(title, text, QSystemTrayIcon.MessageIcon.Information, _MILLISECONDS)
