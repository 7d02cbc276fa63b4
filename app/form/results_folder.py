"""Folders for the results of trainings in the user's documents, proposed where the user has not chosen one."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from PySide6.QtCore import QStandardPaths

DEMO = "demo"  # name of the folder of the training on the built-in scenes


def results_folder(name: str) -> str:
    """Return the folder with this name among the results in the user's documents."""
    documents = QStandardPaths.writableLocation(QStandardPaths.StandardLocation.DocumentsLocation)
    return os.path.join(documents, "WQV Upscale Trainer", name)


def propose_results_folder(photos: str) -> str:
    """Return a folder that does not exist yet, named after the folder of the photos, with a number where needed."""
    name = Path(photos).absolute().name or "photos"
    names = (name if number == 1 else f"{name} {number}" for number in count(1) if (name, number) != (DEMO, 1))
    return next(folder for folder in map(results_folder, names) if not os.path.lexists(folder))
