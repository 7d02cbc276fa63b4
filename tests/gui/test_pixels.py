"""How it looks, in pixels: nothing cut, nothing on top of each other, nothing too faint, no icon blank."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from PySide6.QtCore import QTimer
from PySide6.QtGui import QColor, QCursor, QFont, QFontMetrics
from PySide6.QtWidgets import (
    QApplication,
    QCheckBox,
    QComboBox,
    QDialogButtonBox,
    QHBoxLayout,
    QLabel,
    QProxyStyle,
    QPushButton,
    QStyle,
    QVBoxLayout,
    QWidget,
)

from app.run.session import SessionState
from app.start import make_window
from app.widgets.icons import pixmap, set_icon
from app.widgets.scrolling_page import ScrollingPage
from app.widgets.theme import DARK, LIGHT, SPACING, ThemeColors, theme
from app.window import Window
from tests.gui.audit import (
    contrast,
    find_cut_texts,
    find_low_contrast_texts,
    find_overlaps,
    find_squeezed_widgets,
    max_contrast,
)
from tests.gui.window_driver import unfold_groups
from trainer_core.events import (
    CheckpointSaved,
    PreviewImage,
    PreviewReady,
    RunFinished,
    RunStarted,
    StepDone,
    Validated,
)
from trainer_core.workspace.unfinished import UnfinishedRun

_SIZES = ((1280, 800), (1024, 700))
_LONGEST_THROTTLE = 500  # milliseconds
_ATTEMPTS = 5
_LAYOUT_ROUNDS = 10  # a text that wraps again asks for another height, and so on up to the window
_TEXTS = ("text", "muted", "accent", "success", "error", "warning")
_GROUNDS = ("window", "base", "raised")
_FOLDER = Path(__file__).parents[2] / "resources" / "icons"
_ICONS = sorted(path.stem for path in _FOLDER.glob("*.svg") if "_" not in path.stem)  # those are for one theme only


@pytest.fixture
def shown(qapp: QApplication, qtbot: Any) -> Iterator[Window]:
    """A window whose training thread never starts: the events are made here. The pointer is not over it.

    A card covers the views below a pointer, and an earlier test may have left it there.
    """
    QCursor.setPos(-1, -1)
    window = make_window()
    window.show()
    yield window
    window.close()
    window.deleteLater()


def test_a_window_made_without_a_style_sheet_looks_like_one_made_with_it(shown: Window, qtbot: Any) -> None:
    styled = Window()
    styled.show()
    qtbot.wait(_LONGEST_THROTTLE)  # a window that has just appeared is moved and resized once more
    for _ in range(_ATTEMPTS):
        for size in _SIZES:
            for window in (shown, styled):
                window.resize(*size)
                focused = window.focusWidget()
                if focused is not None:
                    focused.clearFocus()  # its text cursor blinks
            qtbot.wait(_LONGEST_THROTTLE)
        pictures = [window.grab().toImage() for window in (shown, styled)]
        if pictures[0] == pictures[1]:
            break  # else one of them may not show the newest figures yet, such as the free memory
    styled.close()
    styled.deleteLater()
    assert pictures[0] == pictures[1]


# -- the states ------------------------------------------------------------------------------------


def empty(window: Window, folder: Path) -> None:
    window.status_line.show_device("AMD Ryzen 9 7950X 16-Core Processor · bf16")


def invalid(window: Window, folder: Path) -> None:
    window.project.set_path("source_dir", str(folder / "a folder that was moved somewhere else yesterday"))
    window.project.set_value("steps", "fifteen thousand or so")
    window.project.set_value("learning_rate", -1.0)
    window.message_strip.show_message(
        "warning", "Camera profile removed, because it does not match the selected watch."
    )


def ready(window: Window, folder: Path) -> None:
    window.controller.load_demo(str(folder / "runs" / "mono x4"))
    unfold_groups(window)


def training(window: Window, folder: Path) -> None:
    window.session.state_changed.emit(SessionState.TRAINING)
    started = RunStarted("1", str(folder), 4, True, 0, 150_000, "cuda", "bf16", 16_700_000, {"train": 12_345})
    started = replace(started, device_name="NVIDIA GeForce RTX 4090 Laptop GPU", memory_total=16_900_000_000)
    picture = np.full((480, 640, 3), 128, np.uint8)
    sample = PreviewImage("a photo with a rather long name.jpeg", picture, picture, picture, picture, 22.17, 21.01)
    losses = {"pixel": 0.0123, "frequency": 0.0045, "total": 0.0168}
    for event in (
        started,
        StepDone(123_456, 150_000, losses, 2e-4, 0.1, 12.34, 86_399.0, 86_399.0, 8_760_000_000, skipped_steps=3),
        Validated(123_000, "val", 22.17, 0.6, 21.01, 0.5, True, 8, 1.0),
        CheckpointSaved(123_000, str(folder / "scale4_step123000.pth"), "step", loads_in="WQV-Viewer yes"),
        PreviewReady(123_000, (sample,)),
    ):
        window.session.event_received.emit(event)
    window.show_run(True)


def paused(window: Window, folder: Path) -> None:
    training(window, folder)
    window.session.state_changed.emit(SessionState.PAUSED)


def unfinished(window: Window, folder: Path) -> None:
    checkpoint = folder / "scale4_step123000.pth"
    window.resume_card.show_run(UnfinishedRun(123_000, 150_000, checkpoint, 0.0, "interrupted"))


def finished(window: Window, folder: Path) -> None:
    window.resume_card.dismiss()
    training(window, folder)
    window.session.state_changed.emit(SessionState.IDLE)
    model = folder / "models" / "wqv_neosr_x4.pth"
    model.parent.mkdir(exist_ok=True)
    model.write_bytes(b"")
    done = RunFinished("completed", 150_000, 22.17, 140_000, 21.01, 22.0, str(folder / "x.pth"), str(model), None, 1.0)
    window.result_card.show_result(done, "WQV-Viewer yes · chaiNNer yes · Upscayl (converted to NCNN) yes")


def stopped(window: Window, folder: Path) -> None:
    finished(window, folder)
    done = RunFinished("stopped", 123_456, 22.17, 123_000, 21.01, None, "x.pth", window.result_card.model, None, 1.0)
    window.result_card.show_result(
        done, "WQV-Viewer yes · chaiNNer yes · Upscayl (converted to NCNN) yes", resumable=True
    )


STATES: tuple[Callable[[Window, Path], None], ...] = (
    empty,
    invalid,
    ready,
    training,
    paused,
    unfinished,
    finished,
    stopped,
)


def central(window: Window) -> QWidget:
    """Return what fills the window."""
    widget = window.centralWidget()
    assert widget is not None
    return widget


def resize_and_wait(window: Window, size: tuple[int, int]) -> None:
    """Resize the window and wait until everything is laid out and drawn."""
    window.resize(*size)
    deadline = time.monotonic() + 10
    while (_about_to_draw(window) or window.project.background.is_busy) and time.monotonic() < deadline:
        QApplication.processEvents()
    for _ in range(_LAYOUT_ROUNDS):
        QApplication.processEvents()
    assert not _about_to_draw(window)
    assert (window.width(), window.height()) == size, "the window does not become this small"


def _about_to_draw(window: QWidget) -> list[QTimer]:
    """Throttled parts that wait to show what they heard."""
    timers = window.findChildren(QTimer)
    return [t for t in timers if t.isActive() and t.isSingleShot() and t.interval() <= _LONGEST_THROTTLE]


# -- tests -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", _SIZES)
def test_nothing_is_cut_and_nothing_lies_on_something_else(
    shown: Window, tmp_path: Path, size: tuple[int, int]
) -> None:
    found = {}
    for state in STATES:
        state(shown, tmp_path)
        resize_and_wait(shown, size)
        found[state.__name__] = find_cut_texts(shown) + find_overlaps(central(shown))
    assert {state: faults for state, faults in found.items() if faults} == {}


@pytest.fixture(params=[14, 16])
def large_text(qapp: QApplication, request: pytest.FixtureRequest) -> Iterator[int]:
    """As someone has it who reads 14 or 16 points; returns the points."""
    usual = qapp.font()
    larger = QFont(usual)
    larger.setPointSize(request.param)
    for font in (larger, usual):
        qapp.setFont(font)
        theme().set_choice("light")
        if font is larger:
            yield request.param


def test_where_the_system_s_text_is_large_so_is_the_window_s_and_has_the_height_and_room_it_needs(
    large_text: int, shown: Window, tmp_path: Path
) -> None:
    found = {}
    for state in STATES:
        state(shown, tmp_path)
        resize_and_wait(shown, _SIZES[0])
        found[state.__name__] = find_cut_texts(shown) + find_overlaps(central(shown)) + find_squeezed_widgets(shown)
    assert {state: faults for state, faults in found.items() if faults} == {}
    assert shown.form.fontInfo().pointSize() == large_text
    axis = shown.charts.loss.plot.getPlotItem().getAxis("left")
    assert QFontMetrics(axis.style["tickFont"]).horizontalAdvance("0.003") + SPACING <= axis.width()


@pytest.mark.parametrize("size", [(1024, 700), (900, 600)])
def test_large_text_fits_small_windows_without_scrolling_to_the_side(
    large_text: int, shown: Window, tmp_path: Path, size: tuple[int, int]
) -> None:
    found = {}
    for state in (empty, invalid, training, paused, finished):
        state(shown, tmp_path)
        resize_and_wait(shown, size)
        pages = [page for page in shown.findChildren(ScrollingPage) if page.isVisible() and page is not shown.card_slot]
        sideways = [
            f"{type(page.widget()).__name__} {page.horizontalScrollBar().maximum()}"
            for page in pages
            if page.horizontalScrollBar().maximum()
        ]
        found[state.__name__] = find_overlaps(central(shown)) + find_squeezed_widgets(shown) + sideways
    assert {state: faults for state, faults in found.items() if faults} == {}
    assert shown.status_line.text("step"), "the state and the step have room"
    for name in ("state", "step"):
        label = shown.status_line.findChild(QLabel, name)
        assert isinstance(label, QLabel) and label.isVisible()


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_every_text_can_be_read(shown: Window, tmp_path: Path, choice: str) -> None:
    theme().set_choice(choice)
    found = {}
    for state in (invalid, ready, training, finished):
        state(shown, tmp_path)
        resize_and_wait(shown, _SIZES[0])
        found[state.__name__] = find_low_contrast_texts(shown)
    theme().set_choice("light")
    assert {state: faults for state, faults in found.items() if faults} == {}


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_the_chosen_row_of_a_list_can_be_read(
    apply_theme: Callable[[str], ThemeColors], qtbot: Any, choice: str
) -> None:
    colors = apply_theme(choice)
    box = QComboBox()
    qtbot.addWidget(box)
    box.addItems(["Bicubic", "LR", "HR"])
    box.show()
    box.showPopup()
    view = box.view()
    rows = [view.viewport().grab(view.visualRect(view.model().index(row, 0))).toImage() for row in range(2)]
    box.hidePopup()
    assert min(max_contrast(row) for row in rows) >= 4.5
    assert rows[0].pixelColor(1, 1) == QColor(colors.accent), "the chosen one is the one that differs"
    assert rows[1].pixelColor(1, 1) == QColor(colors.base)


@pytest.mark.parametrize("choice", ["light", "dark"])
@pytest.mark.parametrize("role", ["", "segment", "primary"])
def test_the_focus_can_be_seen_on_a_filled_button_and_moves_nothing(
    apply_theme: Callable[[str], ThemeColors], qtbot: Any, role: str, choice: str
) -> None:
    colors = apply_theme(choice)
    box = QWidget()
    qtbot.addWidget(box)
    row = QHBoxLayout(box)
    buttons = [QPushButton(text) for text in ("one", "two")]
    for button in buttons:
        button.setCheckable(True)
        button.setChecked(True)
        button.setProperty("role", role)
        row.addWidget(button)
    with qtbot.waitExposed(box):
        box.show()
    box.activateWindow()
    edges, rooms = {}, {}
    for focused in (True, False):
        buttons[not focused].setFocus()
        qtbot.waitUntil(buttons[not focused].hasFocus)
        picture = buttons[0].grab().toImage()
        edges[focused] = [picture.pixelColor(picture.width() // 2, y) for y in (0, 1)]
        rooms[focused] = buttons[0].sizeHint()
    assert edges[True] == 2 * [QColor(colors.text)]
    assert contrast(QColor(colors.text), QColor(colors.window)) > 3, "to what lies around it"
    assert edges[False] == 2 * [QColor(colors.accent)]
    assert rooms[True] == rooms[False]


@pytest.mark.parametrize("choice", ["light", "dark"])
def test_a_check_box_is_seen_and_so_is_its_mark(
    apply_theme: Callable[[str], ThemeColors], qtbot: Any, choice: str
) -> None:
    colors = apply_theme(choice)
    panel = QWidget()
    qtbot.addWidget(panel)
    column = QVBoxLayout(panel)
    first, box = QCheckBox("has the focus"), QCheckBox("has it not")
    for each in (first, box):
        column.addWidget(each)
    with qtbot.waitExposed(panel):
        panel.show()
    first.setFocus()
    seen = {}
    for checked in (False, True):
        box.setChecked(checked)
        side = box.grab().toImage()
        seen[checked] = [side.pixelColor(x, side.height() // 2) for x in range(16)]
    assert contrast(seen[False][0], QColor(colors.window)) > 3, "its edge"
    assert max(contrast(color, QColor(colors.accent)) for color in seen[True]) > 4.5, "the mark on its ground"
    assert QColor(colors.accent) in seen[True]


class WithIcons(QProxyStyle):
    """As on a desktop where the buttons of dialogs have icons."""

    def styleHint(self, hint: QStyle.StyleHint, *more: Any) -> int:
        icons = hint is QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons
        return 1 if icons else super().styleHint(hint, *more)


def test_buttons_of_dialogs_have_no_icons_but_the_program_s(qapp: QApplication, qtbot: Any) -> None:
    box, style = QDialogButtonBox(), WithIcons("Fusion")
    qtbot.addWidget(box)
    box.setStyle(style)
    button = box.addButton(QDialogButtonBox.StandardButton.Close)
    assert button.icon().isNull()
    set_icon(button, "close")
    assert not button.icon().isNull()


@pytest.mark.parametrize("colors", [LIGHT, DARK])
def test_the_palettes_have_contrast(colors: ThemeColors) -> None:
    known = {field.name: getattr(colors, field.name) for field in dataclasses.fields(colors)}
    pairs = [(text, ground) for text in _TEXTS for ground in _GROUNDS]
    pairs += [("on_accent", "accent"), ("on_accent", "accent_hover")]
    found = {pair: contrast(QColor(known[pair[0]]), QColor(known[pair[1]])) for pair in pairs}
    assert {pair: value for pair, value in found.items() if value < 4.5} == {}
    series = [contrast(QColor(color), QColor(colors.base)) for color in colors.series]
    assert min(series) >= 3  # lines, not texts


@pytest.mark.parametrize(("choice", "colors"), [("light", LIGHT), ("dark", DARK)])
def test_no_icon_is_blank(qapp: QApplication, choice: str, colors: ThemeColors) -> None:
    for name in (*_ICONS, f"choose_{choice}", f"raise_{choice}"):
        picture = pixmap(name, colors.text, 32).toImage()
        pixels = [QColor.fromRgba(picture.pixel(x, y)) for x in range(picture.width()) for y in range(picture.height())]
        solid = [pixel for pixel in pixels if pixel.alpha() > 128]
        assert len(solid) > 20, name
        assert contrast(solid[0], QColor(colors.window)) > 3, name


def test_nothing_is_cut_at_twice_the_pixels(qapp: QApplication, tmp_path: Path) -> None:
    again = f"{__file__}::{test_nothing_is_cut_and_nothing_lies_on_something_else.__name__}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", again],
        env={**os.environ, "QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": "offscreen"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert f"{len(_SIZES)} passed" in done.stdout, done.stdout
