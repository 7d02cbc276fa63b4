"""A program of its own from which files are dragged, as from a file manager: `drag_source.py X Y FILE...`.

It shows one square a file, from top to bottom. It prints a line when the window under the mouse accepts the file,
"accepted", and one when the drag has ended: "refused", or "taken" once the other program is done with the file.
"""

from __future__ import annotations

import ctypes
import os
import sys

from PySide6.QtCore import QAbstractNativeEventFilter, QByteArray, QMimeData, Qt, QTimer, QUrl
from PySide6.QtGui import QDrag, QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

TITLE = "Files to drag"
SQUARE = 40  # pixels
_CLIENT_MESSAGE = 33  # response type of a client message, see xproto.h


class Square(QLabel):
    """Stands for one file."""

    def __init__(self, path: str) -> None:
        super().__init__("file")
        self._path = path
        self.setFixedSize(SQUARE, SQUARE)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        """Begin a drag, which the X server carries to other programs."""
        data = QMimeData()
        data.setUrls([QUrl.fromLocalFile(self._path)])
        drag = QDrag(self)
        drag.setMimeData(data)
        timer = QTimer(self, interval=50)
        timer.timeout.connect(lambda: _report_acceptance(timer))
        timer.start()
        dropped = drag.exec(Qt.DropAction.CopyAction) == Qt.DropAction.CopyAction
        timer.stop()
        if not dropped:
            print("refused", flush=True)


class FinishFilter(QAbstractNativeEventFilter):
    """Prints "taken" when another program has used a dropped file: Qt itself does not wait for that."""

    def __init__(self) -> None:
        super().__init__()
        x11 = ctypes.CDLL("libX11.so.6")
        x11.XOpenDisplay.restype = ctypes.c_void_p
        x11.XInternAtom.restype = ctypes.c_ulong
        display = ctypes.c_void_p(x11.XOpenDisplay(os.environ["DISPLAY"].encode()))
        self._finished: int = x11.XInternAtom(display, b"XdndFinished", False)
        x11.XCloseDisplay(display)

    def nativeEventFilter(self, kind: QByteArray | bytes | bytearray | memoryview, message: int) -> tuple[bool, int]:
        """Read a message of the X server: an xcb_client_message_event_t has its response type first, its type at 8."""
        event = ctypes.string_at(int(message), 12)
        if event[0] & 0x7F == _CLIENT_MESSAGE and int.from_bytes(event[8:12], sys.byteorder) == self._finished:
            print("taken", flush=True)
        return False, 0


def _report_acceptance(timer: QTimer) -> None:
    """Print "accepted" once the pointer is the one over a window that accepts the file."""
    cursor = QGuiApplication.overrideCursor()
    if cursor is not None and cursor.shape() == Qt.CursorShape.DragCopyCursor:
        timer.stop()
        print("accepted", flush=True)


def main(x: int, y: int, paths: list[str]) -> int:
    """Show the squares at a place of the screen until the process is ended."""
    application = QApplication(["drag-source"])
    finish = FinishFilter()
    application.installNativeEventFilter(finish)
    window = QWidget()
    window.setWindowTitle(TITLE)
    column = QVBoxLayout(window)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(0)
    for path in paths:
        column.addWidget(Square(path))
    window.move(x, y)
    window.show()
    return application.exec()


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
