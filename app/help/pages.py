"""The pages of the help: Markdown files beside the manual, in an installed program as in the repository."""

from __future__ import annotations

import os
import re
from pathlib import Path

import resources
from trainer_core.input_files import read_regular

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
    if Path(target).name == resources.glossary_path().name:
        return resources.glossary_path()
    found = Path(os.path.normpath(page.parent / target))
    return found if found.suffix == ".md" and os.path.isfile(found) else None


def make_anchor(heading: str) -> str:
    """Return the anchor of a heading, as links to it are written."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
