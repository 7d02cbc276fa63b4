"""Text of reports that users share: versions of the program and its libraries, without the user's name."""

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
from trainer_core.text import escape_control_characters

_GENERIC_NAMES = ("root", "user")  # names that identify nobody


def version_line() -> str:
    """Return the versions as one line; torch only if it is already imported, because its import takes seconds."""
    torch = getattr(sys.modules.get("torch"), "__version__", "not loaded")
    return (
        f"trainer {trainer_core.__version__}, Python {platform.python_version()}, Qt {qVersion()}, "
        f"PySide6 {pyside_version}, torch {torch}, {platform.platform()}"
    )


def anonymize(text: str) -> str:
    """Return the text with the user's home folder as ~ and the user's name as <user>, without control characters."""
    flags = re.IGNORECASE if os.name == "nt" else 0
    for home in _home_spellings():
        text = re.sub(re.escape(home) + r"(?![\w.-])", "~", text, flags=flags)
    for name in _user_names():
        text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(name)}(?![A-Za-z0-9])", "<user>", text, flags=flags)
    return "\n".join(map(escape_control_characters, text.split("\n")))


def _home_spellings() -> list[str]:
    """Return all spellings of the home folder, the longest first."""
    with contextlib.suppress(RuntimeError):
        paths = {str(Path.home()), os.path.realpath(Path.home())}
        spellings = {path.replace("\\", slash) for path in paths for slash in ("\\", "\\\\", "/")}
        long_enough = (spelling for spelling in spellings if len(spelling) > 3)  # not "/", not "C:\"
        return sorted(long_enough, key=len, reverse=True)
    return []


def _user_names() -> Iterator[str]:
    names = set()
    with contextlib.suppress(Exception):  # a user without an entry in the system's user database
        names.add(getpass.getuser())
    with contextlib.suppress(RuntimeError):
        names.add(Path.home().name)
    return (name for name in names if name and name not in _GENERIC_NAMES)
