"""The context menu of a view: what can be done with the image under the pointer, and the zooms."""

from __future__ import annotations

import os

from PySide6.QtCore import QPoint, QRect, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu

from app.preview.cut_out import CutOut, WholeImage
from app.preview.pictures import BRIGHTNESSES, DIFFERENCE, Pictures, describe_brightness
from app.preview.zoom_view import ZoomView
from app.system.file_manager import open_folder


class ImageMenu(QMenu):
    """Menu of the image `name`, if the pointer is on one; in the full screen also the way out of it.

    Args:
        view: the view with the image.
        name: the image, of the pictures of the view.
        part: what *Cut out and save* saves; None where nothing of the images can be saved.
    """

    save_requested = Signal(object)  # CutOut
    brightness_chosen = Signal(int)  # of the difference

    def __init__(self, view: ZoomView, name: str | None, part: CutOut | None) -> None:
        super().__init__(view)
        self._view = view
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        if view.isFullScreen():
            self.addAction("Leave full screen", view.close)
            self.addSeparator()
        if name is not None:
            self.addAction(f"Copy image: {name}", lambda: self._copy(name))
        if name is not None and part is not None:
            whole = WholeImage(part.pictures, (name,), QRect(QPoint(), part.pictures.size))
            self.addAction("Save picture …", lambda: self.save_requested.emit(whole))
        if part is not None:
            self.addAction("Cut out and save …", lambda: self.save_requested.emit(part))
        if name == DIFFERENCE and view.pictures is not None:
            self._add_brightnesses(view.pictures)
        file = view.pictures.file if view.pictures is not None else None
        if file is not None and os.path.exists(file):
            self.addAction("Show in folder", lambda: open_folder(file.parent))
        self.addSeparator()
        self.addAction("Fit", lambda: view.set_zoom(0))
        self.addAction("100 %", lambda: view.set_zoom(1))

    def _add_brightnesses(self, pictures: Pictures) -> None:
        menu = self.addMenu("Brightness")
        for brightness in BRIGHTNESSES:
            action = menu.addAction(describe_brightness(brightness).capitalize())
            action.triggered.connect(
                lambda checked=False, brightness=brightness: self.brightness_chosen.emit(brightness)
            )
            action.setCheckable(True)
            action.setChecked(brightness == pictures.brightness)

    def _copy(self, name: str) -> None:
        """Copy an image as it is now, if the view still has it."""
        pictures = self._view.pictures
        if pictures is not None and name in pictures.images:
            QGuiApplication.clipboard().setImage(pictures.images[name].copy())
