"""Refusal of library versions with known security faults in the code that reads files of others, and what to install.

An installation with pip never meets them, because `pyproject.toml` asks for the same versions; one made by hand, by a
distribution or by a downgrade may. Versions are read from the installed metadata, so nothing is imported.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

# The oldest versions without known faults that a file could use: torch before 2.10 can write outside its memory while
# it loads weights (CVE-2026-24747), Pillow before 12.3 while it decodes a photo (CVE-2026-25990, CVE-2026-59205 and
# others). Python 3.9 has no newer versions than those below; this program never lets torch unpickle a file.
SAFE_VERSIONS: Mapping[str, tuple[int, int]] = (
    {"torch": (2, 10), "pillow": (12, 3)} if sys.version_info >= (3, 10) else {"torch": (2, 8), "pillow": (11, 3)}
)
TENSORBOARD = "tensorboard>=2.18"  # as in pyproject.toml, where it is an extra


def format_install_command(requirement: str, options: str = "") -> str:
    """Return the command that installs a package for the Python that runs this program, for a terminal.

    A path without spaces is not quoted: PowerShell would take a quoted one for a text. The Python of the window's
    command on Windows has no console.
    """
    path = Path(sys.executable)
    python = str(path.with_name("python.exe") if path.name.lower() == "pythonw.exe" else path)
    python = f'"{python}"' if " " in python else python
    return f'{python} -m pip install "{requirement}" {options}'.rstrip()


def find_unsafe_library(find_version: Callable[[str], str] = importlib.metadata.version) -> str | None:
    """Return a sentence about the first installed library that is too old to be safe, or None.

    A library that is missing, or whose version is unknown, is not reported.

    Args:
        find_version: returns the version of an installed library, or raises `PackageNotFoundError`.
    """
    for name, safe in SAFE_VERSIONS.items():
        try:
            version = find_version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        numbers = re.match(r"(\d+)\.(\d+)", version or "")
        if numbers and (int(numbers[1]), int(numbers[2])) < safe:
            command = format_install_command(f"{name}>={'.'.join(map(str, safe))}")
            return f"{name} {version} has known security faults in reading files. Update it: {command}"
    return None
