"""The terms of the glossary in labels, headers and on images: dotted, and explained in the tooltip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QEvent, QPoint, Qt
from PySide6.QtGui import QHelpEvent, QImage
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QToolTip, QWidget

import resources
from app.runs.recent_work import RecentWork
from app.system.background import Background
from app.widgets import terms
from app.widgets.plain_text import PlainLabel
from app.widgets.term_label import TermLabel, TermLine
from app.widgets.terms import find_terms, load_meanings
from app.window import Window
from tests.gui.test_pixels import training
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


def dotted_pixels(widget: QWidget, monkeypatch: pytest.MonkeyPatch) -> int:
    """Count the pixels of a widget that the lines below its terms change."""
    dotted = widget.grab().toImage()
    with monkeypatch.context() as patch:
        patch.setattr(terms, "load_meanings", lambda: {})
        plain = widget.grab().toImage()
    rows, columns = range(dotted.height()), range(dotted.width())
    return sum(dotted.pixel(x, y) != plain.pixel(x, y) for x in columns for y in rows)


def test_the_progress_line_and_the_status_line_explain_their_terms(
    window: Window, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    training(window, tmp_path)
    qtbot.waitUntil(lambda: window.status_line.text("loss").startswith("loss "))
    headline, detail = window.progress_line.findChildren(TermLine)
    meanings = load_meanings()
    assert f"Plain enlargement: {meanings['plain enlargement']}" in unwrapped(headline.toolTip())
    assert f"dB: {meanings['db']}" in unwrapped(headline.toolTip())
    assert meanings["step"] in unwrapped(detail.toolTip())
    step, loss = (window.status_line.findChild(QLabel, name) for name in ("step", "loss"))
    assert isinstance(step, QLabel) and meanings["step"] in unwrapped(step.toolTip())
    assert isinstance(loss, QLabel) and meanings["loss"] in unwrapped(loss.toolTip())
    state = window.status_line.findChild(QLabel, "state")
    for label in (headline, detail, step, loss):
        assert dotted_pixels(label, monkeypatch) > 5, label.text()
    assert isinstance(state, QLabel) and dotted_pixels(state, monkeypatch) == 0


def test_the_names_on_the_images_and_their_buttons_explain_themselves(
    window: Window, tmp_path: Path, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    training(window, tmp_path)
    view = window.preview.view
    qtbot.waitUntil(lambda: view.pictures is not None)
    assert dotted_pixels(view, monkeypatch) > 20
    place = QPoint(view.width() - 30, view.height() - 20)  # on "Network (SR)"
    QApplication.sendEvent(view, QHelpEvent(QEvent.Type.ToolTip, place, view.mapToGlobal(place)))
    qtbot.waitUntil(lambda: load_meanings()["network"] in unwrapped(QToolTip.text()))
    QToolTip.hideText()
    buttons = {button.text(): unwrapped(button.toolTip()) for button in window.preview.findChildren(QPushButton)}
    for text, term in (("Watch photo", "lr"), ("Original", "hr"), ("Plain enlargement", "bicubic")):
        assert load_meanings()[term] in buttons[text]


def test_the_headers_of_a_table_explain_their_terms(qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    work = RecentWork(Background())
    qtbot.addWidget(work)
    header = work.table.horizontalHeader()
    model, columns, tip_role = work.table.model(), range(header.count()), Qt.ItemDataRole.ToolTipRole
    names = [str(model.headerData(column, Qt.Orientation.Horizontal)) for column in columns]
    tips = {
        name: str(model.headerData(c, Qt.Orientation.Horizontal, tip_role) or "") for c, name in zip(columns, names)
    }
    assert load_meanings()["gain"] in unwrapped(tips["Gain"]) and tips["Name"] == ""
    header.resize(700, 30)
    assert dotted_pixels(header.viewport(), monkeypatch) > 5


def test_the_label_of_a_field_with_a_key_explains_its_term(qtbot: Any) -> None:
    label = TermLabel("&Model")
    qtbot.addWidget(label)
    assert unwrapped(label.toolTip()) == f"Model: {load_meanings()['model']}"
