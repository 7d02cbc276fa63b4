"""Every text that a user can meet, and every public docstring, with its place.

    python -m tests.texts                # strings of messages, labels, help, log lines
    python -m tests.texts --docstrings   # docstrings of public modules, classes and functions

`tests/core/test_texts.py` holds both to the wording of GLOSSARY.md.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
HOUSES = ("trainer_core", "app", "run.py")
_SENTENCE = re.compile(r"[A-Za-z]{2,}\W+[A-Za-z]|^[A-Z][a-z]+")  # two words, or one that begins with a capital


class Text(NamedTuple):
    """A text and where it stands; placeholders of an f-string appear as {…}."""

    place: str
    text: str


def user_texts() -> Iterator[Text]:
    """All string literals that read like text, docstrings left out."""
    for path, tree in _trees():
        skipped = {id(node) for node in _docstring_nodes(tree)} | {id(part) for part in _parts_of_f_strings(tree)}
        for node in ast.walk(tree):
            text = _text_of(node) if id(node) not in skipped else None
            if text is not None and _SENTENCE.search(text):
                yield Text(f"{path}:{getattr(node, 'lineno', 1)}", text)


def docstrings() -> Iterator[Text]:
    """The docstrings of modules and of public classes and functions."""
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                name = getattr(node, "name", "")
                text = ast.get_docstring(node)
                if text and not name.startswith("_"):
                    yield Text(f"{path}:{getattr(node, 'lineno', 1)} {name}".rstrip(), text)


def _trees() -> Iterator[tuple[str, ast.Module]]:
    for house in HOUSES:
        place = ROOT / house
        for path in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def _docstring_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


def _parts_of_f_strings(tree: ast.Module) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield from (part for part in ast.walk(node) if part is not node and isinstance(part, ast.Constant))


def _text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{…}" for part in node.values)
    return None


if __name__ == "__main__":
    for place, text in docstrings() if "--docstrings" in sys.argv else user_texts():
        print(f"{place}: {' '.join(text.split())}")
