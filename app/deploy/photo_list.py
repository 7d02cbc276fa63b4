"""The list of photos to try a model on, with thumbnails; its files are read one after another in the background."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from pathlib import Path

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
from app.deploy.trial import TrialPhoto
from app.file_filters import PICTURES, make_file_filter, start_folder, store_folder
from app.icons import set_icon
from app.plain_text import plain_tooltip, visible
from app.theme import SPACING
from trainer_core.data.captures import WATCH_SUFFIXES
from trainer_core.data.photos import EXTENSIONS
from trainer_core.verbs.picture_files import find_pictures, read_pictures

_FOLDER = "photo_folder"
_THUMBNAIL = 48  # pixels
_MAX_DROPPED = 100
_INDEX_ROLE = Qt.ItemDataRole.UserRole  # (file, number of the picture in it)


class PhotoList(QWidget):
    """List of photos with buttons to add and remove them; `photo_selected` carries the selected photo's pixels."""

    photo_selected = Signal(object)  # TrialPhoto | None
    removed = Signal(Path)
    message_posted = Signal(str, str)  # level, text
    failed = Signal(object)  # Exception

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background
        self._waiting: deque[Path] = deque()  # files to read
        self._reading = False
        self.list = QListWidget()
        self.list.setAccessibleName("Photos to try the model on")
        self.list.setIconSize(QSize(_THUMBNAIL, _THUMBNAIL))
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.currentItemChanged.connect(lambda now, before: self._load_selected())
        self._add = QPushButton("Add photos …")
        set_icon(self._add, "add")
        self._add.clicked.connect(self.browse)
        self._remove = QToolButton()
        set_icon(self._remove, "discard")
        self._remove.setAccessibleName("Remove the photo from the list")
        self._remove.setToolTip("Remove the photo from the list (Delete); its file is kept")
        self._remove.clicked.connect(self.remove)
        delete = QShortcut(QKeySequence.StandardKey.Delete, self.list, self.remove)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        self._lay_out()
        self._load_selected()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING // 2)
        buttons.addWidget(self._add, 1)
        buttons.addWidget(self._remove)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACING)
        column.addWidget(self.list, 1)
        column.addLayout(buttons)

    @property
    def files(self) -> list[Path]:
        """The files of the listed photos, one per photo."""
        return [file for file, _ in self.items]

    @property
    def items(self) -> list[tuple[Path, int]]:
        """The file of each listed photo, and its number in the file."""
        return [self.list.item(row).data(_INDEX_ROLE) for row in range(self.list.count())]

    # -- adding and removing -------------------------------------------------------------------

    def browse(self) -> None:
        """Ask for photos and watch files and add them."""
        folder = str(start_folder(_FOLDER, PICTURES))
        kinds = make_file_filter("Photos and watch files", EXTENSIONS | WATCH_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self, "Choose photos to try the model on", folder, kinds)
        if names:
            store_folder(_FOLDER, Path(names[0]))
            self.add([Path(name) for name in names])

    def add(self, paths: Sequence[Path]) -> None:
        """Add files and the photos of folders; `failed` carries the error of each file that cannot be read."""
        self._background.run_job(
            "photos to try " + ";".join(map(str, paths)),
            lambda: list(find_pictures(paths)),
            self._enqueue,
            self.failed.emit,
        )

    def _enqueue(self, files: list[Path]) -> None:
        if len(files) > _MAX_DROPPED:
            self.message_posted.emit("info", f"Added only the first {_MAX_DROPPED} of {len(files)} photos.")
        known = {*self.files, *self._waiting}
        self._waiting.extend(file for file in files[:_MAX_DROPPED] if file not in known)
        self._read_next()

    def _read_next(self) -> None:
        if self._reading or not self._waiting:
            return
        self._reading, file = True, self._waiting.popleft()
        self._background.run_job(
            "thumbnails",
            lambda: _make_thumbnails(file),
            lambda small: self._add_items(file, small),
            self._on_unreadable_file,
        )

    def _add_items(self, file: Path, thumbnails: list[tuple[str, np.ndarray]]) -> None:
        self._reading = False
        for number, (name, pixels) in enumerate(thumbnails):
            item = QListWidgetItem(QIcon(QPixmap.fromImage(_to_qimage(pixels))), visible(name))
            item.setData(_INDEX_ROLE, (file, number))
            item.setToolTip(plain_tooltip(str(file)))
            self.list.addItem(item)
        if self.list.currentRow() < 0:
            self.list.setCurrentRow(0)
        self._read_next()

    def _on_unreadable_file(self, error: Exception) -> None:
        self._reading = False
        self.failed.emit(error)
        self._read_next()

    def remove(self) -> None:
        """Remove the selected photo from the list."""
        item = self.list.takeItem(self.list.currentRow())
        if item is not None:
            self.removed.emit(item.data(_INDEX_ROLE)[0])

    def stop(self) -> None:
        """Drop the files that have not been read yet."""
        self._waiting.clear()

    # -- selection -----------------------------------------------------------------------------

    def _load_selected(self) -> None:
        item = self.list.currentItem()
        self._remove.setEnabled(item is not None)
        self.reload_selected()

    def reload_selected(self) -> None:
        """Read the selected photo's pixels, then emit `photo_selected`."""
        item = self.list.currentItem()
        self._background.cancel("photo to try")
        if item is None:
            self.photo_selected.emit(None)
            return
        file, number = item.data(_INDEX_ROLE)
        self._background.run_job(
            "photo to try", lambda: _load_photo(file, number), self.photo_selected.emit, self._on_unreadable_photo
        )

    def _on_unreadable_photo(self, error: Exception) -> None:
        self.photo_selected.emit(None)
        self.failed.emit(error)


def _load_photo(file: Path, number: int) -> TrialPhoto | None:
    pictures = read_pictures(file)
    if number >= len(pictures):
        return None
    return TrialPhoto(file, pictures[number].name, pictures[number].pixels, pictures[number].watch)


def _make_thumbnails(file: Path) -> list[tuple[str, np.ndarray]]:
    small = []
    for picture in read_pictures(file):
        image = Image.fromarray(picture.pixels)
        image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
        small.append((picture.name, np.array(image)))
    return small


def _to_qimage(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
