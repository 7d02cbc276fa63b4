"""Every text that a user can read, every public docstring and the documents, with their places.

    python -m tests.texts                # strings of messages, labels, help, log lines
    python -m tests.texts --glued        # texts of the window that are glued from pieces
    python -m tests.texts --docstrings   # docstrings of public modules, classes and functions
    python -m tests.texts --documents    # paragraphs of the Markdown documents, without code

`tests/core/test_texts.py` checks them against GLOSSARY.md.
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
_CORE_OF_THE_WINDOW = {  # whose texts the window shows as they are
    "trainer_core/blind/comparison.py",
    "trainer_core/planning/readiness.py",
    "trainer_core/verdict.py",
}
_PAGES = ("docs", "models", "benchmarks", "tests")
_EXCEPTED_PAGES = {  # what the user wrote, the history, and the list of words itself
    "docs/manual.md",
    "CHANGELOG.md",
    "GLOSSARY.md",
}
_WORD = re.compile(r"(?<!&)\b[A-Za-z]{2,}")
_SENTENCE = re.compile(r"[A-Za-z]{2,}\W+[A-Za-z]|^[A-Z][a-z]+")  # two words, or one that begins with a capital


class Text(NamedTuple):
    """A text and where it stands; placeholders of an f-string appear as {…}."""

    place: str
    text: str


def user_texts() -> Iterator[Text]:
    """Yield all string literals that read like text, except docstrings."""
    for path, tree in _trees():
        for line, text in texts_in(tree):
            yield Text(f"{path}:{line}", text)


def texts_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of the literals of one module that read like text, except docstrings."""
    skipped = {id(node) for node in (*_docstring_nodes(tree), *_parts_of_f_strings(tree))}
    for node in ast.walk(tree):
        text = _text_of(node) if id(node) not in skipped else None
        if text is not None and _SENTENCE.search(text):
            yield getattr(node, "lineno", 1), text


def glued_texts() -> Iterator[Text]:
    """Yield the texts of the window that are glued from pieces of a sentence."""
    for path, tree in _trees():
        if path.startswith("app/") or path in _CORE_OF_THE_WINDOW:
            yield from (Text(f"{path}:{line}", text) for line, text in glued_texts_in(tree))


def glued_texts_in(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and text of what is no whole sentence in one module.

    These are f-strings of several words with a placeholder that chooses between words or adds a plural, texts that
    begin or end with a space or begin with a comma, and texts of several words that are added to others. Separators
    of lists (`" or ".join`) are none.
    """
    separators = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "join"}
    skipped = {id(node) for node in (*_docstring_nodes(tree), *_parts_of_f_strings(tree))} | separators
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        text = _text_of(node)
        if text is not None and _WORD.search(text):
            has_choice = isinstance(node, ast.JoinedStr) and any(_chooses_words(part) for part in node.values)
            if text[0] in " ,;" or text[-1] == " " or (has_choice and " " in text):
                yield getattr(node, "lineno", 1), text
        elif isinstance(node, (ast.BinOp, ast.AugAssign)) and isinstance(node.op, ast.Add):
            pieces = [node.left, node.right] if isinstance(node, ast.BinOp) else [node.value]
            texts = [text for text in map(_text_of, pieces) if text and " " in text and _WORD.search(text)]
            if texts:
                yield node.lineno, texts[0]


def _chooses_words(part: ast.AST) -> bool:
    """Whether a placeholder of an f-string is a choice between words, or words times a number."""
    choice = part.value if isinstance(part, ast.FormattedValue) else None
    pieces: list[ast.AST] = []
    if isinstance(choice, ast.IfExp):
        pieces = [choice.body, choice.orelse]
    elif isinstance(choice, ast.BinOp) and isinstance(choice.op, ast.Mult):
        pieces = [choice.left, choice.right]
    return any(re.search("[A-Za-z]", _text_of(piece) or "") for piece in pieces)


def docstrings() -> Iterator[Text]:
    """Yield the docstrings of modules and of public classes and functions."""
    for path, tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
                name = getattr(node, "name", "")
                text = ast.get_docstring(node)
                if text and not name.startswith("_"):
                    yield Text(f"{path}:{getattr(node, 'lineno', 1)} {name}".rstrip(), text)


def documents() -> Iterator[Text]:
    """Yield the paragraphs of the Markdown documents without code; the texts of others are left out."""
    for page in sorted([*ROOT.glob("*.md"), *(page for folder in _PAGES for page in (ROOT / folder).rglob("*.md"))]):
        name = page.relative_to(ROOT).as_posix()
        if name not in _EXCEPTED_PAGES:
            yield from (Text(f"{name}:{line}", text) for line, text in paragraphs_in(page.read_text("utf-8")))


def paragraphs_in(page: str) -> Iterator[tuple[int, str]]:
    """Yield first line and text of the paragraphs of a Markdown page, without code blocks and code spans."""
    blanked = re.sub(
        r"^```.*?^```", lambda block: "\n" * block.group(0).count("\n"), page, flags=re.DOTALL | re.MULTILINE
    )
    for paragraph in re.finditer(r"(?:^.*\S.*\n?)+", blanked, re.MULTILINE):
        line = blanked.count("\n", 0, paragraph.start()) + 1
        yield line, re.sub(r"`[^`]*`", "`…`", paragraph.group(0))


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
            yield from (value for value in node.values if isinstance(value, ast.Constant))


def _text_of(node: ast.AST) -> str | None:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{…}" for part in node.values)
    return None


if __name__ == "__main__":
    chosen = {"--glued": glued_texts, "--docstrings": docstrings, "--documents": documents}.get(
        sys.argv[-1], user_texts
    )
    for place, text in chosen():
        print(f"{place}: {' '.join(text.split())}")
