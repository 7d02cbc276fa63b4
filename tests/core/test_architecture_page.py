"""docs/architecture.md is the map of the code as it is: its rooms, its floors, its files, its names."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.core.test_floors import APP_FLOORS, CORE_FLOORS, ROOT

PAGES = tuple(ROOT / name for name in ("docs/architecture.md", "docs/coverage.md", "CONTRIBUTING.md"))
PAGE = PAGES[0].read_text("utf-8")
NAMED = re.compile(r"`((?:[\w.]+/)+[\w.]+\.py)(?::(\w+))?`")  # `folder/file.py` or `folder/file.py:name`


def rows_of(house: str) -> list[tuple[int, str]]:
    """Floor and room of each row of the table below the heading `house`."""
    section = PAGE.split(f"\n### {house}\n")[1].split("\n#")[0]
    return [(int(floor), room) for floor, room in re.findall(r"^\| (\d+) \| `([\w.]+)` \| .+\? \|$", section, re.M)]


def names_in(path: Path) -> set[str]:
    """The classes, functions and constants that a module defines at its top."""
    names = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            names.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names.update(target.id for target in targets if isinstance(target, ast.Name))
    return names


@pytest.mark.parametrize(("house", "floors"), [("trainer_core", CORE_FLOORS), ("app", APP_FLOORS)])
def test_the_map_has_one_row_for_each_room_on_its_floor(house: str, floors: tuple[tuple[str, ...], ...]) -> None:
    held = [(number, room) for number, floor in enumerate(floors, 1) for room in floor if room != house]
    assert sorted(rows_of(house)) == sorted(held)
    assert [floor for floor, _ in rows_of(house)] == sorted(floor for floor, _ in held), "from the ground up"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_file_and_name_that_a_page_mentions_exists(page: Path) -> None:
    named = NAMED.findall(page.read_text("utf-8"))
    assert named
    missing = [file for file, _ in named if not (ROOT / file).is_file()]
    assert not missing
    unknown = [f"{file}:{name}" for file, name in named if name and name not in names_in(ROOT / file)]
    assert not unknown
