"""The documents of the repository lead to files that exist."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from urllib.parse import unquote

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("docs", "models", "benchmarks", "tests")
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(page for folder in FOLDERS for page in (ROOT / folder).rglob("*.md"))])
LINK = re.compile(r"\]\(([^)\s]+)\)")
COMMIT = re.compile(r"\bcommit `?([0-9a-f]{7,40})\b")
FIGURE = re.compile(r"\d(?:\.\d+)? (?:dB|s|seconds)\b")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def prose_of(page: Path) -> str:
    """The text of a page without its code."""
    return re.sub(r"^```.*?^```|`[^`\n]*`", "", page.read_text("utf-8"), flags=re.DOTALL | re.MULTILINE)


def anchors_of(page: Path) -> set[str]:
    """The anchors that GitHub makes of a page's headings."""
    headings = HEADING.findall(page.read_text("utf-8"))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_every_relative_link_leads_to_a_file(page: Path) -> None:
    for link in LINK.findall(prose_of(page)):
        place, _, anchor = unquote(link).partition("#")
        if "://" in place or place.startswith("mailto:"):
            continue
        target = page.parent / place if place else page
        assert target.exists(), link
        assert not anchor or anchor in anchors_of(target), link


def test_the_list_of_decisions_is_complete() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = LINK.findall((folder / "README.md").read_text("utf-8"))
    assert listed == sorted(page.name for page in folder.glob("[0-9]*.md"))


def test_the_readme_leads_to_every_page_about_the_program() -> None:
    linked = {
        (ROOT / link).resolve() for link in LINK.findall((ROOT / "README.md").read_text("utf-8")) if "://" not in link
    }
    pages = [*(ROOT / "docs").glob("*.md"), *(page for page in ROOT.glob("*.md") if page.name != "README.md")]
    assert [page.name for page in sorted(pages) if page not in linked] == []


def figures_of(readme: str) -> list[list[str]]:
    """The cells of each row of the table of figures: what, measured, machine, commit, source."""
    table = readme.split("\n## Figures\n")[1].split("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")]
    return rows[2:]


def test_each_figure_of_the_readme_names_its_machine_its_commit_and_its_file() -> None:
    for what, measured, machine, commit, source in figures_of((ROOT / "README.md").read_text("utf-8")):
        assert FIGURE.search(measured), what
        assert "core" in machine and re.search(r"AMD|Intel|not recorded", machine), what
        assert re.fullmatch(r"[0-9a-f]{7}", commit), what
        pages = [link for link in LINK.findall(source) if link.startswith("benchmarks/results/")]
        assert pages and all((ROOT / page).is_file() for page in pages), what


def test_the_readme_has_measured_figures_only_in_their_table() -> None:
    before, _, after = (ROOT / "README.md").read_text("utf-8").partition("\n## Figures\n")
    prose = before + after.partition("\n## ")[2]
    assert FIGURE.findall(prose) == []


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="the history of the repository is not here")
def test_the_commits_that_documents_name_exist() -> None:
    shallow = subprocess.run(["git", "rev-parse", "--is-shallow-repository"], cwd=ROOT, capture_output=True, text=True)
    if shallow.stdout.strip() != "false":
        pytest.skip("the history is not complete")
    named = {(row[3], "README.md") for row in figures_of((ROOT / "README.md").read_text("utf-8"))}
    for page in [*(ROOT / "docs").rglob("*.md"), *(ROOT / "benchmarks" / "results").glob("*.md")]:
        named |= {(commit, page.name) for commit in COMMIT.findall(page.read_text("utf-8"))}
    assert len(named) > 5
    for commit, page_name in sorted(named):
        found = subprocess.run(["git", "merge-base", "--is-ancestor", commit, "HEAD"], cwd=ROOT)
        assert found.returncode == 0, f"{page_name}: {commit} is no commit of this history"


def test_the_screenshots_are_those_that_the_documents_show() -> None:
    folder = ROOT / "docs" / "screenshots"
    shown = {
        (page.parent / link).resolve()
        for page in DOCUMENTS
        for link in LINK.findall(prose_of(page))
        if "://" not in link
    }
    assert [path.name for path in sorted(folder.glob("*.png")) if path not in shown] == []
    made = re.search(r"^_SHOWN = \((.*)\)", (folder / "make.py").read_text("utf-8"), re.MULTILINE)
    assert made is not None
    assert sorted(f"{name}.png" for name in re.findall(r'"(\w+)"', made[1])) == sorted(
        path.name for path in folder.glob("*.png")
    ), "the script makes them"


def test_the_picture_of_a_training_moves_and_is_small() -> None:
    path = ROOT / "docs" / "pictures" / "training.png"
    with Image.open(path) as picture:
        assert getattr(picture, "n_frames", 1) > 5
    assert path.stat().st_size <= 3_000_000
