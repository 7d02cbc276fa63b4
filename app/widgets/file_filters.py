"""Filters and folders of file dialogs: one kind of file by suffix and all files; the last folder, else the user's."""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path

from PySide6.QtCore import QStandardPaths

from app.system.settings_store import open_settings_store

PICTURES = QStandardPaths.StandardLocation.PicturesLocation
DOCUMENTS = QStandardPaths.StandardLocation.DocumentsLocation
CAPTURE_FOLDER = "capture_folder"  # key of the folder of the captures that were chosen last


def make_file_filter(kind: str, suffixes: Collection[str]) -> str:
    """Return the filter of a `QFileDialog` for files with these suffixes, which start with a dot."""
    return f"{kind} ({' '.join(f'*{suffix}' for suffix in sorted(suffixes))});;All files (*)"


def start_folder(key: str, location: QStandardPaths.StandardLocation) -> Path:
    """Return the folder stored under `key`, else the user's folder for this kind of file, else the home folder."""
    stored = str(open_settings_store().value(key, ""))
    standard = QStandardPaths.writableLocation(location)
    return next((Path(folder) for folder in (stored, standard) if folder and os.path.isdir(folder)), Path.home())


def start_path(present: str, key: str, location: QStandardPaths.StandardLocation) -> Path:
    """Return the present path of a field or the nearest folder above it that exists, else what `start_folder` does."""
    path = Path(present)
    above = (each for each in (path, *path.parents) if os.path.exists(each) and each != Path(path.anchor))
    return next(above, start_folder(key, location)) if path.is_absolute() else start_folder(key, location)


def store_folder(key: str, file: Path) -> None:
    """Store the folder of a chosen file."""
    open_settings_store().setValue(key, str(file.parent))
