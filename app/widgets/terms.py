"""The terms that the glossary of the manual explains, and where a text uses them."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from typing import NamedTuple

import resources
from trainer_core.input_files import read_regular

_SECTION = re.compile(r"^## Glossary$(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ROW = re.compile(r"^\| (.+?) \| (.+?) \|$", re.MULTILINE)
_REFERENCE = re.compile(r" ?\(?\[[^\]]*\]\([^)]*\)\)?")  # a link, whose text says nothing without it


class Term(NamedTuple):
    """A term in a text.

    Attributes:
        start: index of its first character.
        text: the term as the text writes it.
        meaning: what the glossary says of it.
    """

    start: int
    text: str
    meaning: str


def find_terms(text: str) -> list[Term]:
    """Return the terms of the glossary that a text uses, in its order; of two at one place the longer one."""
    meanings = load_meanings()
    if not meanings:
        return []
    names = sorted(meanings, key=len, reverse=True)
    pattern = rf"(?<![\w-])({'|'.join(map(re.escape, names))})(?:e?s)?(?![\w-])"
    found = re.finditer(pattern, text, re.IGNORECASE)
    return [Term(match.start(), match[0], meanings[match[1].casefold()]) for match in found]


def find_first_terms(text: str) -> list[Term]:
    """Return the terms that a text uses, each meaning once: that is where the text explains them."""
    first: dict[str, Term] = {}
    for term in find_terms(text):
        first.setdefault(term.meaning, term)
    return list(first.values())


def explain_terms(text: str, *, after: str = "") -> str:
    """Return what a tooltip says: `after`, if any, then each term of the text with its meaning."""
    meanings = [f"{_begin_upper(term.text)}: {term.meaning}" for term in find_first_terms(text)]
    return "\n\n".join(filter(None, [after, *meanings]))


def _begin_upper(term: str) -> str:
    """Return a term with a capital at its beginning, unless it has one inside, as dB."""
    return f"{term[0].upper()}{term[1:]}" if term.islower() else term


@functools.lru_cache(maxsize=1)
def load_meanings() -> Mapping[str, str]:
    """Return the meaning of each term in the manual's glossary, by the term in lower case; none without a manual."""
    try:
        manual = read_regular(resources.manual_path()).decode("utf-8")
    except OSError:
        return {}
    section = _SECTION.search(manual)
    rows = _ROW.findall(section[1])[2:] if section else []  # without the head of the table
    meanings = {}
    for names, meaning in rows:
        for name in names.split(", "):
            meanings[name.casefold()] = _REFERENCE.sub("", meaning)
    return meanings
