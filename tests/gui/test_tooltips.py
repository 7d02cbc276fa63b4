"""The tooltips outside *Expert*: a name, or what the widget shows, or sentences without names of options."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLabel, QMenu, QPushButton, QWidget

from app.enlarge.blind_dialog import BlindDialog
from app.enlarge.save_all_dialog import SaveAllDialog
from app.form.group import FoldedGroup
from app.run.queue_addition import QueueAddition
from app.run.queue_dialog import QueueDialog
from app.window import Window
from tests.gui.test_pixels import STATES
from tests.gui.window_driver import unwrapped

_SENTENCES = re.compile(r"[A-Z0-9“\"](?s:.*)[.?]$")


def shown_texts(widget: QWidget) -> list[str]:
    """Return the texts of a widget and its name, which its tooltip may repeat, also with its key in parentheses."""
    texts = [widget.accessibleName(), str(getattr(widget, "full_text", ""))]
    if isinstance(widget, (QAbstractButton, QLabel)):
        texts.append(widget.text().replace("&", ""))
    elif isinstance(widget, QComboBox):
        texts.append(widget.currentText())
    return [text for text in texts if text]


def is_readable(widget: QWidget) -> bool:
    """Whether the tooltip of a widget, if any, repeats what it is, names a file, or is made of sentences."""
    tip = unwrapped(widget.toolTip())
    if re.search(r"(^|\s)--[a-z]|Option ", tip):
        return False
    rests = [tip.removeprefix(text).strip() for text in map(unwrapped, shown_texts(widget)) if tip.startswith(text)]
    if not tip or tip.startswith("/") or any(not rest or rest.startswith("(") for rest in rests):
        return True
    return any(_SENTENCES.match(text) for text in [tip, *rests])


def unreadable(window: QWidget) -> list[str]:
    """List the tooltips outside of *Expert* that are not readable."""
    parts = [*window.findChildren(FoldedGroup), *window.findChildren(QMenu)]  # the menus of pyqtgraph have widgets
    left_out = {each for part in parts for each in part.findChildren(QWidget)}
    widgets = [each for each in [window, *window.findChildren(QWidget)] if each not in left_out]
    return [f"{type(each).__name__}: {each.toolTip()}" for each in widgets if not is_readable(each)]


def test_the_tooltips_of_the_window_are_sentences_without_options(window: Window, tmp_path: Path, qtbot: Any) -> None:
    window.charts.make_charts()
    found = {}
    for state in STATES:
        state(window, tmp_path)
        QApplication.processEvents()
        found[state.__name__] = unreadable(window)
    assert {state: tips for state, tips in found.items() if tips} == {}


def test_the_tooltips_of_the_dialogs_are_sentences_without_options(window: Window, qtbot: Any) -> None:
    window.deployment.open_enlarging()
    window.deployment.open_export()
    qtbot.waitUntil(lambda: window.deployment.trial_dialog is not None and window.deployment.export_dialog is not None)
    trial = window.deployment.trial_dialog
    assert trial is not None
    queue = window.controller.queue
    window.simulation.open_calibration()
    blind = BlindDialog(trial._ask_thread, window.project.background, trial)
    others = [blind, SaveAllDialog(2, 1, trial), QueueDialog(queue, window), QueueAddition(queue, window)]
    found = [tip for each in [window, *others] for tip in unreadable(each)]
    for each in others:
        each.close()
        each.deleteLater()
    assert found == []


@pytest.mark.parametrize(
    ("tip", "readable"),
    [
        ("Save the picture", False),
        ("save the picture.", False),
        ("Save it: --out FILE.", False),
        ("Save the picture.", True),
        ("Save", True),
        ("Save (key S)", True),
        ("/home/me/a.png", True),
        ("", True),
    ],
)
def test_readable_tooltips_are_names_files_and_sentences(qtbot: Any, tip: str, readable: bool) -> None:
    button = QPushButton("&Save")
    qtbot.addWidget(button)
    button.setToolTip(tip)
    assert is_readable(button) is readable


def test_a_list_may_repeat_its_choice(qtbot: Any) -> None:
    box = QComboBox()
    qtbot.addWidget(box)
    box.addItem("a name.png")
    box.setToolTip("a name.png")
    assert is_readable(box)
