"""Enlarging photos in the window with the built-in models, one or all of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PySide6.QtWidgets import QFileDialog

from app.deploy.trial import OTHER_MODEL, THIS_MODEL
from app.deploy.trial_dialog import TrialDialog
from app.window import Window
from tests.core.networks import network_of, saved
from tests.core.starter_files import use_starters
from tests.gui.audit import find_cut_texts, find_overlaps
from tests.gui.test_accessibility import nameless
from tests.gui.test_deploy import click, wait_for
from tests.gui.window_driver import drop_files
from tests.small_runs import picture
from trainer_core.model.spec import NetworkSpec
from trainer_core.verbs.enlarge import enlarge

_LONG = 60000  # milliseconds; a busy machine needs them


@pytest.fixture(autouse=True)
def starters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x4", "wqv10_x4")


@pytest.fixture
def photos(tmp_path: Path) -> list[Path]:
    """A gray photo and a color photo."""
    gray, color = tmp_path / "gray.png", tmp_path / "color.png"
    picture(1).convert("L").resize((40, 30)).save(gray)
    picture(2).resize((36, 28)).save(color)
    return [gray, color]


def enlarging(window: Window, qtbot: Any) -> TrialDialog:
    """The window, opened from the first page."""
    click(qtbot, window.welcome.enlarge_button)
    deployment = window.controller.deployment
    qtbot.waitUntil(lambda: deployment.trial_dialog is not None and deployment.trial_dialog.isVisible(), timeout=_LONG)
    assert deployment.trial_dialog is not None
    return deployment.trial_dialog


def enlarged(photo: Path, folder: Path) -> np.ndarray:
    """What the command line makes of a photo."""
    return np.asarray(Image.open(enlarge([photo], folder).written[0]))


def show(dialog: TrialDialog, qtbot: Any, name: str) -> None:
    row = next(row for row in range(dialog.photos.list.count()) if dialog.photos.list.item(row).text() == name)
    dialog.photos.list.setCurrentRow(row)
    qtbot.waitUntil(lambda: dialog.trial.photo is not None and dialog.trial.photo.name == name, timeout=_LONG)


def test_each_photo_gets_the_built_in_model_that_suits_it(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    dialog = enlarging(window, qtbot)
    assert dialog.choices[THIS_MODEL].is_built_in and not dialog.save_all_button.isEnabled()
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    for photo, gray in zip(photos, (True, False)):
        show(dialog, qtbot, photo.stem)
        assert (wait_for(qtbot, dialog) == enlarged(photo, tmp_path / photo.stem)).all()
        assert dialog.trial.models[THIS_MODEL].gray == gray
        assert dialog.choices[THIS_MODEL].is_built_in
    assert not find_cut_texts(dialog) and not find_overlaps(dialog) and not nameless(dialog)


def test_all_photos_are_saved_as_the_command_line_saves_them_and_none_is_replaced(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "gray.png").write_bytes(b"mine")
    dialog = enlarging(window, qtbot)
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2 and dialog.save_all_button.isEnabled(), timeout=_LONG)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: str(folder))
    click(qtbot, dialog.save_all_button)
    qtbot.waitUntil(lambda: f"Saved 2 photos to {folder}." in dialog.messages.text, timeout=_LONG)
    assert (folder / "gray.png").read_bytes() == b"mine"
    for name, photo in (("gray_2", photos[0]), ("color", photos[1])):
        result = Image.open(folder / f"{name}.png")
        assert (np.asarray(result) == enlarged(photo, tmp_path / name)).all()
        by_command = Image.open(tmp_path / name / f"{photo.stem}.png")
        assert result.text == by_command.text and "Model SHA-256" in result.text  # type: ignore[attr-defined]
    assert dialog.save_all_button.isEnabled()


def test_a_photo_that_cannot_be_read_is_skipped_and_named(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    dialog = enlarging(window, qtbot)
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    photos[0].write_bytes(b"no picture")
    (tmp_path / "large").mkdir()
    dialog.save_all(tmp_path / "large")
    qtbot.waitUntil(lambda: "Saved 1 photo to" in dialog.messages.text, timeout=_LONG)
    assert "Skipped: " in dialog.messages.text and "gray.png" in dialog.messages.text


def test_saving_all_can_be_canceled_and_closing_ends_it(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    large = tmp_path / "a_large.png"
    picture(5).resize((400, 300)).save(large)
    (tmp_path / "large").mkdir()
    dialog = enlarging(window, qtbot)
    drop_files(dialog, large, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 3, timeout=_LONG)
    dialog.save_all(tmp_path / "large")
    assert dialog.batch.is_running and not dialog.save_all_button.isEnabled()
    assert dialog.continue_button.isVisible() and dialog.continue_button.text() == "Cancel"
    click(qtbot, dialog.continue_button)
    qtbot.waitUntil(lambda: "Canceled. Saved" in dialog.messages.text, timeout=_LONG)
    dialog.save_all(tmp_path / "large")
    dialog.close()
    assert not dialog.batch.is_running
    answered: list[int] = []
    window.training.submit(lambda: 1, answered.append, lambda error: None)
    qtbot.waitUntil(lambda: answered == [1], timeout=_LONG)


def test_another_model_replaces_the_built_in_one_for_all_photos(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    own = saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "own_x2.pth")
    dialog = enlarging(window, qtbot)
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    dialog.load_model(THIS_MODEL, own)
    assert not dialog.choices[THIS_MODEL].is_built_in
    for photo in photos:
        show(dialog, qtbot, photo.stem)
        pixels = wait_for(qtbot, dialog)
        assert pixels.shape[0] == 2 * Image.open(photo).height
    (tmp_path / "large").mkdir()
    dialog.save_all(tmp_path / "large")
    qtbot.waitUntil(lambda: "Saved 2 photos" in dialog.messages.text, timeout=_LONG)
    assert "own_x2" in Image.open(tmp_path / "large" / "color.png").text["Description"]  # type: ignore[attr-defined]


def test_a_dropped_model_is_compared_with_the_built_in_one(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    own = saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "own_x2.pth")
    dialog = enlarging(window, qtbot)
    drop_files(dialog, own, photos[0])
    wait_for(qtbot, dialog, OTHER_MODEL)
    assert (wait_for(qtbot, dialog) == enlarged(photos[0], tmp_path / "gray")).all()
    assert dialog.choices[OTHER_MODEL].path == own and dialog.choices[THIS_MODEL].is_built_in
