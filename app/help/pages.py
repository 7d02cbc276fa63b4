"""The pages of the help: the documents of the repository, which an installed program has as well."""

from __future__ import annotations

import os
import re
from pathlib import Path

from trainer_core.input_files import read_regular

# Title and place of the pages that the window offers; the site of the documents has the same (`docs/site/mkdocs.yml`).
PAGES = (
    ("Manual", "docs/manual.md"),
    ("Options", "docs/options.md"),
    ("The cameras", "docs/camera.md"),
    ("Several devices", "docs/several_devices.md"),
    ("Glossary", "GLOSSARY.md"),
    ("Changelog", "CHANGELOG.md"),
    ("Reliability", "docs/reliability.md"),
    ("Security", "SECURITY.md"),
    ("Platforms", "docs/platforms.md"),
    ("What the tests do not reach", "docs/coverage.md"),
    ("Architecture", "docs/architecture.md"),
    ("The library", "docs/api.md"),
    ("Formats", "docs/formats.md"),
    ("Contributing", "CONTRIBUTING.md"),
    ("Decisions", "docs/decisions/README.md"),
)
_PICTURE = re.compile(r"^!\[[^\]]*\]\(([^)\s]+)\)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)")


def read_page(page: Path) -> str:
    """Return the Markdown of a page, without pictures that are not here and links that lead to no page.

    Raises:
        OSError: the page cannot be read.
    """

    def find_picture(picture: re.Match[str]) -> str:
        return picture[0] if os.path.isfile(page.parent / picture[1]) else ""

    def find_link(link: re.Match[str]) -> str:
        place = link[2].partition("#")[0]
        return link[0] if not place or "://" in place or find_page(page, place) is not None else link[1]

    return _LINK.sub(find_link, _PICTURE.sub(find_picture, read_regular(page).decode("utf-8")))


def find_page(page: Path, target: str) -> Path | None:
    """Return the page that a relative link of `page` leads to, None if it is not here."""
    found = Path(os.path.normpath(page.parent / target))
    return found if found.suffix == ".md" and os.path.isfile(found) else None


def make_anchor(heading: str) -> str:
    """Return the anchor of a heading, as links to it are written."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
