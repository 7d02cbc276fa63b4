"""Texts keep to GLOSSARY.md: no word of its list of words to avoid, American spelling, docstrings that begin well."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.texts import ROOT, Text, docstrings, user_texts

# Words that GLOSSARY.md replaces; each stands for its forms.
AVOIDED = re.compile(
    r"\b(anew|archaic|wherever|whoever|whatsoever|thereby|gist|elsewhere|told|besides|goes without|in sight|as chosen|"
    r"as ever|for ever|taken over|takes over from|looked at|looks? into|put aside|dealt in|no more than one|is said|"
    r"are said|is heard|hears?|cut off|twins?|what there is|of its own accord|tame|judged?|gone for good)\b",
    re.IGNORECASE,
)
BRITISH = re.compile(
    r"\b\w*(colour|centre|neighbour|behaviour|grey|optimis|quantis|recognis|initialis|normalis|catalogue|licence|"
    r"labelled|modelled|cancelled|analys(e|ing)\b)\w*",
    re.IGNORECASE,
)
KEPT_SPELLINGS = {"centre_x", "centre_y"}  # keys of camera profiles
ALLOWED: dict[str, str] = {}  # place -> reason, for a text that quotes something


def problems(texts: Iterator[Text], pattern: re.Pattern[str]) -> list[str]:
    found = []
    for place, text in texts:
        words = {match.group(0) for match in pattern.finditer(text)} - KEPT_SPELLINGS
        if words and place not in ALLOWED:
            found.append(f"{place}: {', '.join(sorted(words))}: {' '.join(text.split())[:90]}")
    return found


def test_messages_avoid_the_words_of_the_glossary() -> None:
    assert not problems(user_texts(), AVOIDED)


def test_docstrings_avoid_the_words_of_the_glossary() -> None:
    assert not problems(docstrings(), AVOIDED)


def test_texts_use_one_spelling() -> None:
    assert not problems(user_texts(), BRITISH)
    assert not problems(docstrings(), BRITISH)


def test_identifiers_use_one_spelling() -> None:
    found = []
    for house in ("trainer_core", "app"):
        for path in (ROOT / house).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                names = (getattr(node, field, None) for field in ("id", "name", "attr", "arg"))
                found += [
                    f"{path.relative_to(ROOT)}: {name}"
                    for name in names
                    if isinstance(name, str) and BRITISH.search(name) and name not in KEPT_SPELLINGS
                ]
    assert not sorted(set(found))


def test_the_script_finds_messages_and_leaves_docstrings_out() -> None:
    texts = [text for _, text in user_texts()]
    assert any("cannot be written to" in text for text in texts)
    assert not any(text.startswith("The one error a user may cause") for text in texts)
    assert len(texts) > 1000
