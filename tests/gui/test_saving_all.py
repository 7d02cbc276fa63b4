"""Saving of all photos of the window "Enlarge photos": the warning before it, and how it is stopped."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any, Callable

import pytest
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtWidgets import QMessageBox

from app.enlarge import messages
from app.enlarge.trial import THIS_MODEL
from app.enlarge.trial_dialog import TrialDialog
from app.widgets import cards
from app.window import Window
from tests.core.networks import network_of, saved
from tests.core.starter_files import use_starters
from tests.gui.audit import find_cut_texts, find_overlaps
from tests.gui.test_accessibility import nameless
from tests.gui.test_deploy import click
from tests.gui.test_enlarging import asked_for_folder, enlarging, is_loaded
from tests.gui.window_driver import answer, drop_files, visible_text
from tests.small_runs import picture
from trainer_core.model.spec import NetworkSpec

_LONG = 240_000  # milliseconds; a busy machine needs them


@pytest.fixture
def saving(window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrialDialog:
    """The window that enlarges, while it saves the second photo of two."""
    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x4", "wqv10_x4")
    photos = [tmp_path / "a_small.png", tmp_path / "b_large.png"]
    for photo, size in zip(photos, ((30, 20), (900, 600))):
        picture(5).resize(size).save(photo)
    dialog = enlarging(window, qtbot)
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    dialog.save_all(tmp_path / "large")
    qtbot.waitUntil(lambda: dialog.batch.done == 1, timeout=_LONG)
    return dialog


def questions(dialog: TrialDialog) -> list[QMessageBox]:
    return [box for box in dialog.findChildren(QMessageBox) if box.isVisible()]


@pytest.mark.parametrize("key", [None, Qt.Key.Key_Escape])
def test_closing_asks_before_it_stops_saving(
    window: Window, qtbot: Any, saving: TrialDialog, key: Qt.Key | None
) -> None:
    def close() -> None:
        qtbot.keyClick(saving, key) if key else saving.close()

    close()
    (question,) = questions(saving)
    assert question.objectName() == "Stop saving?" and question.informativeText() == "1 of 2 photos is saved."
    assert question.defaultButton().text() == "Continue saving"
    answer(window, qtbot, "Continue saving")
    assert saving.isVisible() and saving.batch.is_running and not questions(saving)
    close()
    answer(window, qtbot, "Stop")
    assert not saving.isVisible() and not saving.batch.is_running and not questions(saving)
    assert saving.messages.text.startswith("Canceled. Saved 1 photo to")
    assert window.message_strip.text == saving.messages.text


def test_what_was_saved_stays_with_a_button_for_the_folder_until_something_else_is_done(
    qtbot: Any, saving: TrialDialog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[Path] = []
    monkeypatch.setattr(messages, "open_folder", opened.append)
    monkeypatch.setattr(cards, "_INFO_SECONDS", 0)
    qtbot.waitUntil(lambda: "Saved 2 photos to" in saving.messages.text, timeout=_LONG)
    qtbot.wait(50)
    assert saving.messages.isVisible() and not find_cut_texts(saving.messages)
    click(qtbot, saving.messages.folder_button)
    assert opened == [tmp_path / "large"]
    drop_files(saving, tmp_path / "a_small.png")
    assert not saving.messages.is_open
    saving.messages.show_message("warning", "Another one.")
    assert not saving.messages.folder_button.isVisible()


def places(dialog: TrialDialog) -> list[QRect]:
    """Return where the parts of the window lie that a message could move."""
    parts = (dialog.photos, dialog.trial_view.view, dialog.save_all_button, *dialog.models.fields.values())
    return [QRect(part.mapTo(dialog, QPoint()), part.size()) for part in parts]


def test_no_message_moves_anything(qtbot: Any, saving: TrialDialog, tmp_path: Path) -> None:
    qtbot.wait(100)
    before = places(saving)
    qtbot.waitUntil(lambda: "Saved 2 photos to" in saving.messages.text, timeout=_LONG)
    qtbot.wait(100)
    assert saving.messages.isVisible() and places(saving) == before
    skipped = "\n".join(f"Skipped: photo {number} is damaged." for number in range(9))
    changes: list[Callable[[], object]] = [
        lambda: saving.messages.show_saved("warning", f"Saved 1 photo to {tmp_path}.\n{skipped}", tmp_path),
        saving.photos.remove,
        saving.messages.dismiss,
        lambda: saving.models.fields[THIS_MODEL].describe(
            Path("a"), "4 times larger, in color\nNo step is better yet.", ""
        ),
    ]
    for change in changes:
        change()
        qtbot.wait(100)
        assert places(saving) == before


def test_a_message_gives_way_to_the_text_about_another_photo(qtbot: Any, saving: TrialDialog) -> None:
    qtbot.waitUntil(lambda: "Saved 2 photos to" in saving.messages.text, timeout=_LONG)
    saving.photos.list.setCurrentRow(1)
    assert not saving.messages.is_open
    qtbot.waitUntil(lambda: saving.caption.startswith("b_large · 900 × 600"), timeout=_LONG)
    assert "b_large" in visible_text(saving)
    saving.photos.remove()
    assert saving.messages.undo_button.isVisible(), "the program has selected the photo"


def test_the_time_left_is_shown_once_a_photo_is_saved(saving: TrialDialog) -> None:
    saving.batch._begun = time.monotonic() - 300
    saving.batch.changed.emit()
    assert saving.caption == "Saving photo 2 of 2 … 5 minutes left"


def test_the_question_closes_when_all_photos_are_saved(qtbot: Any, saving: TrialDialog) -> None:
    saving.close()
    assert questions(saving)
    saving.batch._end()
    assert not questions(saving) and saving.isVisible()


def test_the_end_of_the_program_stops_saving_without_a_question(window: Window, saving: TrialDialog) -> None:
    window.close()
    assert not saving.isVisible() and not saving.batch.is_running and not questions(saving)


def test_a_gray_model_that_would_remove_color_is_named_before_all_photos_are_saved(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x4", "wqv10_x4")
    gray = saved(network_of(NetworkSpec(4, 8, 1, 4, 1, 1)), tmp_path / "gray_x4.pth")
    photos = [tmp_path / f"{name}.png" for name in ("a_gray", "b_color", "c_color")]
    for photo, mode in zip(photos, ("L", "RGB", "RGB")):
        picture(1).convert(mode).resize((30, 20)).save(photo)
    dialog = enlarging(window, qtbot)

    def warning(*added: Path) -> str | None:
        drop_files(dialog, *added)
        qtbot.waitUntil(lambda: set(added) <= set(dialog.photos.files), timeout=_LONG)
        qtbot.waitUntil(dialog.save_all_button.isEnabled, timeout=_LONG)
        question = asked_for_folder(dialog, qtbot)
        qtbot.waitUntil(lambda: not find_cut_texts(question) and not find_overlaps(question))
        assert not nameless(question)
        text = question.warning.text() if question.warning.isVisible() else None
        question.reject()
        return text

    assert warning(*photos[:2]) is None, "the built-in models suit each photo"
    dialog.models.load_model(THIS_MODEL, gray)
    assert not dialog.save_all_button.isEnabled(), "it would judge by the model before"
    qtbot.waitUntil(lambda: is_loaded(dialog, THIS_MODEL, gray), timeout=_LONG)
    assert warning(photos[0]) == "1 of the 2 photos is in color; this model makes it gray."
    assert warning(photos[2]) == "2 of the 3 photos are in color; this model makes them gray."
    dialog.photos.list.setCurrentRow(0)
    dialog.photos.remove()
    assert warning(photos[1]) == "All 2 photos are in color; this model makes them gray."
    dialog.photos.remove()
    assert warning(photos[2]) == "The photo is in color; this model makes it gray."
