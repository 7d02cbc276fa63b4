"""Files that ship with the program: camera profiles, icons, pictures and, once installed, the pages of its help."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).parent


def manual_path() -> Path:
    """Return the path of the manual."""
    return help_folder() / "docs" / "manual.md"


def help_folder() -> Path:
    """Return the folder of an installed program that holds the pages as the repository does, else the repository."""
    installed = _FOLDER / "help"
    return installed if os.path.isdir(installed) else _FOLDER.parent
