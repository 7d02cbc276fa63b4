"""The site of the documents has every page about the program."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_site_leads_to_every_page_about_the_program() -> None:
    text = (ROOT / "docs" / "site" / "mkdocs.yml").read_text("utf-8")
    listed = re.findall(r"^ +- .+: (\S+\.md)$", text.split("\nnav:\n")[1], flags=re.MULTILINE)
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "docs" / "decisions" / "README.md"]
    assert sorted(listed) == sorted(page.relative_to(ROOT).as_posix() for page in pages)
