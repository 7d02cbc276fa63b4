"""Files that ship with the program: camera profiles, icons, pictures and, once installed, the pages of its help."""

from __future__ import annotations

import os
from pathlib import Path

_FOLDER = Path(__file__).parent


def manual_path() -> Path:
    """Return the path of the manual."""
    return _find_page("manual.md", _FOLDER.parent / "docs")


def glossary_path() -> Path:
    """Return the path of the glossary."""
    return _find_page("GLOSSARY.md", _FOLDER.parent)


def _find_page(name: str, repository_folder: Path) -> Path:
    """Return the page of an installed program, else that of the repository."""
    installed = _FOLDER / "help" / name
    return installed if os.path.isfile(installed) else repository_folder / name
