"""Build step: the wheel carries the pages of the window's help, which have their only source in `docs`.

Everything else that a build needs to know is in `pyproject.toml`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
# The manual, the pages that it leads to, and the words; with the pictures that they show.
HELP_PAGES = ("manual.md", "options.md", "camera.md", "formats.md", "several_devices.md", "../GLOSSARY.md")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


class BuildWithHelp(build_py):
    """Also copies the pages of the help to `resources/help`; an editable installation reads them in `docs`."""

    def run(self) -> None:
        """Copy packages, data and pages."""
        super().run()
        if not self.editable_mode:
            for source, name in help_files():
                target = Path(self.build_lib, "resources", "help", name)
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


def help_files() -> Iterator[tuple[Path, str]]:
    """Yield each file of the help and its name below `resources/help`."""
    docs = ROOT / "docs"
    for page in (docs / name for name in HELP_PAGES):
        yield page, page.name
        yield from ((docs / picture, picture) for picture in _PICTURE.findall(page.read_text("utf-8")))


setup(cmdclass={"build_py": BuildWithHelp})
