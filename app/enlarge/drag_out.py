"""Dragging an enlarged photo out of the window to another program, as a PNG file in a temporary folder.

The file is written in the background. The drag begins when it is written, if the button of the mouse is still down.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
from pathlib import Path

from PySide6.QtCore import QMimeData, QObject, Qt, QUrl, Signal
from PySide6.QtGui import QDrag, QGuiApplication

from app.enlarge.photo_list import PhotoList
from app.enlarge.saving import describe_result
from app.enlarge.trial import Trial
from app.system.background import Background
from trainer_core.verbs.output_files import save_png

_DRAG_ICON = 48  # pixels
_FOLDER_PREFIX = "wqv-enlarged-"


class DragOut(QObject):
    """Starts the drags of the selected photo; the files are removed when the program ends."""

    message_posted = Signal(str, str)  # level, text
    failed = Signal(object)  # Exception

    def __init__(self, trial: Trial, photos: PhotoList, background: Background) -> None:
        super().__init__(photos)
        self._trial, self._photos, self._background = trial, photos, background
        self._folder: Path | None = None
        self._count = 0  # of files written

    def start(self) -> None:
        """Write the enlarged photo, then begin the drag."""
        photo, result = self._trial.photo, self._trial.result(self._trial.main_role)
        if photo is None or result is None or not result.is_complete or not self._photos.is_selected(photo):
            self.message_posted.emit("info", "The photo is not enlarged yet. Drag it when it is.")
            return
        target = self._make_folder() / f"{photo.name}_x{result.model.scale}.png"
        text = describe_result(photo, result)
        self._background.run_job(
            "drag", lambda: save_png(result.pixels, target, text=text, taken=photo.taken), self._drag, self.failed.emit
        )

    def _make_folder(self) -> Path:
        """Return a new folder in the temporary one: a program may still read the file of an earlier drag."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix=_FOLDER_PREFIX))
            atexit.register(shutil.rmtree, self._folder, ignore_errors=True)
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        return folder

    def _drag(self, file: Path) -> None:
        if not QGuiApplication.mouseButtons() & Qt.MouseButton.LeftButton:
            return  # the user has let go
        item = self._photos.list.currentItem()
        drag, data = QDrag(self._photos.list), QMimeData()
        data.setUrls([QUrl.fromLocalFile(str(file))])
        drag.setMimeData(data)
        if item is not None:
            drag.setPixmap(item.icon().pixmap(_DRAG_ICON))
        drag.exec(Qt.DropAction.CopyAction)
