"""Watch for added and removed files in the source folder, so that its summary stays current."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from PySide6.QtCore import QFileSystemWatcher, QObject, QTimer, Signal

_SETTLE_DELAY = 1000  # milliseconds after the last change; copying a folder makes many
_MAX_FOLDERS = 256  # systems limit the number of watches


class FolderWatch(QObject):
    """Watcher of folders without their subfolders; `changed` is emitted after a pause without further changes."""

    changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._watcher = QFileSystemWatcher(self)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_SETTLE_DELAY)
        self._timer.timeout.connect(self.changed)
        self._watcher.directoryChanged.connect(lambda folder: self._timer.start())

    def set_folders(self, folders: Iterable[Path]) -> None:
        """Watch exactly these folders, at most `_MAX_FOLDERS`, without those that are missing."""
        # Qt prints an error of the system for a folder that it cannot watch.
        wanted = set(sorted(str(folder) for folder in folders if os.path.isdir(folder))[:_MAX_FOLDERS])
        watched = set(self._watcher.directories())
        if watched - wanted:
            self._watcher.removePaths(sorted(watched - wanted))
        if wanted - watched:
            self._watcher.addPaths(sorted(wanted - watched))

    def stop(self) -> None:
        """Stop watching."""
        self.set_folders(())
        self._timer.stop()
