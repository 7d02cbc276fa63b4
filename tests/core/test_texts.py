"""Texts and documents follow GLOSSARY.md: they avoid the words it replaces, and use American spelling."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable

from tests.texts import (
    ROOT,
    Text,
    docstrings,
    documents,
    glued_texts,
    glued_texts_in,
    paragraphs_in,
    texts_in,
    user_texts,
)

# Words that GLOSSARY.md replaces wherever they stand; each with its forms on -s, -d, -ed. Words that it replaces in one
# meaning only (take, pair, "cut off", "go on") are not among them: a pattern cannot tell the meanings apart.
AVOIDED_WORDS = (
    # rules 8 to 10
    "anew",
    "as chosen",
    "as ever",
    "besides",
    "elsewhere",
    "for ever",
    "gist",
    "goes without",
    "hears",
    "in sight",
    "is said",
    "judge",
    "looked at",
    "meanwhile",
    "no more",
    "of the kind",
    "taken over",
    "told",
    "wherever",
    "whoever",
    # column "Not that"
    "average network",
    "averaged weights",
    "brought back",
    "changes sides",
    "compact file",
    "complaint",
    "dealt in",
    "deployed weights",
    "earlier run",
    "imitate",
    "imitation",
    "in the making",
    "is settled",
    "networks that enlarge",
    "put aside",
    "scale token",
    "taken up",
    "the truth",
    "twins",
)
USUAL_ENGLISH = {"no more": " than", "told": " apart"}  # not avoided if followed by this
AVOIDED = re.compile(
    "|".join(rf"\b{word}(?:s|d|ed)?\b(?!{USUAL_ENGLISH.get(word, '$^')})" for word in AVOIDED_WORDS), re.IGNORECASE
)
BRITISH = re.compile(
    r"\b\w*(?:colour|centre|neighbour|behaviour|grey|optimis(?![tm])|quantis|recognis|initialis|normalis|catalogue|"
    r"licence|labelled|modelled|cancelled|analys(?:e|ing)\b)\w*",
    re.IGNORECASE,
)
BRITISH_CONTRACTS = {"centre_x", "centre_y"}  # keys of camera profiles


def problems(texts: Iterable[Text], pattern: re.Pattern[str]) -> list[str]:
    """List each place with the words that match, and the beginning of its text."""
    found = []
    for place, text in texts:
        line = " ".join(text.split())
        words = {match.group(0) for match in pattern.finditer(line)} - BRITISH_CONTRACTS
        if words:
            found.append(f"{place}: {', '.join(sorted(words))}: {line[:90]}")
    return found


def test_messages_avoid_the_words_of_the_glossary() -> None:
    assert not problems(user_texts(), AVOIDED)


def test_docstrings_avoid_the_words_of_the_glossary() -> None:
    assert not problems(docstrings(), AVOIDED)


def test_documents_avoid_the_words_of_the_glossary() -> None:
    assert not problems(documents(), AVOIDED)


def test_texts_use_american_spelling() -> None:
    assert not problems([*user_texts(), *docstrings(), *documents()], BRITISH)


def test_identifiers_use_american_spelling() -> None:
    found = set()
    for house in ("trainer_core", "app"):
        for path in (ROOT / house).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                names = (getattr(node, field, None) for field in ("id", "name", "attr", "arg"))
                found |= {
                    f"{path.relative_to(ROOT)}: {name}"
                    for name in names
                    if isinstance(name, str) and BRITISH.search(name) and name not in BRITISH_CONTRACTS
                }
    assert not sorted(found)


def test_every_avoided_word_stands_in_the_glossary() -> None:
    glossary = (ROOT / "GLOSSARY.md").read_text("utf-8").lower()
    assert [word for word in AVOIDED_WORDS if word not in glossary] == []


def test_a_word_is_found_in_its_forms_and_across_lines() -> None:
    texts = [
        Text("a", "It judges."),
        Text("b", "It was put\n    aside."),
        Text("c", "no more than 3"),
        Text("d", "No more."),
    ]
    assert [problem.split(":")[0] for problem in problems(texts, AVOIDED)] == ["a", "b", "d"]
    spelled = [Text("a", "Colours"), Text("b", "centre_x"), Text("c", "an optimistic guess"), Text("d", "optimised")]
    assert [problem.split(":")[0] for problem in problems(spelled, BRITISH)] == ["a", "d"]


def test_texts_are_literals_and_f_strings_but_not_docstrings() -> None:
    source = '''"""A docstring here."""
def shown(name):
    """Another docstring."""
    print(f"{name} is now {'not found' if name else 'empty here'}.", "a_key", "Save")
'''
    assert sorted(text for _, text in texts_in(ast.parse(source))) == [
        "Save",
        "empty here",
        "not found",
        "{…} is now {…}.",
    ]
    assert len(list(user_texts())) > 1000


def test_no_sentence_of_the_window_is_glued_from_pieces() -> None:
    assert list(glued_texts()) == []


def test_glued_sentences_are_found_and_whole_ones_are_not() -> None:
    glued = """
plural = f"{count} photo{'s' * (count != 1)}"
choice = f"{count} of them {'is' if count == 1 else 'are'} saved."
piece = f" of {total}" if total else ""
added = text + ", which is known"
added += f"{count} of them"
"""
    assert sorted(line for line, _ in glued_texts_in(ast.parse(glued))) == [2, 3, 4, 5, 5, 6]
    whole = """
"A docstring may end with a space "
plural = "1 photo" if count == 1 else f"{count} photos"
choice = f"{name if count == 1 else count} of them, {'|' * count} {path}{'_best' if best else ''}"
parts = " or ".join([f"{count} of them", name])
file = f"{name}_{'dark' if dark else 'light'}.svg" + suffix
"""
    assert [text for _, text in glued_texts_in(ast.parse(whole))] == ["{…} of them, {…} {…}{…}"]


def test_the_window_names_plain_enlargement_in_one_way() -> None:
    texts = [each for each in user_texts() if each.place.startswith("app/")]
    named = [each for each in texts if "bicubic" in each.text.lower().replace("plain enlargement (bicubic)", "")]
    assert named == []


def test_a_document_is_read_by_paragraphs_without_code() -> None:
    page = "# A title\n\nTwo\nlines of `code told` here.\n\n```\ntold\n```\n\nThe end.\n"
    assert list(paragraphs_in(page)) == [(1, "# A title\n"), (3, "Two\nlines of `…` here.\n"), (10, "The end.\n")]
    assert len(list(documents())) > 200
