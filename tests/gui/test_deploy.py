"""What is done with a model: tried on photos beside others, saved, exported, copied; from the card and the menu."""

from __future__ import annotations

import gc
import struct
import time
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QColor
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QMessageBox, QPushButton

from app.enlarge.enlargement import UpscaledPhoto
from app.enlarge.trial import OTHER_MODEL, THIS_MODEL
from app.enlarge.trial_dialog import TrialDialog
from app.export.export_dialog import ExportDialog
from app.export.result_card import ResultCard
from app.preview.pictures import BICUBIC, LR
from app.runs.recent_workspaces import add_recent_workspace
from app.system.settings_store import open_settings_store
from app.widgets.elided import ElidedLabel
from app.widgets.plain_text import plain_tooltip
from app.window import Window
from tests.core.networks import network_of, saved
from tests.core.starter_files import use_starters
from tests.gui.test_accessibility import nameless
from tests.gui.window_driver import answer, drop_files, fill_form, find_tabs, visible_text
from tests.small_runs import picture, watch_photo
from trainer_core.errors import UserError
from trainer_core.events import RunFinished, Validated
from trainer_core.model.spec import NetworkSpec
from trainer_core.verbs.inspect import inspect_file
from trainer_core.verbs.upscale import Upscaler
from trainer_core.verdict import GainRecord
from trainer_core.weights.export import pad_for_viewer, prepare_deployable
from trainer_core.workspace.models import find_models

_LONG = 240_000  # milliseconds; a busy machine needs them
SPEC = NetworkSpec(4, num_feat=8, num_block=1, num_grow_ch=4)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny x4 model."""
    return saved(network_of(SPEC), tmp_path / "ours_x4.pth")


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Another one, x2."""
    return saved(network_of(NetworkSpec(2, 8, 1, 4), 2), tmp_path / "other_x2.pth")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    """A small photo."""
    path = tmp_path / "photo.png"
    picture(3).resize((60, 40)).save(path)
    return path


def click(qtbot: Any, button: Any) -> None:
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def menu_action(window: Window, text: str) -> QAction:
    return next(action for action in window.menuBar().findChildren(QAction) if action.text().replace("&", "") == text)


def opened(window: Window, qtbot: Any, model: Path | None = None) -> TrialDialog:
    """The window, with its model loaded."""
    deployment = window.deployment
    deployment.open_trial(str(model or ""))
    qtbot.waitUntil(lambda: deployment.trial_dialog is not None and deployment.trial_dialog.isVisible(), timeout=_LONG)
    assert deployment.trial_dialog is not None
    if model is not None:
        qtbot.waitUntil(lambda: THIS_MODEL in deployment.trial_dialog.trial.models, timeout=_LONG)
    return deployment.trial_dialog


def wait_for(qtbot: Any, trial: TrialDialog, role: str = THIS_MODEL) -> np.ndarray:
    """The finished picture of a model."""

    def complete() -> bool:
        result = trial.trial.result(role)
        return result is not None and result.is_complete

    qtbot.waitUntil(complete, timeout=_LONG)
    result = trial.trial.result(role)
    assert result is not None
    return result.pixels


def computed(model: Path, picture_: Path, tile: int = 128) -> np.ndarray:
    return Upscaler(model, tile=tile)(np.asarray(Image.open(picture_).convert("RGB")))


def save_as(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given, **more: (str(path), ""))


def in_memory(kind: type) -> list[object]:
    gc.collect()
    return [thing for thing in gc.get_objects() if type(thing) is kind]


# -- trying ------------------------------------------------------------------------------------


@pytest.mark.parametrize("has_workspace", [False, True])
def test_without_a_trained_model_the_window_says_that_a_built_in_one_is_chosen(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path, has_workspace: bool
) -> None:
    if has_workspace:
        fill_form(window, photos, tmp_path / "run")
    messages = opened(window, qtbot).messages
    reason = "This workspace has no trained model" if has_workspace else "No workspace is open"
    expected = f"{reason}, so a built-in model is chosen. Choose another one in the list."
    qtbot.waitUntil(lambda: messages.text == expected, timeout=_LONG)


def test_without_any_model_the_window_claims_none(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path / "empty")
    pinned = watch_photo(tmp_path / "harbor.png")
    window.pins.pin([pinned])
    trial = opened(window, qtbot)
    qtbot.waitUntil(lambda: trial.photos.files == [pinned], timeout=_LONG)
    assert not trial.trial.is_built_in and "built-in" not in trial.messages.text


def test_photos_are_enlarged_from_the_corner_of_the_views(window: Window, qtbot: Any) -> None:
    deployment, corner = window.deployment, find_tabs(window).cornerWidget()
    assert isinstance(corner, QPushButton) and corner.text() == "Enlarge photos …"
    assert deployment.trial_dialog is None
    corner.click()
    qtbot.waitUntil(lambda: deployment.trial_dialog is not None and deployment.trial_dialog.isVisible(), timeout=_LONG)


def test_a_dropped_photo_is_enlarged_and_compared_with_bicubic(
    window: Window, qtbot: Any, model: Path, photo: Path
) -> None:
    trial = opened(window, qtbot, model)
    field = trial.models.fields[THIS_MODEL]
    assert field.description == "4 times larger, in color" and "RRDB x4 8/1/4" in field.details
    assert not trial.save_button.isEnabled()
    drop_files(trial, photo)
    pixels = wait_for(qtbot, trial)
    expected = computed(model, photo)
    assert (pixels == expected).all()
    bicubic = Image.open(photo).convert("RGB").resize((240, 160), Image.Resampling.BICUBIC)
    shown = trial.trial_view.view.pictures
    assert shown is not None
    enlarged: dict[str, np.ndarray] = {THIS_MODEL: expected, BICUBIC: np.asarray(bicubic)}
    for name, image in enlarged.items():
        color = QColor(shown.images[name].pixelColor(100, 70))
        assert (color.red(), color.green(), color.blue()) == tuple(image[70, 100])
    assert (shown.width, shown.images[LR].width()) == (240, 60)
    view = trial.trial_view.view
    view.setFocus()
    for key, mode in ((Qt.Key.Key_1, LR), (Qt.Key.Key_3, THIS_MODEL), (Qt.Key.Key_B, "Side by side")):
        qtbot.keyClick(view, key)
        assert view.mode == mode
    assert "60 × 40 → 240 × 160" in trial.caption


def test_color_that_a_gray_model_cannot_keep_is_said(window: Window, qtbot: Any, photo: Path, tmp_path: Path) -> None:
    gray = tmp_path / "gray.png"
    Image.open(photo).convert("L").save(gray)
    trial = opened(window, qtbot, saved(network_of(NetworkSpec(4, 8, 1, 4, 1, 1)), tmp_path / "gray_x4.pth"))
    drop_files(trial, photo, gray)
    qtbot.waitUntil(lambda: trial.photos.list.count() == 2, timeout=_LONG)
    wait_for(qtbot, trial)
    assert trial.caption == "photo · 60 × 40 → 240 × 160, in gray"
    assert "4 times larger, makes every photo gray" in visible_text(trial).splitlines()
    trial.photos.list.setCurrentRow(1)
    qtbot.waitUntil(lambda: trial.caption == "gray · 60 × 40 → 240 × 160", timeout=_LONG)


def test_dumps_and_folders_of_photos_fill_the_list_and_each_is_enlarged_when_chosen(
    window: Window, qtbot: Any, model: Path, photo: Path, tmp_path: Path
) -> None:
    codes = np.arange(120 * 120, dtype=np.uint32).reshape(120, 120) // 7 % 16
    packed = (codes[:, ::2] | codes[:, 1::2] << 4).astype(np.uint8).tobytes()
    (tmp_path / "watch.bin").write_bytes((b"title".ljust(24, b" ") + struct.pack("5B", 1, 2, 3, 4, 5) + packed) * 2)
    folder = tmp_path / "photos"
    folder.mkdir()
    photo.rename(folder / "a.png")
    trial = opened(window, qtbot, model)
    drop_files(trial, tmp_path / "watch.bin", folder)
    qtbot.waitUntil(lambda: trial.photos.list.count() == 3, timeout=_LONG)
    assert [trial.photos.list.item(row).text() for row in range(3)] == ["watch_001", "watch_002", "a"]
    assert wait_for(qtbot, trial).shape == (480, 480, 3)
    trial.photos.list.setCurrentRow(2)
    qtbot.waitUntil(lambda: trial.trial.photo is not None and trial.trial.photo.name == "a", timeout=_LONG)
    assert (wait_for(qtbot, trial) == computed(model, folder / "a.png")).all()
    drop_files(trial, folder)  # again: known already
    qtbot.wait(100)
    assert trial.photos.list.count() == 3
    trial.photos.list.setFocus()
    qtbot.keyClick(trial.photos.list, Qt.Key.Key_Delete)
    assert trial.photos.list.count() == 2
    assert (folder / "a.png").exists()


def test_dumps_are_browsed_for_and_found_in_folders(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("one.bin", "two"):
        (folder / name).write_bytes(b"title".ljust(24) + struct.pack("5B", 1, 2, 3, 4, 5) + bytes([0x9F]) * 7200)
    trial = opened(window, qtbot)
    offered = []

    def browse(parent: Any, title: str, start: str, kinds: str) -> tuple[list[str], str]:
        offered.append(kinds)
        return [str(folder / "one.bin")], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", browse)
    trial.photos.browse()
    qtbot.waitUntil(lambda: trial.photos.list.count() == 1, timeout=_LONG)
    photos, everything = offered[0].split(";;")
    assert {"*.bin", "*.dat", "*.wqv", "*.pdb", "*.png"} <= set(photos.split("(")[1].rstrip(")").split())
    assert everything == "All files (*)"
    drop_files(trial, folder)
    qtbot.waitUntil(lambda: trial.photos.list.count() == 2, timeout=_LONG)
    assert [trial.photos.list.item(row).text() for row in range(2)] == ["one", "two"]


def test_a_dropped_model_of_another_scale_is_compared_and_the_comparison_saved(
    window: Window, qtbot: Any, model: Path, other: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = opened(window, qtbot, model)
    drop_files(trial, other, photo)
    assert (wait_for(qtbot, trial, OTHER_MODEL) == computed(other, photo)).all()
    wait_for(qtbot, trial)
    assert trial.trial_view.view.left == OTHER_MODEL
    assert trial.trial_view.view.side_by_side_views == (BICUBIC, THIS_MODEL, OTHER_MODEL)
    qtbot.waitUntil(trial.save_comparison_button.isEnabled, timeout=_LONG)
    save_as(monkeypatch, tmp_path / "beside.png")
    click(qtbot, trial.save_comparison_button)
    qtbot.waitUntil(lambda: "beside.png" in trial.messages.text, timeout=_LONG)
    with Image.open(tmp_path / "beside.png") as image:
        strip, text = np.asarray(image), dict(image.text)
    assert text["Description"].startswith(f"Enlarged x4 by {model.stem} (")
    assert text["Compared with"].startswith(f"{other.stem} (") and text["Model SHA-256"] not in text["Compared with"]
    assert strip.shape[1] == 3 * 240
    assert (strip[-160:, 240:480] == computed(model, photo)).all()
    trial.models.choices[OTHER_MODEL].box.setCurrentIndex(0)
    trial.models.choices[OTHER_MODEL].box.activated.emit(0)
    assert trial.trial.result(OTHER_MODEL) is None
    assert trial.trial_view.view.left == BICUBIC


def test_pictures_are_saved_but_never_over_a_photo_of_the_list(
    window: Window, qtbot: Any, model: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = opened(window, qtbot, model)
    drop_files(trial, photo)
    expected, before = wait_for(qtbot, trial), photo.read_bytes()
    save_as(monkeypatch, photo)
    click(qtbot, trial.save_button)
    qtbot.waitUntil(lambda: "one of the photos" in trial.messages.text, timeout=_LONG)
    assert photo.read_bytes() == before
    save_as(monkeypatch, tmp_path / "large")
    click(qtbot, trial.save_button)
    qtbot.waitUntil(lambda: "large.png" in trial.messages.text, timeout=_LONG)
    assert (np.asarray(Image.open(tmp_path / "large.png")) == expected).all()


def test_a_large_picture_comes_in_parts_and_can_be_canceled_and_taken_up_again(
    window: Window, qtbot: Any, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "large.png"
    picture(5).resize((300, 260)).save(path)
    trial = opened(window, qtbot, model)
    seen: list[tuple[int, int]] = []
    bench = trial.trial

    def watch() -> None:
        result = bench.result(THIS_MODEL)
        if result is not None and result.tile_count and (result.tiles_done, result.tile_count) not in seen:
            seen.append((result.tiles_done, result.tile_count))
            if len(seen) == 3:
                assert not trial.save_button.isEnabled()
                click(qtbot, trial.continue_button)

    bench.changed.connect(watch)
    drop_files(trial, path)
    qtbot.waitUntil(lambda: len(seen) == 3 and not bench.busy, timeout=_LONG)
    assert seen == [(1, 9), (2, 9), (3, 9)]
    answered: list[int] = []
    window.training.submit(lambda: 1, answered.append, lambda error: None)
    qtbot.waitUntil(lambda: answered == [1], timeout=_LONG)
    assert bench.result(THIS_MODEL) is None and seen[-1] == (3, 9)  # nothing goes on behind it
    assert trial.continue_button.text() == "Enlarge"
    click(qtbot, trial.continue_button)
    assert (wait_for(qtbot, trial) == computed(model, path)).all()
    assert not trial.continue_button.isVisible()


def test_what_cannot_be_used_is_said_and_changes_nothing(
    window: Window, qtbot: Any, model: Path, photo: Path, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("not a photo")
    (tmp_path / "broken.pth").write_bytes(b"PK\x03\x04 nothing")
    trial = opened(window, qtbot, model)
    drop_files(trial, tmp_path / "notes.txt", photo)
    qtbot.waitUntil(lambda: "notes.txt is not a watch photo" in trial.messages.text, timeout=_LONG)
    wait_for(qtbot, trial)
    drop_files(trial, tmp_path / "broken.pth")
    qtbot.waitUntil(lambda: "broken.pth" in trial.messages.text, timeout=_LONG)
    assert trial.models.choices[OTHER_MODEL].path is None
    trial.models.load_model(THIS_MODEL, tmp_path / "broken.pth")
    qtbot.waitUntil(lambda: trial.models.choices[THIS_MODEL].path == model, timeout=_LONG)
    assert wait_for(qtbot, trial).shape == (160, 240, 3)


def test_a_picture_that_would_become_too_large_is_refused(window: Window, qtbot: Any, tmp_path: Path) -> None:
    path = saved(network_of(NetworkSpec(8, 8, 1, 4)), tmp_path / "m_x8.pth")
    Image.new("L", (2000, 1000)).save(tmp_path / "huge.png")
    trial = opened(window, qtbot, path)
    drop_files(trial, tmp_path / "huge.png")
    qtbot.waitUntil(lambda: "16000x8000" in trial.messages.text, timeout=_LONG)
    assert not trial.trial.busy


def test_without_any_model_a_dropped_one_is_the_one_to_try(
    window: Window, qtbot: Any, model: Path, photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path / "no starters")
    menu_action(window, "Enlarge photos with trained model …").trigger()
    trial = opened(window, qtbot)
    drop_files(trial, photo)
    qtbot.waitUntil(lambda: trial.trial.photo is not None, timeout=_LONG)
    assert "Choose a model" in trial.caption
    drop_files(trial, model)
    assert (wait_for(qtbot, trial) == computed(model, photo)).all()


def test_closing_frees_the_models_and_opening_again_shows_the_photos(
    window: Window, qtbot: Any, model: Path, photo: Path
) -> None:
    trial = opened(window, qtbot, model)
    drop_files(trial, photo)
    wait_for(qtbot, trial)
    assert in_memory(Upscaler) and in_memory(UpscaledPhoto)
    qtbot.keyClick(trial, Qt.Key.Key_Escape)
    assert not trial.isVisible()
    assert not trial.trial.models
    qtbot.waitUntil(lambda: not in_memory(Upscaler) and not in_memory(UpscaledPhoto), timeout=_LONG)
    assert opened(window, qtbot, model) is trial
    wait_for(qtbot, trial)


def test_the_best_model_is_tried_while_the_training_goes_on(
    window: Window, qtbot: Any, photos: Path, photo: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000, checkpoint_interval=3, val_interval=3)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.controller.start()
    qtbot.waitUntil(lambda: bool(find_models(tmp_path / "run")) and window.session.step > 6, timeout=_LONG)
    trial = opened(window, qtbot)
    drop_files(trial, photo)
    assert wait_for(qtbot, trial).shape == (160, 240, 3)
    step = window.session.step
    listed = [
        trial.models.choices[OTHER_MODEL].box.itemText(row)
        for row in range(trial.models.choices[OTHER_MODEL].box.count())
    ]
    assert any(text.startswith("run · ") and "step 3 · x4 · " in text for text in listed)
    trial.models.load_model(OTHER_MODEL, find_models(tmp_path / "run")[-1].path)
    wait_for(qtbot, trial, OTHER_MODEL)
    qtbot.waitUntil(lambda: window.session.step > step, timeout=_LONG)
    assert window.session.is_active


def test_a_best_model_that_training_has_not_improved_is_named_as_the_start(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    (tmp_path / "run" / "models").mkdir(parents=True)
    for name, step in (("wqv_neosr_x4_best.pth", 0), ("wqv_neosr_x4.pth", 40)):
        saved(network_of(SPEC, step), tmp_path / "run" / "models" / name, meta={"step": step})
    fill_form(window, photos, tmp_path / "run")
    trial = opened(window, qtbot)
    field, box = trial.models.fields[THIS_MODEL], trial.models.choices[THIS_MODEL].box
    qtbot.waitUntil(lambda: THIS_MODEL in trial.trial.models, timeout=_LONG)
    assert box.currentText().startswith("run · start, best checked so far · x4 · ")
    assert "No step of the training is better yet" in field.description
    box.setCurrentIndex(next(row for row in range(box.count()) if "newest, step 40" in box.itemText(row)))
    box.activated.emit(box.currentIndex())
    qtbot.waitUntil(lambda: "step 40" in field.details, timeout=_LONG)
    assert "better yet" not in field.description


def listed_models(box: QComboBox) -> list[str]:
    return [box.itemText(row) for row in range(box.count()) if box.itemData(row)]


def test_the_models_of_recent_runs_are_offered_under_names_that_tell_them_apart(
    window: Window, qtbot: Any, photos: Path, photo: Path, tmp_path: Path
) -> None:
    for number, name in enumerate(("earlier", "run")):
        (tmp_path / name / "models").mkdir(parents=True)
        saved(network_of(SPEC, number), tmp_path / name / "models" / "wqv_neosr_x4_best.pth")
        add_recent_workspace(tmp_path / name)
    fill_form(window, photos, tmp_path / "run")
    trial = opened(window, qtbot)
    box = trial.models.choices[OTHER_MODEL].box
    qtbot.waitUntil(lambda: any(text.startswith("earlier") for text in listed_models(box)), timeout=_LONG)
    own, other = listed_models(box)[:2]
    today = time.strftime("%d %b")
    assert own.startswith(f"run · best · x4 · {today}") and other.startswith(f"earlier · best · x4 · {today}")
    trial.models.choices[OTHER_MODEL].box.setCurrentIndex(box.findText(other))
    box.activated.emit(box.currentIndex())
    drop_files(trial, photo)
    wait_for(qtbot, trial, OTHER_MODEL)
    labels = trial.trial_view.view.labels
    assert labels == {THIS_MODEL: "Network: run (best)", OTHER_MODEL: "Other network: earlier (best)"}
    click(qtbot, trial.blind_button)
    dialog = trial.blind_dialog
    assert dialog is not None and dialog.windowTitle() == "Blind comparison of run (best) and earlier (best)"
    dialog.close()
    export = exporting(window, qtbot, trial.trial.models[THIS_MODEL].path)
    qtbot.waitUntil(lambda: other in listed_models(export.blend.box), timeout=_LONG)
    assert export.model.box.currentText() == own


def test_pinned_photos_are_there_when_a_model_is_tried(
    window: Window, qtbot: Any, photos: Path, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "run" / "preview_photos").mkdir(parents=True)
    for name in ("harbor", "anchor"):
        Image.new("L", (120, 120), 60).save(tmp_path / "run" / "preview_photos" / f"{name}.png")
    fill_form(window, photos, tmp_path / "run")
    trial = opened(window, qtbot, model)
    qtbot.waitUntil(lambda: trial.photos.list.count() == 2, timeout=_LONG)
    assert [trial.photos.list.item(row).text() for row in range(2)] == ["anchor", "harbor"]
    assert wait_for(qtbot, trial).shape == (480, 480, 3)


def test_photos_that_wait_for_a_workspace_to_be_pinned_are_there_too(
    window: Window, qtbot: Any, model: Path, tmp_path: Path
) -> None:
    Image.new("L", (120, 120), 60).save(tmp_path / "harbor.png")
    window.pins.pin([tmp_path / "harbor.png"])
    trial = opened(window, qtbot, model)
    qtbot.waitUntil(lambda: trial.photos.files == [tmp_path / "harbor.png"], timeout=_LONG)


# -- exporting ---------------------------------------------------------------------------------


def exporting(window: Window, qtbot: Any, model: Path) -> ExportDialog:
    deployment = window.deployment
    deployment.open_export(str(model))
    qtbot.waitUntil(lambda: deployment.export_dialog is not None and deployment.export_dialog.isVisible())
    assert deployment.export_dialog is not None
    return deployment.export_dialog


def export_button(dialog: ExportDialog, form: str) -> QPushButton:
    return next(button for button in dialog.findChildren(QPushButton) if button.text() == f".{form}")


@pytest.mark.parametrize("form", ["pth", "safetensors", "onnx"])
def test_a_model_is_exported_in_each_form_under_a_proposed_name(
    window: Window, qtbot: Any, model: Path, form: str
) -> None:
    dialog = exporting(window, qtbot, model)
    click(qtbot, export_button(dialog, form))
    assert dialog.viewer.isChecked() == (form == "pth")
    dialog.viewer.setChecked(False)
    dialog.half.setChecked(True)
    target = model.with_name(f"ours_x4_half.{form}")
    assert dialog.target.text() == str(target)
    click(qtbot, dialog.export_button)
    qtbot.waitUntil(lambda: "Exported to" in dialog.status_label.text(), timeout=_LONG)
    assert target.exists()
    role = dialog.status_label.property("role")
    assert role == ("" if "Not checked" in dialog.status_label.text() else "success"), "green is for what was checked"
    if form != "onnx":
        assert inspect_file(target).dtypes == ("float16",)
        assert "Does not load in WQV-Viewer" in dialog.status_label.text()


def test_the_viewer_s_form_and_a_blend_are_what_the_tools_make(
    window: Window, qtbot: Any, model: Path, tmp_path: Path
) -> None:
    second = saved(network_of(SPEC, 7), tmp_path / "second_x4.pth")
    dialog = exporting(window, qtbot, model)
    dialog.blend.show_path(second)
    dialog.blend.model_chosen.emit(second)
    dialog.alpha.setValue(0.25)
    click(qtbot, dialog.export_button)
    qtbot.waitUntil(lambda: "Exported to" in dialog.status_label.text(), timeout=_LONG)
    assert "Loads in WQV-Viewer" in dialog.status_label.text()
    found = torch.load(tmp_path / "ours_x4_blend.pth", weights_only=True)
    one, two = network_of(SPEC).state_dict(), network_of(SPEC, 7).state_dict()
    assert found["params"]["conv_first.weight"].shape[0] == 64
    assert torch.allclose(
        found["params"]["conv_first.bias"][:8], 0.75 * one["conv_first.bias"] + 0.25 * two["conv_first.bias"]
    )


def test_what_cannot_be_exported_is_said_in_the_dialog_and_nothing_is_overwritten(
    window: Window, qtbot: Any, model: Path, other: Path, tmp_path: Path
) -> None:
    dialog = exporting(window, qtbot, model)
    before = model.read_bytes()
    dialog.target.setText(str(model))
    click(qtbot, dialog.export_button)
    answer(window, qtbot, "Replace")
    qtbot.waitUntil(lambda: "one of the input models" in dialog.status_label.text(), timeout=_LONG)
    assert model.read_bytes() == before
    dialog.target.setText(str(tmp_path / "mixed_x4.pth"))
    dialog.blend.show_path(other)
    click(qtbot, dialog.export_button)
    qtbot.waitUntil(lambda: "same dimensions" in dialog.status_label.text(), timeout=_LONG)
    assert not (tmp_path / "mixed_x4.pth").exists()
    assert dialog.export_button.isEnabled()


def test_no_other_button_comes_under_the_pointer_after_an_export(window: Window, qtbot: Any, model: Path) -> None:
    dialog = exporting(window, qtbot, model)
    place = dialog.export_button.mapToGlobal(dialog.export_button.rect().center())
    left = dialog.export_button.mapToGlobal(dialog.export_button.rect().topLeft()).x()
    click(qtbot, dialog.export_button)
    qtbot.waitUntil(lambda: "Exported to" in dialog.status_label.text(), timeout=_LONG)
    QApplication.processEvents()
    assert dialog.folder_button.isEnabled() and dialog.folder_button.isVisible()
    assert dialog.export_button.mapToGlobal(dialog.export_button.rect().topLeft()).x() == left
    there = dialog.childAt(dialog.mapFromGlobal(place))
    assert there is dialog.export_button or not isinstance(there, QPushButton)


def test_the_export_dialog_grows_with_what_it_has_to_say(
    window: Window, qtbot: Any, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dialog = exporting(window, qtbot, model)
    fields = [dialog.model.box, dialog.blend.box, dialog.alpha, dialog.target, *dialog.formats.buttons()]
    needed = {field: field.height() for field in fields}
    before = dialog.height()
    for text in ("No file " + "/a/rather/long/folder" * 30, "Refused.\n" * 6):

        def refuse(*given: Any, text: str = text, **more: Any) -> None:
            raise UserError(text)

        monkeypatch.setattr("trainer_core.verbs.export.export_model", refuse)
        click(qtbot, dialog.export_button)
        qtbot.waitUntil(lambda text=text: dialog.status_label.text() == text, timeout=_LONG)
        QApplication.processEvents()
        assert dialog.status_label.height() >= dialog.status_label.heightForWidth(dialog.status_label.width())
        assert [field for field in fields if field.height() < needed[field]] == []
    assert dialog.height() > before
    dialog.resize(dialog.minimumSize())
    QApplication.processEvents()
    assert [field for field in fields if field.height() < needed[field]] == [], "nor can it be made too low"
    assert dialog.alpha.height() == dialog.target.height(), "fields beside each other are alike"


def test_everything_in_both_has_a_name(window: Window, qtbot: Any, model: Path, other: Path, photo: Path) -> None:
    trial = opened(window, qtbot, model)
    drop_files(trial, photo, other)
    wait_for(qtbot, trial, OTHER_MODEL)
    assert nameless(trial) == []
    assert nameless(exporting(window, qtbot, model)) == []


# -- the card ----------------------------------------------------------------------------------


def test_the_card_says_who_loads_the_model_and_copies_it_to_the_viewer(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = network_of(SPEC)
    state, wide = pad_for_viewer(network.state_dict(), SPEC)
    path = tmp_path / "wqv_neosr_x4.pth"
    loads_in = prepare_deployable(path, state, wide, {}, padded_from=SPEC).write().summary()
    card = window.result_card
    card.show_result(RunFinished("completed", 9, model=str(path)), loads_in)
    assert "Loads in WQV-Viewer and chaiNNer. For Upscayl, convert it to NCNN." in card.text
    viewer = tmp_path / "custom"
    viewer.mkdir()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: str(viewer))
    card.deploy_action.trigger()
    qtbot.waitUntil(lambda: "Copied to" in window.message_strip.text, timeout=_LONG)
    assert (viewer / path.name).read_bytes() == path.read_bytes()
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: pytest.fail("asked for the folder again"))
    (viewer / path.name).write_bytes(b"another")
    card.deploy_action.trigger()
    answer(window, qtbot, "Cancel")
    assert (viewer / path.name).read_bytes() == b"another"


def test_what_the_disk_refuses_is_a_sentence_with_a_way_out(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*given: Any, **more: Any) -> Path:
        raise OSError(28, "No space left on device", "custom/x4.pth")

    monkeypatch.setattr("app.export.deployment.install_model", full)
    window.deployment.install("x4.pth", str(tmp_path))
    qtbot.waitUntil(lambda: "No space left on device (custom/x4.pth)" in window.message_strip.text, timeout=_LONG)
    assert "Choose another folder" in window.message_strip.text


def test_a_model_that_the_viewer_refuses_leads_to_the_export(window: Window, qtbot: Any, tmp_path: Path) -> None:
    model = saved(network_of(SPEC), tmp_path / "wqv_x4.pth")
    viewer = tmp_path / "custom"
    viewer.mkdir()
    window.deployment.install(str(model), str(viewer))
    qtbot.waitUntil(lambda: "cannot load" in window.message_strip.text, timeout=_LONG)
    assert "“For WQV-Viewer”" in window.message_strip.text and "wqv-upscale-tools" not in window.message_strip.text
    assert not list(viewer.iterdir())


def test_a_viewer_that_was_moved_is_asked_for_and_a_taken_name_is_replaced_only_when_told_so(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "wqv_x4.pth"
    state, wide = pad_for_viewer(network_of(SPEC).state_dict(), SPEC)
    prepare_deployable(model, state, wide, {}, padded_from=SPEC).write()
    viewer, gone = tmp_path / "custom", tmp_path / "gone"
    viewer.mkdir()
    (viewer / model.name).write_bytes(b"another")
    open_settings_store().setValue("viewer_folder", str(gone))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *given: str(viewer))
    window.deployment.copy_to_viewer(str(model))
    answer(window, qtbot, "Cancel")
    assert (viewer / model.name).read_bytes() == b"another"
    window.deployment.copy_to_viewer(str(model))
    answer(window, qtbot, "Replace")
    qtbot.waitUntil(lambda: "Copied to" in window.message_strip.text, timeout=_LONG)
    assert (viewer / model.name).read_bytes() == model.read_bytes()


def test_built_in_models_are_copied_to_the_viewer(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path / "starters", "wqv1_x4", "wqv10_x2")
    viewer = tmp_path / "custom"
    viewer.mkdir()
    open_settings_store().setValue("viewer_folder", str(viewer))
    menu_action(window, "Copy built-in models to WQV-Viewer").trigger()
    qtbot.waitUntil(lambda: "Copied to" in window.message_strip.text, timeout=_LONG)
    names = ["wqv10_x2_starter.pth", "wqv1_x4_starter.pth"]
    assert sorted(path.name for path in viewer.iterdir()) == names
    assert all(name in window.message_strip.text for name in names)
    for name in names:
        (viewer / name).write_bytes(b"another")
    menu_action(window, "Copy built-in models to WQV-Viewer").trigger()
    find_question = partial(window.findChild, QMessageBox, "Replace the existing models?")
    qtbot.waitUntil(lambda: find_question() is not None, timeout=_LONG)
    question = find_question()
    assert question is not None and all(name in visible_text(question) for name in names)
    answer(window, qtbot, "Replace")
    qtbot.waitUntil(lambda: all((viewer / name).stat().st_size > 1000 for name in names), timeout=_LONG)


def test_the_card_opens_the_model_it_shows(window: Window, qtbot: Any, model: Path) -> None:
    deployment = window.deployment
    window.result_card.show_result(RunFinished("completed", 9, model=str(model)), "")
    window.result_card.export_action.trigger()
    qtbot.waitUntil(lambda: deployment.export_dialog is not None and deployment.export_dialog.isVisible())
    assert deployment.export_dialog is not None and deployment.export_dialog.model.path == model
    click(qtbot, window.result_card.try_button)
    qtbot.waitUntil(lambda: deployment.trial_dialog is not None and THIS_MODEL in deployment.trial_dialog.trial.models)
    assert deployment.trial_dialog is not None and deployment.trial_dialog.trial.models[THIS_MODEL].path == model


def test_nothing_on_the_card_is_cut_off_in_a_small_window(window: Window, qtbot: Any, tmp_path: Path) -> None:
    window.resize(1024, 700)
    window.show_run(True)
    path = tmp_path / ("a very long folder name " * 6) / "wqv_neosr_x4.pth"
    card: ResultCard = window.result_card
    card.show_result(
        RunFinished("completed", 9, model=str(path)), "WQV-Viewer yes · Upscayl (converted to NCNN) no: growth 16"
    )
    qtbot.wait(50)
    assert window.width() == 1024
    assert "Cannot be converted for Upscayl: growth 16." in card.text
    for button in (card.try_button, card.model_button):
        assert button.isVisible()
        assert button.width() >= button.sizeHint().width()
        assert button.mapTo(card, QPoint(button.width(), 0)).x() <= card.width()
    assert card.model_button.toolTip() == plain_tooltip(str(path))


def test_the_card_of_a_training_that_was_not_checked_since_its_start_says_so(qapp: Any, qtbot: Any) -> None:
    card, of_start = ResultCard(), Validated(0, "val", 22.2, 0.6, 20.0, 0.5, True, 8, 1.0)
    qtbot.addWidget(card)
    stopped = RunFinished("stopped", 40, 22.2, 0, 20.0, None, "x.pth", "m.pth")
    card.show_result(stopped, "", record=GainRecord([of_start]))
    assert "Before this training: +2.2 dB" in card.text
    card.show_result(stopped, "", record=GainRecord([of_start, replace(of_start, step=30, psnr=22.0, is_best=False)]))
    assert "Not better than its start yet: +2.2 dB" in card.text
    better = replace(stopped, best_psnr=22.5, best_step=30)
    card.show_result(better, "", record=GainRecord([of_start, replace(of_start, step=30, psnr=22.5)]))
    assert "Much better: +2.5 dB over plain enlargement (+2.2 dB before this training)" in card.text


@pytest.mark.parametrize("size", [(1280, 800), (1024, 700)])
@pytest.mark.parametrize("resumable", [False, True])
def test_the_card_of_a_finished_training_does_not_scroll(
    window: Window, qtbot: Any, size: tuple[int, int], resumable: bool
) -> None:
    window.resize(*size)
    window.show_run(True)
    card: ResultCard = window.result_card
    done = RunFinished("completed", 150_000, 22.17, 140_000, 21.01, 22.0, "x.pth", "/somewhere/models/wqv_neosr_x4.pth")
    loads_in = "WQV-Viewer yes · chaiNNer yes · Upscayl (converted to NCNN) no: growth 16"
    card.show_result(done, loads_in, resumable=resumable)
    qtbot.wait(50)
    bars = card.texts_page.verticalScrollBar(), card.texts_page.horizontalScrollBar()
    assert [bar.maximum() for bar in bars] == [0, 0]
    lines = [label for label in card.findChildren(ElidedLabel) if label.isVisible()]
    assert len(lines) == 3 and lines[1].full_text == "Better: +1.2 dB over plain enlargement"
    assert lines[1].text() in (lines[1].full_text, "Better: +1.2 dB")
    assert "PSNR 22.17 dB at step 140000; plain enlargement 21.01 dB" in lines[1].toolTip()
    assert lines[0].text() == "Training is complete"
    assert all(line.text() == line.full_text or plain_tooltip(line.full_text) in line.toolTip() for line in lines)
