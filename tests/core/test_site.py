"""The site of the documents has every page about the program."""

from __future__ import annotations

import re
from pathlib import Path

from app.help.pages import PAGES

ROOT = Path(__file__).resolve().parents[2]


def test_the_site_leads_to_every_page_about_the_program() -> None:
    text = (ROOT / "docs" / "site" / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r"^ +- .+: (\S+\.md)$", text.split("\nnav:\n")[1], flags=re.MULTILINE)
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "docs" / "decisions" / "README.md"]
    assert sorted(listed) == sorted(page.relative_to(ROOT).as_posix() for page in pages)


def test_the_window_offers_the_pages_of_the_site() -> None:
    text = (ROOT / "docs" / "site" / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r"^ +- (.+): (\S+\.md)$", text.split("\nnav:\n")[1], flags=re.MULTILINE)
    assert listed == [("Start", "README.md"), *PAGES]


def test_the_site_keeps_the_files_of_its_theme() -> None:
    """What `exclude_docs` excludes, it also excludes of the theme: style sheets and scripts."""
    text = (ROOT / "docs" / "site" / "mkdocs.yml").read_text("utf-8")
    excluded = text.split("\nexclude_docs: |\n")[1].split("\nnav:\n")[0].split()
    assert excluded.index("!/assets/") > excluded.index("/*")
