"""The photos to try a model on: a list with small pictures, filled by dropping or browsing, one file after another."""

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
from app.file_filters import make_file_filter
from app.icons import set_icon
from app.settings_store import open_settings_store
from app.theme import SPACING
from trainer_core.data.captures import WATCH_SUFFIXES
from trainer_core.data.photos import EXTENSIONS
from trainer_core.verbs.picture_files import find_pictures, read_pictures

_THUMBNAIL = 48  # pixels
_MAX_DROPPED = 100
_INDEX_ROLE = Qt.ItemDataRole.UserRole  # (file, number of the picture in it)


class PhotoList(QWidget):
    """`chosen` brings the pixels of the photo that is selected, or None."""

    photo_selected = Signal(object)  # Optional[Photo]
    removed = Signal(Path)
    message_posted = Signal(str, str)
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
        self.list.currentItemChanged.connect(lambda now, before: self._load_selected())
        self._add = QPushButton("Add photos …")
        set_icon(self._add, "add")
        self._add.clicked.connect(self.browse)
        self._remove = QToolButton()
        set_icon(self._remove, "discard")
        self._remove.setAccessibleName("Remove the photo from the list")
        self._remove.setToolTip("Remove the photo from the list (Delete); the file stays")
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
        """The files the photos come from."""
        return [self.list.item(row).data(_INDEX_ROLE)[0] for row in range(self.list.count())]

    # -- adding and removing -------------------------------------------------------------------

    def browse(self) -> None:
        """Ask for files."""
        before = str(open_settings_store().value("photo_folder", ""))
        kinds = make_file_filter("Photos and watch files", EXTENSIONS | WATCH_SUFFIXES)
        names, _ = QFileDialog.getOpenFileNames(self, "Photos to try the model on", before, kinds)
        if names:
            open_settings_store().setValue("photo_folder", str(Path(names[0]).parent))
            self.add([Path(name) for name in names])

    def add(self, paths: Sequence[Path]) -> None:
        """Add files, and the photos of folders; what cannot be read is said."""
        self._background.run_job(
            "photos to try " + ";".join(map(str, paths)),
            lambda: list(find_pictures(paths)),
            self._enqueue,
            self.failed.emit,
        )

    def _enqueue(self, files: list[Path]) -> None:
        if len(files) > _MAX_DROPPED:
            self.message_posted.emit("info", f"The first {_MAX_DROPPED} of {len(files)} photos are added.")
        known = {*self.files, *self._waiting}
        self._waiting.extend(file for file in files[:_MAX_DROPPED] if file not in known)
        self._read_next()

    def _read_next(self) -> None:
        if self._reading or not self._waiting:
            return
        self._reading, file = True, self._waiting.popleft()
        self._background.run_job(
            "thumbnails", lambda: _thumbnails(file), lambda found: self._show(file, found), self._report_unreadable
        )

    def _show(self, file: Path, found: list[tuple[str, np.ndarray]]) -> None:
        self._reading = False
        for number, (name, small) in enumerate(found):
            item = QListWidgetItem(QIcon(QPixmap.fromImage(_to_qimage(small))), name)
            item.setData(_INDEX_ROLE, (file, number))
            item.setToolTip(str(file))
            self.list.addItem(item)
        if self.list.currentRow() < 0:
            self.list.setCurrentRow(0)
        self._read_next()

    def _report_unreadable(self, error: Exception) -> None:
        self._reading = False
        self.failed.emit(error)
        self._read_next()

    def remove(self) -> None:
        """Take the selected photo from the list."""
        item = self.list.takeItem(self.list.currentRow())
        if item is not None:
            self.removed.emit(item.data(_INDEX_ROLE)[0])

    def stop(self) -> None:
        """Read no further files."""
        self._waiting.clear()

    # -- choosing ------------------------------------------------------------------------------

    def _load_selected(self) -> None:
        item = self.list.currentItem()
        self._remove.setEnabled(item is not None)
        self.reload_selected()

    def reload_selected(self) -> None:
        """Read the selected photo's pixels; `chosen` follows."""
        item = self.list.currentItem()
        self._background.cancel("photo to try")
        if item is None:
            self.photo_selected.emit(None)
            return
        file, number = item.data(_INDEX_ROLE)
        self._background.run_job(
            "photo to try",
            lambda: _load_photo(file, number),
            self.photo_selected.emit,
            lambda error: self._on_unreadable(error),
        )

    def _on_unreadable(self, error: Exception) -> None:
        self.photo_selected.emit(None)
        self.failed.emit(error)


def _load_photo(file: Path, number: int) -> TrialPhoto | None:
    pictures = read_pictures(file)
    return TrialPhoto(file, *pictures[number]) if number < len(pictures) else None


def _thumbnails(file: Path) -> list[tuple[str, np.ndarray]]:
    small = []
    for name, pixels in read_pictures(file):
        image = Image.fromarray(pixels)
        image.thumbnail((_THUMBNAIL, _THUMBNAIL), Image.Resampling.LANCZOS)
        small.append((name, np.array(image)))
    return small


def _to_qimage(pixels: np.ndarray) -> QImage:
    height, width = pixels.shape[:2]
    return QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
