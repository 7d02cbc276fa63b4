"""Settings out of the window and back in: as a command, as a file."""

from __future__ import annotations

import dataclasses
import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QDragEnterEvent, QDragMoveEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMessageBox

from app.window import Window
from tests.gui.window_driver import fill_form, wait_until_quiet
from trainer_core.camera import CameraProfile
from trainer_core.cli import build_parser
from trainer_core.planning.plan import make_plan

MANY = dict(
    scale=2,
    preset="nano",
    num_block=6,
    num_feat=64,
    learning_rate=0.000123456789,
    betas=(0.8, 0.95),
    val_interval=7,
    monochrome_style=True,
    amp=False,
    early_stop=3,
)


def menu(window: Window, text: str) -> QAction:
    return next(action for action in window.findChildren(QAction) if action.text().replace("&", "") == text)


def everything(window: Window) -> dict[str, Any]:
    return dataclasses.asdict(window.project.draft.config)


def choose(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """What the user chooses in the dialogs that follow."""
    for dialog in ("getSaveFileName", "getOpenFileName"):
        monkeypatch.setattr(QFileDialog, dialog, lambda *a, **k: (str(path), ""))


def export(window: Window, qtbot: Any) -> None:
    menu(window, "Export settings …").trigger()
    qtbot.waitUntil(lambda: "Settings saved to" in window.message_strip.text)


def import_(window: Window, qtbot: Any) -> None:
    menu(window, "Import settings …").trigger()
    qtbot.waitUntil(lambda: "Settings imported" in window.message_strip.text)


def drop(window: Window, *paths: Path, onto: str = "max_minutes") -> None:
    """As the desktop does it, on the entry of a setting, with the text that file managers add."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    data.setText(paths[0].as_uri())
    entry = window.form.rows[onto].entry
    place = entry.mapTo(window, entry.rect().center())
    action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    for event in (
        QDragEnterEvent(place, action, data, button, keys),
        QDragMoveEvent(place, action, data, button, keys),
        QDropEvent(QPointF(place), action, data, button, keys),
    ):
        QApplication.sendEvent(window.windowHandle(), event)


def test_a_dropped_settings_file_is_imported(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    fill_form(window, photos, tmp_path / "run", learning_rate=3e-4)
    window.controller.settings_files.export_to(tmp_path / "mine.json")
    qtbot.waitUntil((tmp_path / "mine.json").is_file, timeout=240_000)
    window.project.reset_value("learning_rate")
    window.project.set_path("workspace", str(tmp_path / "elsewhere"))
    drop(window, tmp_path / "mine.json")
    qtbot.waitUntil(lambda: window.project.draft.config.learning_rate == 3e-4, timeout=240_000)
    qtbot.waitUntil(lambda: "Settings imported" in window.message_strip.text)
    assert window.project.draft.config.camera_profile is None
    assert window.project.draft.config.workspace == str(tmp_path / "elsewhere")


def test_the_settings_of_a_workspace_can_be_dropped_on_any_field(window: Window, qtbot: Any, tmp_path: Path) -> None:
    stored = tmp_path / "training_config.json"
    stored.write_text('{"schema": 1, "scale": 2, "num_feat": 24}')
    drop(window, stored, onto="camera_profile")
    qtbot.waitUntil(lambda: window.project.draft.config.num_feat == 24, timeout=240_000)
    assert window.project.draft.config.camera_profile is None


def test_a_dropped_camera_profile_is_still_a_profile(window: Window, qtbot: Any, tmp_path: Path) -> None:
    profile = tmp_path / "watch.json"
    profile.write_text(json.dumps(CameraProfile.builtin("wqv1").to_json()))
    drop(window, profile)
    qtbot.waitUntil(lambda: window.project.draft.config.camera_profile == str(profile), timeout=240_000)
    qtbot.waitUntil(lambda: "wqv1" in window.form.rows["camera_profile"].note, timeout=240_000)
    wait_until_quiet(window, qtbot)
    assert window.project.draft.config.camera_profile == str(profile)
    assert window.form.rows["camera_profile"].note.startswith("wqv1, mono")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"name": "of another program"}', "no training settings and no camera profile"),
        ("{torn", "cannot be read as JSON"),
    ],
)
def test_other_json_is_refused_with_the_reason_and_changes_nothing(
    window: Window, qtbot: Any, tmp_path: Path, content: str, said: str
) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(content)
    qtbot.waitUntil(lambda: window.project.draft.given != {}, timeout=240_000)  # the preset for this hardware
    before = everything(window)
    drop(window, path)
    qtbot.waitUntil(lambda: said in window.message_strip.text and path.name in window.message_strip.text)
    assert everything(window) == before
    assert not window.project.path_problems


def test_settings_dropped_during_a_training_wait_for_its_end(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    path = tmp_path / "theirs.json"
    path.write_text('{"schema": 1, "scale": 2}')
    fill_form(window, photos, tmp_path / "run", steps=100000, val_interval=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=240_000)
    window.controller.start()
    before = everything(window)
    drop(window, path)
    qtbot.waitUntil(lambda: "Settings are locked while training runs" in window.message_strip.text)
    assert everything(window) == before


def test_the_command_is_the_run_that_start_would_begin(window: Window, photos: Path, tmp_path: Path) -> None:
    fill_form(window, photos, tmp_path / "a run", steps=77, learning_rate=0.000123456789, betas=(0.8, 0.95))
    menu(window, "Copy as command").trigger()
    words = shlex.split(QApplication.clipboard().text())
    given = vars(build_parser().parse_args(words[1:]))
    given["betas"] = tuple(given["betas"])
    assert words[0] == "wqv-upscale-trainer"
    assert given == window.project.given()
    assert make_plan(given).config == make_plan(window.project.given()).config


def test_no_command_is_copied_while_a_value_cannot_be_used(window: Window, photos: Path, tmp_path: Path) -> None:
    fill_form(window, photos, tmp_path / "run", steps=0)
    QApplication.clipboard().setText("as it was")
    menu(window, "Copy as command").trigger()
    assert QApplication.clipboard().text() == "as it was"
    assert window.message_strip.text.startswith("The command was not copied. Steps")


def test_the_command_means_the_same_in_another_folder(
    window: Window, photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    fill_form(window, Path("photos"), Path("-run"))
    menu(window, "Copy as command").trigger()
    given = vars(build_parser().parse_args(shlex.split(QApplication.clipboard().text())[1:]))
    assert given["source_dir"] == str(photos)
    assert given["workspace"] == os.path.join(photos.parent, "-run")


@pytest.mark.parametrize("length", [{"steps": 77}, {"max_minutes": 9.5}], ids=["steps", "minutes"])
def test_what_was_exported_comes_back_whatever_was_chosen_before(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, length: dict[str, Any]
) -> None:
    choose(monkeypatch, tmp_path / "mine.json")
    for name, value in {**MANY, **length}.items():
        window.project.set_value(name, value)
    before = everything(window)
    assert {name: before[name] for name in {**MANY, **length}} == {**MANY, **length}
    export(window, qtbot)
    for name, value in {"preset": "full", "seed": 5, "steps": 9}.items():
        window.project.set_value(name, value)
    window.project.set_path("workspace", str(tmp_path / "elsewhere"))
    import_(window, qtbot)
    after = everything(window)
    assert after.pop("workspace") == str(tmp_path / "elsewhere")
    del before["workspace"]
    assert after == before
    assert window.form.rows["num_block"].entry.value() == 6


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{torn", "cannot be read as JSON"),
        ("[]", "contains no settings"),
        ('{"schema": 1, "scale": 3}', "“How much larger” must be one of"),
        (b"\xff\xfe\x00", "cannot be read as JSON"),
        (None, "There is no file"),
    ],
)
def test_a_file_that_cannot_be_used_is_a_sentence_and_changes_nothing(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: Any, said: str
) -> None:
    path = tmp_path / "theirs.json"
    choose(monkeypatch, path)
    if content is not None:
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    qtbot.waitUntil(lambda: window.project.draft.given != {}, timeout=240_000)  # the preset for this hardware
    before = everything(window)
    menu(window, "Import settings …").trigger()
    qtbot.waitUntil(lambda: said in window.message_strip.text)
    assert everything(window) == before


def test_unknown_keys_of_a_settings_file_are_reported(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps({"schema": 1, "steps": 12, "sparkle": 3}))
    choose(monkeypatch, path)
    menu(window, "Import settings …").trigger()
    qtbot.waitUntil(lambda: "sparkle" in window.message_strip.text)
    assert window.project.draft.config.steps == 12


def test_exported_settings_have_the_suffix_by_which_they_are_recognized(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "set.json").write_text("mine")
    choose(monkeypatch, tmp_path / "set")
    menu(window, "Export settings …").trigger()
    box = next(child for child in window.findChildren(QMessageBox) if child.isVisible())
    assert (tmp_path / "set.json").read_text() == "mine"
    next(button for button in box.buttons() if button.text() == "Replace").click()
    qtbot.waitUntil(lambda: "set.json" in window.message_strip.text)
    assert json.loads((tmp_path / "set.json").read_text())["schema"] == 1 and not (tmp_path / "set").exists()


def test_a_place_that_cannot_be_written_to_is_a_sentence(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose(monkeypatch, tmp_path / "nowhere" / "mine.json")
    menu(window, "Export settings …").trigger()
    qtbot.waitUntil(lambda: "could not be written" in window.message_strip.text)
    wait_until_quiet(window, qtbot)
    assert "could not be written" in window.message_strip.text
    assert not (tmp_path / "nowhere").exists()


def test_nothing_is_imported_into_a_training_that_runs(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=100000, val_interval=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=240_000)
    assert menu(window, "Import settings …").isEnabled()
    window.controller.start()
    assert not menu(window, "Import settings …").isEnabled()
    assert menu(window, "Copy as command").isEnabled()
