"""The view of the window "Enlarge photos": names on images while a network computes, and a key that flips them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.enlarge.enlargement import UpscaledPhoto
from app.enlarge.named_model import NamedModel
from app.enlarge.trial import OTHER_MODEL, THIS_MODEL
from app.enlarge.trial_dialog import TrialDialog
from app.preview import compare, label
from app.preview import names as names_on_images
from app.preview.compare import SIDE_BY_SIDE, SLIDER
from app.preview.pictures import BICUBIC
from app.window import Window
from tests.core.networks import network_of, saved
from tests.gui.test_deploy import opened, wait_for
from tests.gui.test_preview import drawn_place
from tests.gui.window_driver import drop_files
from tests.small_runs import picture
from trainer_core.model.spec import NetworkSpec

_LONG = 240_000  # milliseconds; a busy machine needs them


def test_the_image_of_a_network_says_so_until_all_its_parts_are_computed(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "a_x2.pth")
    other = saved(network_of(NetworkSpec(2, 8, 1, 4), 2), tmp_path / "b_x2.pth")
    picture(5).resize((500, 400)).save(tmp_path / "photo.png")
    dialog = opened(window, qtbot, model)
    view = dialog.trial_view.view
    painted: list[str] = []
    for module in (compare, names_on_images):
        monkeypatch.setattr(module, "paint_label", lambda painter, text, *given, **more: painted.append(text))

    def names() -> list[str]:
        painted.clear()
        view.grab()
        return [text for text in painted if text]

    drop_files(dialog, tmp_path / "photo.png")
    qtbot.waitUntil(lambda: dialog.trial.busy == THIS_MODEL, timeout=_LONG)
    assert BICUBIC in names() and f"{THIS_MODEL}, computing …" in names()
    view._pointer = view.rect().center().toPointF()
    assert "Plain enlargement " in view.pixel_text and "Network" not in view.pixel_text
    view._split = 0.8  # little room for the name
    assert "Network, computing …" in names()
    dialog.trial.cancel()
    assert "Network, not computed" in names()
    dialog.trial.continue_upscaling()
    wait_for(qtbot, dialog)
    view._split = 0.5
    assert "Network " in view.pixel_text
    view._pointer = None
    assert names()[1] == THIS_MODEL
    dialog.models.load_model(OTHER_MODEL, other)
    qtbot.waitUntil(lambda: dialog.trial.busy == OTHER_MODEL, timeout=_LONG)
    assert "Other network: b_x2, computing …" in names() and "Network: a_x2" in names()
    wait_for(qtbot, dialog, OTHER_MODEL)
    assert "Other network: b_x2" in names()
    view.set_mode(SIDE_BY_SIDE)
    monkeypatch.setattr(names_on_images, "label_width", lambda metrics, text: 10_000 * (": " in text))
    assert {"a_x2", "b_x2"} <= set(names()), "in a narrow pane the model is named, not its role"
    view.resize(600, 300)
    view.labels = {THIS_MODEL: f"Network: {60 * 'a'} x2", OTHER_MODEL: f"Other network: {60 * 'a'} x4"}
    monkeypatch.setattr(names_on_images, "label_width", label.label_width)
    assert {text[-2:] for text in names() if "…" in text and text.startswith("a")} == {"x2", "x4"}


def is_loaded(dialog: TrialDialog, path: Path) -> bool:
    """Whether the model to compare with is that of a file."""
    return dialog.trial.is_ready(OTHER_MODEL) and dialog.trial.models[OTHER_MODEL].path == path


def test_n_and_p_go_through_the_models_to_compare_with_at_the_same_place(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.enlarge.model_row.find_starters", lambda: ())
    files = [saved(network_of(NetworkSpec(2, 8, 1, 4), seed), tmp_path / f"{seed}_x2.pth") for seed in (1, 2, 3)]
    larger = saved(network_of(NetworkSpec(4, 8, 1, 4)), tmp_path / "large_x4.pth")
    picture(5).resize((200, 300)).save(tmp_path / "photo.png")
    dialog = opened(window, qtbot, files[0])
    dialog.models.open_for(files[0], [NamedModel(file, file.stem, file.stem, False, 2) for file in files])
    dialog.models.add_models([NamedModel(larger, larger.stem, larger.stem, False, 4)])
    drop_files(dialog, tmp_path / "photo.png")
    reference = wait_for(qtbot, dialog).copy()
    view, choice = dialog.trial_view.view, dialog.models.choices[OTHER_MODEL]
    dialog.activateWindow()
    view.setFocus()
    view.set_zoom(3)
    QApplication.processEvents()
    place: tuple[float, ...] = ()
    shown: dict[Path, UpscaledPhoto | None] = {}
    for key, number in ((Qt.Key.Key_N, 1), (Qt.Key.Key_N, 2), (Qt.Key.Key_P, 1), (Qt.Key.Key_P, 2)):
        qtbot.keyClick(view, key)
        path = choice.path
        assert path == files[number], "the reference and models of other scales are left out"
        qtbot.waitUntil(lambda path=path: is_loaded(dialog, path), timeout=_LONG)
        if path in shown:
            assert dialog.trial.result(OTHER_MODEL) is shown[path], "it is not computed again"
        wait_for(qtbot, dialog, OTHER_MODEL)
        shown[path] = dialog.trial.result(OTHER_MODEL)
        place = place or drawn_place(view)  # the first model to compare with brings the row of the blend
        assert drawn_place(view) == place and view.visible_views == [OTHER_MODEL, THIS_MODEL]
        assert (wait_for(qtbot, dialog) == reference).all(), "the reference stays"


def test_without_other_models_n_says_where_to_find_some(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.enlarge.model_row.find_starters", lambda: ())
    dialog = opened(window, qtbot, saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "a_x2.pth"))
    dialog.trial_view.view.neighbor_requested.emit(1)
    assert "no other model to compare with" in dialog.messages.text and "choose a weight file" in dialog.messages.text


def test_n_comes_back_to_a_chosen_file_and_no_name_loses_its_beginning(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.enlarge.model_row.find_starters", lambda: ())
    model, theta, other = (
        saved(network_of(NetworkSpec(2, 8, 1, 4), seed), tmp_path / f"{name}.pth")
        for seed, name in enumerate(("a_x2", "theta", "other_x2"))
    )
    dialog = opened(window, qtbot, model)
    dialog.models.open_for(model, [NamedModel(other, other.stem, other.stem, False, 2)])
    dialog.models.load_model(OTHER_MODEL, theta)
    qtbot.waitUntil(lambda: is_loaded(dialog, theta), timeout=_LONG)
    assert any("theta" in label for label in dialog.trial_view.view.labels.values())
    for path in (other, theta, other):  # the name of theta does not say its scale
        dialog.trial_view.view.neighbor_requested.emit(1)
        qtbot.waitUntil(lambda path=path: is_loaded(dialog, path), timeout=_LONG)


def test_x_flips_between_the_pictures_of_the_slider_at_the_same_place(
    window: Window, qtbot: Any, tmp_path: Path
) -> None:
    picture(5).resize((200, 300)).save(tmp_path / "photo.png")
    dialog = opened(window, qtbot, saved(network_of(NetworkSpec(2, 8, 1, 4)), tmp_path / "a_x2.pth"))
    drop_files(dialog, tmp_path / "photo.png")
    wait_for(qtbot, dialog)
    view = dialog.trial_view.view
    dialog.activateWindow()
    view.setFocus()
    for zoom in (0, 3):
        view.set_mode(SLIDER)
        view.set_zoom(zoom)
        QApplication.processEvents()
        before = drawn_place(view)
        for shown in (THIS_MODEL, BICUBIC, THIS_MODEL):
            qtbot.keyClick(view, Qt.Key.Key_X)
            qtbot.wait(50)
            assert view.visible_views == [shown] and drawn_place(view) == before
