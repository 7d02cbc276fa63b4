"""A program of its own from which files are dragged, as from a file manager: `drag_source.py X Y FILE...`.

It shows one square a file, from top to bottom, and prints a line when a drag has ended: "taken" or "refused".
"""

from __future__ import annotations

import sys

from PySide6.QtCore import QMimeData, Qt, QUrl
from PySide6.QtGui import QDrag, QMouseEvent
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

TITLE = "Files to drag"
SQUARE = 40  # pixels


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
        taken = drag.exec(Qt.DropAction.CopyAction) == Qt.DropAction.CopyAction
        print("taken" if taken else "refused", flush=True)


def main(x: int, y: int, paths: list[str]) -> int:
    """Show the squares at a place of the screen until the process is ended."""
    application = QApplication(["drag-source"])
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
