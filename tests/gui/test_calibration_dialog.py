"""Measuring the watch in the window: captures are chosen, a profile is fitted beside other work, saved and used."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QRect, Qt
from PySide6.QtWidgets import QFileDialog, QPushButton, QWidget

from app.run.session import SessionState
from app.simulation.calibration_dialog import CalibrationDialog
from app.window import Window
from tests.core.test_calibrate import captures_in
from tests.gui.audit import find_cut_texts, find_low_contrast_texts, find_overlaps
from tests.gui.window_driver import drop_files, fill_form
from trainer_core.calibration.calibrate import Calibration
from trainer_core.calibration.captures import MIN_CAPTURES
from trainer_core.calibration.distance import SCALES
from trainer_core.calibration.search import Score
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera.profile import CameraProfile

_LONG = 120_000  # milliseconds; a busy machine needs them


@pytest.fixture(scope="module")
def captures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return captures_in(tmp_path_factory.mktemp("captures"), "mono")


@pytest.fixture
def dialog(window: Window, monkeypatch: pytest.MonkeyPatch) -> Iterator[CalibrationDialog]:
    """The dialog as the button of the tab opens it, with a fit of two candidates."""
    monkeypatch.setattr("trainer_core.calibration.calibrate.DEFAULT_CANDIDATES", {"mono": 2, "color": 2})
    monkeypatch.setattr("trainer_core.calibration.calibrate._HELD_OUT_SEEDS", (101,))
    monkeypatch.setattr("app.simulation.calibration.DEFAULT_FRAMES", 3)
    monkeypatch.setattr("app.widgets.dialogs.fit_size", lambda size, screen: size)  # that of the tests is 800 wide
    window.simulation.row.calibrate_button.click()
    dialog = window.simulation.calibration_dialog
    assert dialog is not None and dialog.isVisible()
    yield dialog
    dialog.work.stop()
    dialog.close()


def add(dialog: CalibrationDialog, qtbot: Any, *paths: Path) -> None:
    dialog.choice.add(paths)
    qtbot.waitUntil(lambda: dialog.choice.note.text() != "Reading …", timeout=_LONG)


def measure(dialog: CalibrationDialog, qtbot: Any) -> None:
    with qtbot.waitSignal(dialog.work.ended, timeout=_LONG):
        qtbot.mouseClick(dialog.start_button, Qt.MouseButton.LeftButton)


def save_to(monkeypatch: pytest.MonkeyPatch, path: Path) -> list[str]:
    """Answer the file dialog with `path`; return the list of what it proposes."""
    proposed: list[str] = []

    def choose(parent: QWidget, title: str, start: str, kinds: str) -> tuple[str, str]:
        proposed.append(start)
        return str(path), ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", choose)
    return proposed


def places(dialog: CalibrationDialog) -> dict[str, QRect]:
    return {button.text(): button.geometry() for button in dialog.findChildren(QPushButton)}


def test_the_result_is_shown_in_words_and_becomes_the_profile_of_the_training(
    window: Window,
    dialog: CalibrationDialog,
    qtbot: Any,
    captures: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    workspace = tmp_path / "run"
    workspace.mkdir()
    window.project.set_path("workspace", str(workspace))
    assert not dialog.start_button.isEnabled() and not dialog.use_button.isEnabled()
    drop_files(dialog, captures)
    qtbot.waitUntil(dialog.start_button.isEnabled, timeout=_LONG)
    assert dialog.choice.note.text() == f"{MIN_CAPTURES} captures from a mono watch (WQV-1, WQV-2)."
    before = places(dialog)
    measure(dialog, qtbot)
    assert places(dialog) == before
    overall = dialog.table.texts[0]
    assert overall[0] == "All together" and overall[1] in ("close", "somewhat different", "far")
    assert overall[2] in dialog.verdict.text() or "no closer" in dialog.verdict.text()
    assert [row[0] for row in dialog.table.texts if row[1] and row[2] and row[3] and row[4]] == [
        row[0] for row in dialog.table.texts if row[0]
    ]
    proposed = save_to(monkeypatch, tmp_path / "casio")
    qtbot.mouseClick(dialog.use_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: bool(window.project.draft.config.camera_profile), timeout=_LONG)
    assert proposed == [str(workspace / "my_watch.json")]
    assert window.project.draft.config.camera_profile == str(tmp_path / "casio.json")
    assert CameraProfile.load(tmp_path / "casio.json").name == "casio"
    assert places(dialog) == before
    assert not [*find_cut_texts(dialog), *find_overlaps(dialog), *find_low_contrast_texts(dialog)]
    qtbot.waitUntil(lambda: window.project.draft.config.monochrome_style, timeout=_LONG)


@pytest.mark.parametrize(
    ("fitted", "words"),
    [
        (0.61, "Your profile is closer to your captures than the built-in one (0.80 → 0.61)."),
        (0.7999, "Your profile is hardly closer to your captures than the built-in one (0.80)."),
        (0.9, "Your profile is no closer than the built-in one."),
    ],
)
def test_the_verdict_says_whether_the_profile_is_worth_using(
    dialog: CalibrationDialog, qtbot: Any, fitted: float, words: str
) -> None:
    terms = dict.fromkeys(SCALES["mono"], 0.5)
    scores = [Score(distance, 0.5, terms) for distance in (0.8, fitted)]
    dialog.work.ended.emit(Calibration(CameraProfile.builtin("wqv1"), 12, scores[0], scores[1], (1.0, 1.0, 1.0)))
    assert dialog.verdict.accessibleName().startswith(words)


@pytest.mark.parametrize("theme_name", ["light", "dark"])
def test_every_text_fits_on_a_small_screen(dialog: CalibrationDialog, qtbot: Any, theme_name: str) -> None:
    from app.widgets.theme import theme

    before = theme().choice
    theme().set_choice(theme_name)
    try:
        qtbot.wait(50)  # until the theme's fonts and the layout are applied
        dialog.resize(dialog.minimumSizeHint())
        qtbot.wait(50)
        assert dialog.width() <= 1010 and dialog.height() <= 660
        assert not [*find_cut_texts(dialog), *find_overlaps(dialog), *find_low_contrast_texts(dialog)]
    finally:
        theme().set_choice(before)


def test_captures_that_cannot_be_measured_are_explained_in_a_sentence(
    dialog: CalibrationDialog, qtbot: Any, captures: Path, tmp_path: Path
) -> None:
    assert "drop files" in dialog.choice.note.text()
    (tmp_path / "notes.txt").write_text("no photo")
    add(dialog, qtbot, *sorted(captures.iterdir())[:3], tmp_path / "notes.txt")
    note = dialog.choice.note
    assert note.accessibleName().startswith(f"A fit needs at least {MIN_CAPTURES} different captures; usable here: 3.")
    assert "notes.txt" in note.accessibleName() and not dialog.start_button.isEnabled()
    color = np.random.default_rng(1).integers(0, 256, (144, 176, 3), dtype=np.uint8)
    Image.fromarray(color).save(tmp_path / "color.jpg")
    add(dialog, qtbot, captures, tmp_path / "color.jpg")
    qtbot.waitUntil(lambda: "two kinds of watch" in note.text(), timeout=_LONG)
    dialog.choice.list.item(dialog.choice.list.count() - 1).setSelected(True)
    dialog.choice.remove_button.click()
    qtbot.waitUntil(dialog.start_button.isEnabled, timeout=_LONG)
    dialog.choice.remove_button.click()
    assert not dialog.choice.paths and not dialog.start_button.isEnabled()


def test_a_profile_that_cannot_be_saved_says_why_and_the_result_stays(
    dialog: CalibrationDialog, qtbot: Any, captures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(dialog, qtbot, captures)
    measure(dialog, qtbot)
    (tmp_path / "notes.json").write_text("mine")
    proposed = save_to(monkeypatch, tmp_path / "notes.json")
    dialog.save_button.click()
    qtbot.waitUntil(lambda: "is not a camera profile" in dialog.saved_note.accessibleName(), timeout=_LONG)
    assert proposed == [str(captures.parent / "my_watch.json")], "without a workspace, beside the captures"
    assert (tmp_path / "notes.json").read_text() == "mine" and dialog.save_button.isEnabled()
    save_to(monkeypatch, tmp_path / "good.json")
    dialog.save_button.click()
    qtbot.waitUntil(lambda: dialog.saved_note.text() == f"Saved to {tmp_path / 'good.json'}.", timeout=_LONG)


def test_only_the_training_thread_fits_and_a_stop_ends_it(
    window: Window, dialog: CalibrationDialog, qtbot: Any, captures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads: set[str] = set()
    real = simulate_photos

    def watched(*arguments: Any) -> Any:
        threads.add(threading.current_thread().name)
        return real(*arguments)

    monkeypatch.setattr("trainer_core.calibration.search.simulate_photos", watched)
    monkeypatch.setattr("trainer_core.calibration.calibrate.DEFAULT_CANDIDATES", {"mono": 100_000})
    submitted: list[str] = []
    window.training.submit(lambda: submitted.append(threading.current_thread().name), lambda _: None, lambda _: None)
    add(dialog, qtbot, captures)
    dialog.start_button.click()
    qtbot.waitUntil(lambda: "Tried 2 of" in dialog.status.text(), timeout=_LONG)
    assert threads == set(submitted) and not dialog.start_button.isEnabled()
    qtbot.mouseClick(dialog.stop_button, Qt.MouseButton.LeftButton)
    assert dialog.status.text() == "Stopped. Nothing was written." and dialog.start_button.isEnabled()
    answered: list[None] = []
    window.training.submit(lambda: None, answered.append, lambda error: None)
    qtbot.waitUntil(lambda: bool(answered), timeout=_LONG)


def test_a_watch_is_measured_between_the_steps_of_a_training_and_the_profile_waits_for_its_end(
    window: Window, dialog: CalibrationDialog, qtbot: Any, captures: Path, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100_000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.controller.start()
    qtbot.waitUntil(lambda: window.session.state is SessionState.TRAINING, timeout=_LONG)
    add(dialog, qtbot, captures)
    reports: list[str] = []
    dialog.message_posted.connect(lambda level, text: reports.append(text))
    with qtbot.waitSignal(dialog.work.ended, timeout=_LONG):
        dialog.start_button.click()
        dialog.close()
    assert window.session.state is SessionState.TRAINING
    assert len(reports) == 1 and reports[0].startswith("Your watch is measured.")
    assert dialog.save_button.isEnabled() and not dialog.use_button.isEnabled()
    assert "once the training has ended" in dialog.use_button.toolTip()
    window.session.stop()
    qtbot.waitUntil(dialog.use_button.isEnabled, timeout=_LONG)


def test_the_captures_of_the_tab_and_the_photos_of_the_form_are_chosen_already(
    window: Window, dialog: CalibrationDialog, qtbot: Any, captures: Path, photos: Path, tmp_path: Path
) -> None:
    dialog.close()
    window.simulation.add_captures(sorted(captures.iterdir()))
    qtbot.waitUntil(lambda: len(window.simulation.row.captures) == MIN_CAPTURES, timeout=_LONG)
    window.simulation.row.calibrate_button.click()
    assert dialog.choice.paths == sorted(captures.iterdir())
    assert not dialog.photos_button.isEnabled() and "at least" in dialog.photos_button.toolTip()


def test_closing_the_window_ends_the_work(
    window: Window, dialog: CalibrationDialog, qtbot: Any, captures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("trainer_core.calibration.calibrate.DEFAULT_CANDIDATES", {"mono": 100_000})
    add(dialog, qtbot, captures)
    dialog.start_button.click()
    qtbot.waitUntil(lambda: "Tried 1 of" in dialog.status.text(), timeout=_LONG)
    window.close()
    assert not window.training.isRunning() and not dialog.isVisible() and not window.has_stuck_work
