"""The smallest window, a screen of 1280x800 at 150 %: no view scrolls to the side, and nothing is cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from app.run.estimate import Estimate
from app.runs.recent_workspaces import add_recent_workspace
from app.widgets.scrolling_page import ScrollingPage
from app.widgets.wording import FORM_QUESTIONS
from app.window import Window
from tests.gui.test_card_slot import open_result
from tests.gui.window_driver import fill_form, show_tab, wait_until_quiet
from tests.small_runs import make_workspace, watch_photo
from trainer_core.planning.readiness import WARNING, Check

_WIDTH, _HEIGHT = 853, 533


def scrolls_to_the_side(window: Window) -> bool:
    pages = [page for page in window.findChildren(ScrollingPage) if page.isVisible()]
    return any(page.horizontalScrollBar().maximum() for page in pages)


def is_cut(widget: QWidget, window: Window) -> bool:
    """Whether a visible widget reaches beyond the right side of the window."""
    return widget.mapTo(window, widget.rect().topRight()).x() > window.width()


@pytest.mark.parametrize("tab", ["What the watch sees", "Progress", "Log"])
def test_no_view_of_a_run_scrolls_to_the_side(window: Window, qtbot: Any, tab: str) -> None:
    window.resize(_WIDTH, _HEIGHT)
    open_result(window)
    window.show_run(True)
    show_tab(window, tab)
    wait_until_quiet(window, qtbot)
    assert window.width() == _WIDTH
    qtbot.waitUntil(lambda: not scrolls_to_the_side(window))
    assert not is_cut(window.preview if tab == "Progress" else window.result_card, window)


def test_the_watch_photos_below_the_simulation_do_not_scroll_it_to_the_side(
    window: Window, qtbot: Any, tmp_path: Path
) -> None:
    window.resize(_WIDTH, _HEIGHT)
    window.show_run(True)
    show_tab(window, "What the watch sees")
    window.simulation.add_captures([watch_photo(tmp_path / "harbor.png")])
    qtbot.waitUntil(window.simulation.row.remove_button.isVisible)
    wait_until_quiet(window, qtbot)
    qtbot.waitUntil(lambda: not scrolls_to_the_side(window))
    assert not is_cut(window.simulation.row.choose_button, window)


def test_the_start_page_does_not_scroll_to_the_side(window: Window, qtbot: Any, tmp_path: Path) -> None:
    add_recent_workspace(make_workspace(tmp_path / "a_run"))
    window.start_page.refresh()
    qtbot.waitUntil(window.start_page.recent_work.isVisible)
    window.resize(_WIDTH, _HEIGHT)
    wait_until_quiet(window, qtbot)
    assert window.width() == _WIDTH
    qtbot.waitUntil(lambda: not scrolls_to_the_side(window))
    assert not is_cut(window.start_page.recent_work.remove_button, window)


def test_every_question_of_the_form_is_visible_on_a_small_screen(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    window.resize(1024, 700)
    window.show()
    window.project.set_path("source_dir", str(photos))
    window.project.set_path("workspace", str(tmp_path / "run"))
    wait_until_quiet(window, qtbot)
    shown = window.form.viewport()
    for name in FORM_QUESTIONS:
        entry = window.form.rows[name].entry
        assert shown.rect().contains(entry.mapTo(shown, QPoint(0, entry.height()))), name


def test_a_warning_beside_start_is_shown_whole_at_every_width(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run")
    wait_until_quiet(window, qtbot)
    text = "Memory may run out: about 80.48 GB needed, 22.5 GB free. Use Batch size auto or a smaller preset."
    window.resize(1240, 780)
    bar, warning = window.run_bar, Check(WARNING, text, "steps")
    window.controller._estimate.blockSignals(True)  # a late estimate would replace this one
    bar.show_estimate(Estimate("12 minutes", "The memory of a network", warnings=(warning,)))
    line = next(found for found in bar.checklist.lines if found.full_text == text)
    lines = []
    for width in (480, 340, 480):
        window._split.setSizes([width, 1240 - width])
        QApplication.processEvents()
        assert line.text().replace("\n", " ") == text
        assert line.height() == line.heightForWidth(line.width())
        bottom = bar.start_button.mapTo(bar, bar.start_button.rect().bottomLeft()).y()
        assert 0 < bar.height() - bottom < 20, "nothing is cut, and no room is wasted"
        lines.append(line.text().count("\n") + 1)
    assert lines[0] == lines[2] < lines[1]
    bar.show_estimate(Estimate(warnings=(Check(WARNING, 20 * text, "steps"),)))
    cut = next(found for found in bar.checklist.lines if found.full_text == 20 * text)
    assert cut.text().count("\n") == 3 and cut.text().endswith("…")


def test_the_controls_of_all_charts_are_in_one_line_on_a_screen_of_1024(window: Window, qtbot: Any) -> None:
    charts = window.charts
    charts._spectrum_switch.show()  # of an adversarial stage
    window.show_run(True)
    window.resize(1024, 700)
    wait_until_quiet(window, qtbot)
    controls: list[QWidget] = [button for button in charts.findChildren(QPushButton) if button.isVisible()]
    assert len(controls) == 8
    lines = {control.mapTo(charts, control.rect().center()).y() for control in (*controls, charts.save_button)}
    assert len(lines) == 1


def test_what_a_training_needs_is_visible_without_scrolling(window: Window, qtbot: Any) -> None:
    """The questions up to what a training starts from, and Start, in a window of 1024x700."""
    window.resize(1024, 700)
    wait_until_quiet(window, qtbot)
    form = window.form.viewport()
    for name in ("source_dir", "monochrome_style", "scale", "preset", "max_minutes", "init_weights"):
        entry = window.form.rows[name].entry
        assert form.rect().contains(entry.rect().translated(entry.mapTo(form, QPoint()))), name
    start = window.run_bar.start_button
    assert window.rect().contains(start.rect().translated(start.mapTo(window, QPoint())))
