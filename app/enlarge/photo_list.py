"""The list of photos to enlarge, with thumbnails; its files are read one after another in the background."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
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

from app.enlarge.enlargement import TrialPhoto
from app.system.background import Background
from app.widgets.file_filters import PICTURES, make_file_filter, start_folder, store_folder
from app.widgets.icons import set_icon
from app.widgets.plain_text import plain_tooltip, visible
from app.widgets.theme import SPACING
from trainer_core.data.captures import WATCH_SUFFIXES
from trainer_core.data.photos import EXTENSIONS
from trainer_core.pixels import has_color
from trainer_core.verbs.picture_files import find_pictures, read_pictures

_FOLDER = "photo_folder"
_THUMBNAIL = 48  # pixels
_MAX_ADDED = 100
_DRAG_HINT = "Drag the photo to a folder or another program to get it enlarged."
_INDEX_ROLE = Qt.ItemDataRole.UserRole  # (file, number of the picture in it)
_COLOR_ROLE = _INDEX_ROLE + 1  # whether the photo has color


@dataclass(frozen=True, eq=False)
class _Thumbnail:
    """A small copy of a photo, uint8 [H, W, 3], with the photo's name and whether it has color."""

    name: str
    pixels: np.ndarray
    has_color: bool


class _List(QListWidget):
    """List that reports a drag of its selected photo instead of beginning one."""

    drag_requested = Signal()

    def startDrag(self, supportedActions: Qt.DropAction) -> None:
        """Report the drag."""
        self.drag_requested.emit()


class PhotoList(QWidget):
    """List of photos with buttons to add and remove them; `photo_selected` carries the selected photo's pixels."""

    drag_requested = Signal()  # of the selected photo

    photo_selected = Signal(object)  # TrialPhoto | None
    removed = Signal(Path, str)  # its file and its name
    restored = Signal()
    search_started = Signal()  # for photos to add
    message_posted = Signal(str, str)  # level, text
    failed = Signal(object)  # Exception

    def __init__(self, background: Background) -> None:
        super().__init__()
        self._background = background
        self._waiting: deque[Path] = deque()  # files to read
        self._reading = False
        self._removed: list[tuple[int, QListWidgetItem]] = []  # with their rows, the latest at the end
        self.list = _List()
        self.list.setDragEnabled(True)
        self.list.drag_requested.connect(self.drag_requested)
        self.list.setAccessibleName("Photos to enlarge")
        self.list.setAccessibleDescription("Keys: Delete removes the photo, Ctrl+Z brings it back.")
        self.list.setIconSize(QSize(_THUMBNAIL, _THUMBNAIL))
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.currentItemChanged.connect(lambda now, before: self._load_selected())
        self._add = QPushButton("Add photos …")
        set_icon(self._add, "add")
        self._add.clicked.connect(self.browse)
        self.folder_button = QToolButton()
        set_icon(self.folder_button, "folder")
        self.folder_button.setAccessibleName("Add a folder of photos")
        self.folder_button.setToolTip("Add all photos in a folder and its subfolders.")
        self.folder_button.clicked.connect(self.browse_folder)
        self._remove = QToolButton()
        set_icon(self._remove, "discard")
        self._remove.setAccessibleName("Remove the photo from the list")
        self._remove.setToolTip(
            plain_tooltip("Remove the photo from the list (Delete); its file is kept, and Ctrl+Z brings it back.")
        )
        self._remove.clicked.connect(self.remove)
        delete = QShortcut(QKeySequence.StandardKey.Delete, self.list, self.remove)
        delete.setContext(Qt.ShortcutContext.WidgetShortcut)
        QShortcut(QKeySequence.StandardKey.Undo, self, self.undo_removal)
        self._lay_out()
        self._load_selected()

    def _lay_out(self) -> None:
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACING // 2)
        buttons.addWidget(self._add, 1)
        buttons.addWidget(self.folder_button)
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

    @property
    def color_count(self) -> int:
        """Number of the listed photos that have color."""
        return sum(self.list.item(row).data(_COLOR_ROLE) for row in range(self.list.count()))

    def is_selected(self, photo: TrialPhoto) -> bool:
        """Whether a photo is the selected one of the list, which is read a moment after it is selected."""
        item = self.list.currentItem()
        return item is not None and (item.data(_INDEX_ROLE)[0], item.text()) == (photo.file, visible(photo.name))

    # -- adding and removing -------------------------------------------------------------------

    def browse(self) -> None:
        """Ask for photos and watch files and add them."""
        folder = str(start_folder(_FOLDER, PICTURES))
        kinds = make_file_filter("Photos and watch files", EXTENSIONS | WATCH_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self, "Choose photos to enlarge", folder, kinds)
        if names:
            store_folder(_FOLDER, Path(names[0]))
            self.add([Path(name) for name in names])

    def browse_folder(self) -> None:
        """Ask for a folder and add its photos and watch files."""
        start = str(start_folder(_FOLDER, PICTURES))
        folder = QFileDialog.getExistingDirectory(self, "Choose a folder of photos to enlarge", start)
        if folder:
            store_folder(_FOLDER, Path(folder) / "any")
            self.add([Path(folder)])

    def add(self, paths: Sequence[Path]) -> None:
        """Add files and the photos of folders with their subfolders.

        `failed` carries the error of each file that cannot be read.
        """
        self.search_started.emit()
        self._background.run_job(
            f"photos to enlarge: {';'.join(map(str, paths))}",
            lambda: list(islice(find_pictures(paths), _MAX_ADDED + 1)),
            self._enqueue,
            self.failed.emit,
        )

    def _enqueue(self, files: list[Path]) -> None:
        if len(files) > _MAX_ADDED:
            self.message_posted.emit("info", f"Only the first {_MAX_ADDED} photos were added.")
        known = {*self.files, *self._waiting}
        self._waiting.extend(file for file in files[:_MAX_ADDED] if file not in known)
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

    def _add_items(self, file: Path, thumbnails: list[_Thumbnail]) -> None:
        self._reading = False
        for number, small in enumerate(thumbnails):
            item = QListWidgetItem(QIcon(QPixmap.fromImage(_to_qimage(small.pixels))), visible(small.name))
            item.setData(_INDEX_ROLE, (file, number))
            item.setData(_COLOR_ROLE, small.has_color)
            item.setToolTip(plain_tooltip(f"{file}\n{_DRAG_HINT}"))
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
        row = self.list.currentRow()
        item = self.list.takeItem(row)
        if item is not None:
            self._removed.append((row, item))
            self.removed.emit(item.data(_INDEX_ROLE)[0], item.text())

    def undo_removal(self) -> None:
        """Bring back the photo that was removed last, unless it has been added again, and select it."""
        listed = self.items
        self._removed = [(row, item) for row, item in self._removed if item.data(_INDEX_ROLE) not in listed]
        if self._removed:
            row, item = self._removed.pop()
            self.list.insertItem(row, item)
            self.list.setCurrentItem(item)
            self.restored.emit()

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
        self._background.cancel("selected photo")
        if item is None:
            self.photo_selected.emit(None)
            return
        file, number = item.data(_INDEX_ROLE)
        self._background.run_job(
            "selected photo", lambda: _load_photo(file, number), self.photo_selected.emit, self._on_unreadable_photo
        )

    def _on_unreadable_photo(self, error: Exception) -> None:
        self.photo_selected.emit(None)
        self.failed.emit(error)


def _load_photo(file: Path, number: int) -> TrialPhoto | None:
    pictures = read_pictures(file)
    if number >= len(pictures):
        return None
    picture = pictures[number]
    return TrialPhoto(file, picture.name, picture.pixels, picture.watch, picture.taken)


def _make_thumbnails(file: Path) -> list[_Thumbnail]:
    small = []
    for picture in read_pictures(file):
        image = Image.fromarray(picture.pixels)
        image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
        small.append(_Thumbnail(picture.name, np.array(image), has_color(picture.pixels)))
    return small


def _to_qimage(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
