"""What may be passed on in a report: the versions of everything that matters, and no names of people."""

from __future__ import annotations

import contextlib
import getpass
import os
import platform
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from PySide6 import __version__ as pyside_version
from PySide6.QtCore import qVersion

import trainer_core

_GENERIC_NAMES = ("root", "user")  # names that everyone may have


def version_line() -> str:
    """One line; torch is named only if it has been imported, importing it for this would take seconds."""
    torch = getattr(sys.modules.get("torch"), "__version__", "not loaded")
    return (
        f"trainer {trainer_core.__version__}, Python {platform.python_version()}, Qt {qVersion()}, "
        f"PySide6 {pyside_version}, torch {torch}, {platform.platform()}"
    )


def anonymize(text: str) -> str:
    """The text with the user's home folder as ~ and the user's name as <user>."""
    flags = re.IGNORECASE if os.name == "nt" else 0
    for home in _home_spellings():
        text = re.sub(re.escape(home) + r"(?![\w.-])", "~", text, flags=flags)
    for name in _user_names():
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", "<user>", text, flags=flags)
    return text


def _home_spellings() -> list[str]:
    """The home folder in every way of writing it, the longest first."""
    with contextlib.suppress(RuntimeError):
        paths = {str(Path.home()), os.path.realpath(Path.home())}
        ways = {path.replace("\\", slash) for path in paths for slash in ("\\", "\\\\", "/")}
        return sorted((way for way in ways if len(way) > 3), key=len, reverse=True)  # not "/", not "C:\"
    return []


def _user_names() -> Iterator[str]:
    names = set()
    with contextlib.suppress(Exception):  # a user without a name in the system's books
        names.add(getpass.getuser())
    with contextlib.suppress(RuntimeError):
        names.add(Path.home().name)
    return (name for name in names if name and name not in _GENERIC_NAMES)
