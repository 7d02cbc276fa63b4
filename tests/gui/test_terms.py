"""The terms of the glossary in labels: dotted, and explained in the tooltip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtGui import QImage

import resources
from app.help import terms
from app.help.term_label import TermLabel
from app.help.terms import find_terms, load_meanings
from app.widgets.plain_text import PlainLabel
from app.window import Window
from tests.gui.window_driver import unwrapped


def test_every_line_of_the_glossary_is_a_term_with_a_meaning() -> None:
    meanings = load_meanings()
    assert {"psnr", "learning rate", "batch size", "hr", "warm start"} <= set(meanings)
    for term, meaning in meanings.items():
        assert term.strip(" -") and meaning.endswith("."), term
        assert not set("[]") & set(meaning) and ".md" not in meaning, "a tooltip has no links"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Learning rate", ["Learning rate"]),
        ("Patches per photo", ["Patches"]),
        ("Keep checkpoints", ["checkpoints"]),
        ("PSNR (dB)", ["PSNR", "dB"]),
        ("Start from the built-in model", ["built-in model"]),
        ("Outrun", []),
        ("re-run", []),
        ("", []),
    ],
)
def test_terms_are_whole_words_and_the_longer_one_counts(text: str, found: list[str]) -> None:
    assert [term.text for term in find_terms(text)] == found
    assert all(text[term.start :].startswith(term.text) for term in find_terms(text))


def test_a_program_without_its_manual_has_no_terms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resources, "manual_path", lambda: tmp_path / "manual.md")
    terms.load_meanings.cache_clear()
    assert find_terms("Learning rate") == []
    terms.load_meanings.cache_clear()


def changed_columns(label: TermLabel, qtbot: Any) -> list[int]:
    """Return the columns in which a label differs from one without terms."""
    plain = PlainLabel(label.text())
    images: list[QImage] = []
    for one in (label, plain):
        qtbot.addWidget(one)
        one.setWordWrap(label.wordWrap())
        one.resize(label.size())
        images.append(one.grab().toImage())
    first, second = images
    rows = range(first.height())
    return [x for x in range(first.width()) if any(first.pixel(x, y) != second.pixel(x, y) for y in rows)]


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_a_dotted_line_runs_below_the_term_alone(qtbot: Any, is_wrapped: bool) -> None:
    label = TermLabel("The wide and heavy learning rate of it")
    label.setWordWrap(is_wrapped)
    label.ensurePolished()
    metrics = label.fontMetrics()
    before = metrics.horizontalAdvance("The wide and heavy ")
    end = metrics.horizontalAdvance("The wide and heavy learning rate")
    label.resize(before + metrics.horizontalAdvance("l") if is_wrapped else 400, 60)
    columns = changed_columns(label, qtbot)
    assert len(columns) > 20
    if is_wrapped:  # on the second line, which begins with the term
        assert min(columns) <= 2 and max(columns) <= end - before + 2
    else:
        assert before - 2 <= min(columns) <= before + 3 and end - 4 <= max(columns) <= end + 2
    assert not changed_columns(TermLabel("The wide and heavy words"), qtbot)


def test_the_form_and_the_charts_explain_their_terms(window: Window) -> None:
    window.charts.make_charts()
    labels = {label.text(): unwrapped(label.toolTip()) for label in window.findChildren(TermLabel)}
    assert load_meanings()["learning rate"] in labels["Learning rate"]
    assert "Option --lr" in labels["Learning rate"], "what the setting does comes first"
    assert labels["Learning rate"].index("--lr") < labels["Learning rate"].index("diverges")
    assert load_meanings()["psnr"] in next(tip for text, tip in labels.items() if text.startswith("PSNR"))
    assert load_meanings()["loss"] in labels["Loss"]


def test_two_words_for_one_thing_are_explained_once(qtbot: Any) -> None:
    label = TermLabel("PSNR (dB)")
    qtbot.addWidget(label)
    assert label.toolTip().startswith("PSNR: ") and unwrapped(label.toolTip()).count(load_meanings()["psnr"]) == 1
