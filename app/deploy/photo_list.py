"""The photos to try a model on: a list with small pictures, filled by dropping or browsing, one file after another."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np
from PIL import Image
from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QIcon, QImage, QKeySequence, QPixmap, QShortcut
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QListWidget,
    QListWidgetItem,
    QPushButton,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.background import Background
from app.deploy.trial import Photo
from app.file_filters import offering
from app.icons import dress
from app.settings_store import remembered
from app.theme import SPACE
from trainer_core.data.captures import WATCH_SUFFIXES
from trainer_core.data.photos import EXTENSIONS
from trainer_core.verbs.picture_files import picture_files, pictures_in

_THUMBNAIL = 48  # pixels
_MOST_OF_A_DROP = 100
_PLACE = Qt.ItemDataRole.UserRole  # (file, number of the picture in it)


class PhotoList(QWidget):
    """`chosen` brings the pixels of the photo that is selected, or None."""

    chosen = Signal(object)  # Optional[Photo]
    removed = Signal(Path)
    told = Signal(str, str)
    failed = Signal(object)

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background
        self._waiting: deque[Path] = deque()
        self._reading = False
        self.list = QListWidget()
        self.list.setAccessibleName("Photos to try the model on")
        self.list.setIconSize(QSize(_THUMBNAIL, _THUMBNAIL))
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.currentItemChanged.connect(lambda now, before: self._choose())
        self._add = QPushButton("Add photos …")
        dress(self._add, "add")
        self._add.clicked.connect(self.browse)
        self._remove = QToolButton()
        dress(self._remove, "discard")
        self._remove.setAccessibleName("Remove the photo from the list")
        self._remove.setToolTip("Remove the photo from the list (Delete); the file stays")
        self._remove.clicked.connect(self.remove)
        delete = QShortcut(QKeySequence.StandardKey.Delete, self.list, self.remove)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        self._lay_out()
        self._choose()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE // 2)
        buttons.addWidget(self._add, 1)
        buttons.addWidget(self._remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE)
        column.addWidget(self.list, 1)
        column.addLayout(buttons)

    @property
    def files(self) -> list[Path]:
        """The files the photos come from."""
        return [self.list.item(row).data(_PLACE)[0] for row in range(self.list.count())]

    # -- adding and removing -------------------------------------------------------------------

    def browse(self) -> None:
        """Ask for files."""
        before = str(remembered().value("photo_folder", ""))
        kinds = offering("Photos and watch files", EXTENSIONS | WATCH_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self, "Photos to try the model on", before, kinds)
        if names:
            remembered().setValue("photo_folder", str(Path(names[0]).parent))
            self.add([Path(name) for name in names])

    def add(self, paths: Sequence[Path]) -> None:
        """Add files, and the photos of folders; what cannot be read is said."""
        self._background.run(
            "photos to try " + ";".join(map(str, paths)), lambda: list(picture_files(paths)), self._queue,
            self.failed.emit,
        )  # fmt: skip

    def _queue(self, files: list[Path]) -> None:
        if len(files) > _MOST_OF_A_DROP:
            self.told.emit("info", f"The first {_MOST_OF_A_DROP} of {len(files)} photos are added.")
        known = {*self.files, *self._waiting}
        self._waiting.extend(file for file in files[:_MOST_OF_A_DROP] if file not in known)
        self._read_next()

    def _read_next(self) -> None:
        if self._reading or not self._waiting:
            return
        self._reading, file = True, self._waiting.popleft()
        self._background.run(
            "thumbnails", lambda: _thumbnails(file), lambda found: self._show(file, found), self._cannot_read
        )

    def _show(self, file: Path, found: list[tuple[str, np.ndarray]]) -> None:
        self._reading = False
        for number, (name, small) in enumerate(found):
            item = QListWidgetItem(QIcon(QPixmap.fromImage(_image(small))), name)
            item.setData(_PLACE, (file, number))
            item.setToolTip(str(file))
            self.list.addItem(item)
        if self.list.currentRow() < 0:
            self.list.setCurrentRow(0)
        self._read_next()

    def _cannot_read(self, error: Exception) -> None:
        self._reading = False
        self.failed.emit(error)
        self._read_next()

    def remove(self) -> None:
        """Take the selected photo from the list."""
        item = self.list.takeItem(self.list.currentRow())
        if item is not None:
            self.removed.emit(item.data(_PLACE)[0])

    def stop(self) -> None:
        """Read no further files."""
        self._waiting.clear()

    # -- choosing ------------------------------------------------------------------------------

    def _choose(self) -> None:
        item = self.list.currentItem()
        self._remove.setEnabled(item is not None)
        self.choose_again()

    def choose_again(self) -> None:
        """Read the selected photo's pixels; `chosen` follows."""
        item = self.list.currentItem()
        self._background.forget("photo to try")
        if item is None:
            self.chosen.emit(None)
            return
        file, number = item.data(_PLACE)
        self._background.run(
            "photo to try", lambda: _photo(file, number), self.chosen.emit, lambda error: self._gone(error)
        )

    def _gone(self, error: Exception) -> None:
        self.chosen.emit(None)
        self.failed.emit(error)


def _photo(file: Path, number: int) -> Optional[Photo]:
    pictures = pictures_in(file)
    return Photo(file, *pictures[number]) if number < len(pictures) else None


def _thumbnails(file: Path) -> list[tuple[str, np.ndarray]]:
    small = []
    for name, pixels in pictures_in(file):
        image = Image.fromarray(pixels)
        image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
        small.append((name, np.array(image)))
    return small


def _image(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
