"""Enlarging photos in the window with the built-in models, one or all of them."""

from __future__ import annotations

import atexit
from functools import partial
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDrag, QDragEnterEvent, QGuiApplication, QMouseEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QWidget

from app.enlarge import photo_list
from app.enlarge.save_all_dialog import SaveAllDialog
from app.enlarge.trial import OTHER_MODEL, THIS_MODEL
from app.enlarge.trial_dialog import TrialDialog
from app.preview import image_menu
from app.preview.compare import SIDE_BY_SIDE, SLIDER
from app.preview.pictures import BICUBIC
from app.widgets.dropped_files import paths_of
from app.widgets.file_filters import store_folder
from app.window import Window
from tests.core.networks import network_of, saved
from tests.core.starter_files import use_starters
from tests.gui.audit import find_cut_texts, find_overlaps
from tests.gui.test_accessibility import nameless
from tests.gui.test_deploy import click, wait_for
from tests.gui.window_driver import drop_files, visible_text
from tests.small_runs import picture
from trainer_core.model.spec import NetworkSpec
from trainer_core.pixels import has_color
from trainer_core.verbs.enlarge import enlarge

_LONG = 240_000  # milliseconds; a busy machine needs them
_NO_KEYS = Qt.KeyboardModifier.NoModifier


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
    click(qtbot, window.start_page.enlarge_button)
    deployment = window.deployment
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


def is_loaded(dialog: TrialDialog, role: str, path: Path) -> bool:
    return role in dialog.trial.models and dialog.trial.models[role].path == path


def asked_for_folder(dialog: TrialDialog, qtbot: Any) -> SaveAllDialog:
    """The question where to save all photos."""
    click(qtbot, dialog.save_all_button)
    return next(each for each in dialog.findChildren(SaveAllDialog) if each.isVisible())


def save_all_into(dialog: TrialDialog, qtbot: Any, folder: str) -> None:
    """Save all photos into a folder, which is typed."""
    question = asked_for_folder(dialog, qtbot)
    question.line.selectAll()
    qtbot.keyClicks(question.line, folder)
    click(qtbot, question.save_button)


def test_each_photo_gets_the_built_in_model_that_suits_it(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    dialog = enlarging(window, qtbot)
    assert dialog.models.choices[THIS_MODEL].is_built_in and not dialog.save_all_button.isEnabled()
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    for photo, gray in zip(photos, (True, False)):
        show(dialog, qtbot, photo.stem)
        assert (wait_for(qtbot, dialog) == enlarged(photo, tmp_path / photo.stem)).all()
        assert dialog.trial.models[THIS_MODEL].gray == gray
        assert dialog.models.choices[THIS_MODEL].is_built_in
    qtbot.waitUntil(lambda: not find_cut_texts(dialog))  # as soon as the row without "Cancel" is laid out
    assert not find_overlaps(dialog) and not nameless(dialog)


def test_the_model_that_is_loaded_for_another_photo_is_named(window: Window, qtbot: Any, photos: list[Path]) -> None:
    dialog = enlarging(window, qtbot)
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    field, seen = dialog.models.fields[THIS_MODEL], set()
    dialog.trial.changed.connect(lambda: seen.add((field.description, dialog.trial_view.view.notes[THIS_MODEL])))
    for photo, kind, models in zip(photos, ("mono", "color"), ("WQV-1, WQV-2", "WQV-3, WQV-10")):
        show(dialog, qtbot, photo.stem)
        wait_for(qtbot, dialog)
        assert field.description == f"For photos of the {kind} watch ({models}), 4 times larger"
    assert ("Loading the built-in model (color watch, x4) …", "loading the model …") in seen


def test_models_that_fit_are_the_first_to_compare_with(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path / "more", "wqv1_x2", "wqv1_x4", "wqv10_x2", "wqv10_x4")
    dialog = enlarging(window, qtbot)
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    box = dialog.models.choices[OTHER_MODEL].box
    for photo, kinds in zip(photos, (("mono", "color"), ("color", "mono"))):
        show(dialog, qtbot, photo.stem)
        wait_for(qtbot, dialog)
        texts = [box.itemText(row) for row in range(box.count())]
        assert texts[:3] == ["No other model", f"Built-in model · {kinds[0]} watch · x4", ""]
        assert f"Built-in model · {kinds[1]} watch · x4" in texts[3:] and len(texts) == 6


def test_the_scale_of_the_built_in_models_is_chosen_in_the_window(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [f"{watch}_x{scale}" for watch in ("wqv1", "wqv10") for scale in (2, 4)]
    use_starters(monkeypatch, tmp_path / "more", *names)
    dialog = enlarging(window, qtbot)
    assert dialog.models.scale.isVisible() and dialog.models.scale.currentText() == "x4"
    drop_files(dialog, photos[0])
    assert wait_for(qtbot, dialog).shape[:2] == (120, 160)
    dialog.models.scale.setCurrentIndex(dialog.models.scale.findText("x2"))
    dialog.models.scale.activated.emit(dialog.models.scale.currentIndex())
    qtbot.waitUntil(lambda: THIS_MODEL in dialog.trial.models and dialog.trial.models[THIS_MODEL].scale == 2)
    assert wait_for(qtbot, dialog).shape[:2] == (60, 80)
    dialog.save_all(tmp_path / "large")
    qtbot.waitUntil(lambda: "Saved 1 photo to" in dialog.messages.text, timeout=_LONG)
    assert np.asarray(Image.open(tmp_path / "large" / "gray.png")).shape[:2] == (60, 80)


def test_a_gray_photo_stays_gray_with_a_color_model_of_the_user(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    own = saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "own_x2.pth")
    dialog = enlarging(window, qtbot)
    drop_files(dialog, own, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    dialog.models.load_model(THIS_MODEL, own)
    qtbot.waitUntil(lambda: is_loaded(dialog, THIS_MODEL, own), timeout=_LONG)
    for photo, is_gray in zip(photos, (True, False)):
        show(dialog, qtbot, photo.stem)
        result = wait_for(qtbot, dialog)
        assert has_color(result) != is_gray and dialog.caption.endswith(", stays gray") == is_gray
        (command,) = enlarge([photo], tmp_path / photo.stem, model=own).written
        assert has_color(np.asarray(Image.open(command).convert("RGB"))) != is_gray


def test_photos_that_were_removed_from_the_list_come_back_to_their_places(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    dialog = enlarging(window, qtbot)
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    wait_for(qtbot, dialog)
    before, first = dialog.photos.items, dialog.photos.list.item(0).text()
    dialog.photos.list.setCurrentRow(0)
    dialog.photos.list.setFocus()
    qtbot.keyClick(dialog.photos.list, Qt.Key.Key_Delete)
    assert dialog.messages.text == f"{first} is no longer in the list. Its file is kept."
    qtbot.keyClick(dialog.photos.list, Qt.Key.Key_Delete)
    assert not dialog.photos.items and dialog.messages.undo_button.isVisible() and not find_cut_texts(dialog.messages)
    click(qtbot, dialog.messages.undo_button)
    assert len(dialog.photos.items) == 1 and not dialog.messages.is_open
    qtbot.keyClick(dialog, Qt.Key.Key_Z, Qt.KeyboardModifier.ControlModifier)
    assert dialog.photos.items == before
    show(dialog, qtbot, first)
    wait_for(qtbot, dialog)


def test_a_photo_that_was_removed_and_added_again_does_not_come_back_twice(
    window: Window, qtbot: Any, photos: list[Path]
) -> None:
    dialog = enlarging(window, qtbot)
    drop_files(dialog, photos[0])
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 1, timeout=_LONG)
    dialog.photos.remove()
    drop_files(dialog, photos[0])
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 1, timeout=_LONG)
    dialog.photos.undo_removal()
    assert dialog.photos.files == [photos[0]]


def test_one_scale_is_no_choice(window: Window, qtbot: Any) -> None:
    dialog = enlarging(window, qtbot)
    assert dialog.models.choices[THIS_MODEL].is_built_in and not dialog.models.scale.isVisible()


def test_all_photos_are_saved_as_the_command_line_saves_them_and_none_is_replaced(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    (folder / "gray.png").write_bytes(b"mine")
    dialog = enlarging(window, qtbot)
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2 and dialog.save_all_button.isEnabled(), timeout=_LONG)
    save_all_into(dialog, qtbot, str(folder))
    qtbot.waitUntil(lambda: f"Saved 2 photos to {folder}." in dialog.messages.text, timeout=_LONG)
    assert (folder / "gray.png").read_bytes() == b"mine"
    for name, photo in (("gray_2", photos[0]), ("color", photos[1])):
        result = Image.open(folder / f"{name}.png")
        assert (np.asarray(result) == enlarged(photo, tmp_path / name)).all()
        by_command = Image.open(tmp_path / name / f"{photo.stem}.png")
        assert result.text == by_command.text and "Model SHA-256" in result.text  # type: ignore[attr-defined]
    assert dialog.save_all_button.isEnabled()


def test_a_folder_that_does_not_exist_is_created_for_all_photos_and_proposed_again(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pictures").mkdir()
    store_folder("picture_folder", tmp_path / "pictures" / "any")
    dialog = enlarging(window, qtbot)
    drop_files(dialog, photos[0])
    qtbot.waitUntil(dialog.save_all_button.isEnabled, timeout=_LONG)
    question = asked_for_folder(dialog, qtbot)
    qtbot.waitUntil(lambda: not find_cut_texts(question) and not find_overlaps(question))
    assert not nameless(question)
    assert question.folder == tmp_path / "pictures" / "enlarged" and "New folder" in question.note.text()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: given[2])
    question._browse()
    assert question.folder == tmp_path / "pictures", "the nearest folder that there is"
    question.line.setText("large")
    assert question.folder == tmp_path / "pictures" / "large", "a name is a folder beside the proposed one"
    qtbot.keyClick(question.line, Qt.Key.Key_Return)
    qtbot.waitUntil(
        lambda: f"Saved 1 photo to {tmp_path / 'pictures' / 'large'}." in dialog.messages.text, timeout=_LONG
    )
    again = asked_for_folder(dialog, qtbot)
    assert again.folder == tmp_path / "pictures" / "large" and "are kept" in again.note.text()
    again.line.setText(str(photos[0]))
    assert not again.save_button.isEnabled() and "This is a file" in again.note.text()
    again.reject()


def test_a_folder_that_cannot_be_created_is_reported(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    dialog = enlarging(window, qtbot)
    drop_files(dialog, photos[0])
    qtbot.waitUntil(dialog.save_all_button.isEnabled, timeout=_LONG)
    save_all_into(dialog, qtbot, str(photos[1] / "below a file"))
    qtbot.waitUntil(lambda: "is a file. Choose a folder." in dialog.messages.text, timeout=_LONG)
    assert not dialog.batch.is_running and dialog.save_all_button.isEnabled()


def test_an_empty_window_asks_for_photos_and_folders(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = enlarging(window, qtbot)
    invitation, folder = dialog.invitation, tmp_path / "photos"
    assert invitation.isVisible() and "Drop photos or a folder here" in visible_text(dialog)
    qtbot.waitUntil(lambda: not find_cut_texts(dialog) and not find_overlaps(dialog))
    assert not dialog.trial_view.isVisible()
    dialog.grab()  # also resizes what is hidden
    folder.mkdir()
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *given: ([str(photos[0])], ""))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: str(folder))
    click(qtbot, invitation.photos_button)
    qtbot.waitUntil(lambda: dialog.photos.files == photos[:1], timeout=_LONG)
    qtbot.waitUntil(dialog.trial_view.isVisible, timeout=_LONG)
    assert not invitation.isVisible()
    dialog.photos.remove()
    qtbot.waitUntil(invitation.isVisible, timeout=_LONG)
    click(qtbot, invitation.folder_button)
    qtbot.waitUntil(lambda: f"{folder} and its subfolders contain no photos" in dialog.messages.text, timeout=_LONG)
    (folder / "camera").mkdir()
    photos[1].rename(folder / "camera" / "color.png")
    click(qtbot, dialog.photos.folder_button)
    qtbot.waitUntil(lambda: dialog.photos.files == [folder / "camera" / "color.png"], timeout=_LONG)
    assert dialog.messages.text == "", "the refusal of the first attempt"


def test_only_the_first_photos_of_a_large_folder_are_added(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photo_list, "_MAX_ADDED", 1)
    dialog = enlarging(window, qtbot)
    (tmp_path / "folder").mkdir()
    for photo in photos:
        photo.rename(tmp_path / "folder" / photo.name)
    drop_files(dialog, tmp_path / "folder")
    qtbot.waitUntil(lambda: dialog.photos.files == [tmp_path / "folder" / "color.png"], timeout=_LONG)
    assert dialog.messages.text == "Only the first 1 photos were added."


def test_a_photo_that_cannot_be_read_is_skipped_and_named(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path
) -> None:
    dialog = enlarging(window, qtbot)
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    photos[0].write_bytes(b"no picture")
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
    dialog.close_at_once()
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
    dialog.models.load_model(THIS_MODEL, own)
    assert not dialog.models.choices[THIS_MODEL].is_built_in
    qtbot.waitUntil(lambda: is_loaded(dialog, THIS_MODEL, own), timeout=_LONG)
    for photo in photos:
        show(dialog, qtbot, photo.stem)
        pixels = wait_for(qtbot, dialog)
        assert pixels.shape[0] == 2 * Image.open(photo).height
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
    assert dialog.models.choices[OTHER_MODEL].path == own and dialog.models.choices[THIS_MODEL].is_built_in


def test_a_part_of_the_enlarged_photo_is_saved_with_the_model_that_made_it(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = enlarging(window, qtbot)
    view = dialog.trial_view.view
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: (str(tmp_path / "cut.png"), ""))

    def save() -> None:
        next(a for a in view.make_menu(THIS_MODEL).actions() if a.text() == "Cut out and save …").trigger()

    drop_files(dialog, photos[0])
    wait_for(qtbot, dialog)
    save()
    qtbot.waitUntil(lambda: f"Saved to {tmp_path / 'cut.png'}." in dialog.messages.text, timeout=_LONG)
    enlarge([photos[0]], tmp_path / "all")
    whole, part = (Image.open(path) for path in (tmp_path / "all" / "gray.png", tmp_path / "cut.png"))
    assert (np.asarray(part)[:, -160:] == np.asarray(whole)).all() and part.size == (160 + 8 + 160, 120)
    texts = part.text  # type: ignore[attr-defined]
    assert texts.pop("Cut-out").endswith(f"pixels at 0, 0 of Plain enlargement (bicubic), {THIS_MODEL}")
    assert texts == whole.text  # type: ignore[attr-defined]
    opened: list[Path] = []
    monkeypatch.setattr(image_menu, "open_folder", opened.append)
    for entry in ("Save picture …", "Show in folder"):
        next(a for a in view.make_menu(THIS_MODEL).actions() if a.text() == entry).trigger()
    qtbot.waitUntil(lambda: Image.open(tmp_path / "cut.png").size == (160, 120), timeout=_LONG)
    picture_ = Image.open(tmp_path / "cut.png")
    assert (np.asarray(picture_) == np.asarray(whole)).all() and opened == [photos[0].parent]
    assert picture_.text == {**texts, "View": THIS_MODEL}  # type: ignore[attr-defined]
    monkeypatch.setattr(type(dialog.trial), "result", lambda trial, role: None)
    save()
    assert "not enlarged yet" in dialog.messages.text
    dialog.messages.dismiss()
    view.set_mode(BICUBIC)  # no plain enlargement either: its size comes with the model
    save()
    assert "not enlarged yet" in dialog.messages.text


def drag_from(qtbot: Any, widget: QWidget, place: QPoint, keys: Qt.KeyboardModifier = _NO_KEYS) -> None:
    """Press on a widget, move the mouse, and release it."""
    left, none = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
    qtbot.mousePress(widget, left, keys, place)
    for distance in (20, 40):
        at = QPointF(place + QPoint(distance, 0))
        QApplication.sendEvent(widget, QMouseEvent(QEvent.Type.MouseMove, at, widget.mapToGlobal(at), none, left, keys))
    qtbot.mouseRelease(widget, left, keys, place)


def test_a_photo_dragged_from_the_list_is_a_file_of_it_enlarged(
    window: Window, qtbot: Any, photos: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = enlarging(window, qtbot)
    dragged: list[Path] = []
    at_exit: list[Callable[[], None]] = []
    monkeypatch.setattr(atexit, "register", lambda call, *given, **more: at_exit.append(partial(call, *given, **more)))
    monkeypatch.setattr(QDrag, "exec", lambda drag, action: dragged.extend(paths_of(drag.mimeData())))
    monkeypatch.setattr(QGuiApplication, "mouseButtons", lambda: Qt.MouseButton.LeftButton)
    drop_files(dialog, photos[0])
    wait_for(qtbot, dialog)
    listed = dialog.photos.list
    for number in range(2):
        drag_from(qtbot, listed.viewport(), listed.visualItemRect(listed.currentItem()).center())
        qtbot.waitUntil(lambda number=number: len(dragged) == number + 1, timeout=_LONG)
    first, second = dragged
    assert first.name == second.name == "gray_x4.png" and first != second, "the first may still be read"
    enlarge([photos[0]], tmp_path / "all")
    result, by_command = (Image.open(path) for path in (first, tmp_path / "all" / "gray.png"))
    assert (np.asarray(result) == np.asarray(by_command)).all()
    assert result.text == by_command.text  # type: ignore[attr-defined]
    (remove,) = at_exit
    remove()
    assert not first.exists() and not second.parent.parent.exists()


def test_the_enlarged_photo_is_dragged_out_of_the_view_where_the_mouse_moves_nothing_else_or_with_ctrl(
    window: Window, qtbot: Any, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = enlarging(window, qtbot)
    view, dragged = dialog.trial_view.view, []
    monkeypatch.setattr(QDrag, "exec", lambda drag, action: dragged.extend(paths_of(drag.mimeData())))
    monkeypatch.setattr(QGuiApplication, "mouseButtons", lambda: Qt.MouseButton.LeftButton)
    drop_files(dialog, photos[0])
    wait_for(qtbot, dialog)

    def is_dragged(mode: str, place: QPoint, keys: Qt.KeyboardModifier = _NO_KEYS, zoom: int = 0) -> bool:
        view.set_mode(mode)
        view.set_zoom(zoom)
        dragged.clear()
        drag_from(qtbot, view, place, keys)
        qtbot.waitUntil(lambda: not dialog._background.is_busy, timeout=_LONG)
        qtbot.wait(50)
        return [file.name for file in dragged] == ["gray_x4.png"]

    def beside(role: str) -> QPoint:
        """Return a point on an image beside the others."""
        view.set_mode(SIDE_BY_SIDE)
        size = view.size() / 4
        points = [QPoint(x * size.width(), y * size.height()) for x in (1, 3) for y in (1, 3)]
        return next(point for point in points if view._view_at(point) == role)

    middle = view.rect().center()
    control = Qt.KeyboardModifier.ControlModifier
    assert is_dragged(SLIDER, middle, control) and is_dragged(THIS_MODEL, middle, control, zoom=2)
    assert is_dragged(THIS_MODEL, middle) and is_dragged(SIDE_BY_SIDE, beside(THIS_MODEL))
    assert not is_dragged(SLIDER, middle), "the slider moves"
    assert not is_dragged(THIS_MODEL, middle, zoom=2), "the image moves"
    assert not is_dragged(BICUBIC, middle) and not is_dragged(SIDE_BY_SIDE, beside(BICUBIC))
    assert not is_dragged(THIS_MODEL, middle, Qt.KeyboardModifier.ShiftModifier), "a part is marked"


def test_a_drag_that_is_too_early_says_so_and_one_that_ended_begins_nothing(
    window: Window, qtbot: Any, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = enlarging(window, qtbot)
    begun: list[QDrag] = []
    monkeypatch.setattr(QDrag, "exec", lambda drag, action: begun.append(drag))
    drop_files(dialog, *photos)
    qtbot.waitUntil(lambda: dialog.photos.list.count() == 2, timeout=_LONG)
    show(dialog, qtbot, "gray")
    wait_for(qtbot, dialog)
    dialog.photos.list.setCurrentRow(1)  # whose pixels are read a moment later
    dialog.photos.drag_requested.emit()
    assert "not enlarged yet" in dialog.messages.text and dialog.drag_out._folder is None
    show(dialog, qtbot, "color")
    wait_for(qtbot, dialog)
    monkeypatch.setattr(QGuiApplication, "mouseButtons", lambda: Qt.MouseButton.NoButton)
    dialog.photos.drag_requested.emit()
    qtbot.waitUntil(lambda: dialog.drag_out._folder is not None and not dialog._background.is_busy, timeout=_LONG)
    qtbot.wait(50)
    assert begun == []


def test_what_is_dragged_out_is_not_dropped_into_the_same_program(
    window: Window, qtbot: Any, photos: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = enlarging(window, qtbot)
    for target in (dialog, window):
        for source, accepted in ((dialog.photos.list, False), (None, True)):
            data = QMimeData()
            data.setUrls([QUrl.fromLocalFile(str(photos[0]))])
            copy, none = Qt.DropAction.CopyAction, Qt.KeyboardModifier.NoModifier
            event = QDragEnterEvent(QPoint(5, 5), copy, data, Qt.MouseButton.LeftButton, none)
            monkeypatch.setattr(QDragEnterEvent, "source", lambda event, source=source: source)
            event.ignore()
            target.dragEnterEvent(event)
            assert event.isAccepted() is accepted
