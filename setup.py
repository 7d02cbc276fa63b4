"""Build step: the wheel carries the pages of the window's help, in folders as in the repository, their only source.

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
# With the pictures that they show.
HELP_PAGES = ("docs/*.md", "docs/decisions/*.md", "GLOSSARY.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")
_PICTURE = re.compile(r"!\[[^\]]*\]\(([^)\s]+)\)")


class BuildWithHelp(build_py):
    """Also copies the pages of the help to `resources/help`; an editable installation reads them in the repository."""

    def run(self) -> None:
        """Copy packages, data and pages."""
        super().run()
        if not self.editable_mode:
            for source in help_files():
                target = Path(self.build_lib, "resources", "help", source.relative_to(ROOT))
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, target)


def help_files() -> Iterator[Path]:
    """Yield each file of the help."""
    for page in (page for pattern in HELP_PAGES for page in sorted(ROOT.glob(pattern))):
        yield page
        yield from (page.parent / picture for picture in _PICTURE.findall(page.read_text("utf-8")))


setup(cmdclass={"build_py": BuildWithHelp})
