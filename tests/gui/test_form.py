"""The form: made from the schema, checks what is entered, explains itself, reads what a workspace remembers."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import QMimeData, QPoint, QPointF, QStandardPaths, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QLineEdit, QPushButton, QToolButton, QWidget

from app.form.entries import ChoiceEntry, NumberEntry, SegmentsEntry
from app.form.note import NoteLabel
from app.form.results_folder import propose_results_folder, results_folder
from app.form.start_entry import StartEntry
from app.runs.recent_workspaces import add_recent_workspace, read_recent_workspaces
from app.start import make_window
from app.widgets.errors import ErrorDialog
from app.widgets.plain_text import plain_tooltip
from app.widgets.wording import FORM_QUESTIONS, setting_tooltip
from app.window import Window
from tests.core.starter_files import use_starters
from tests.gui.window_driver import (
    close_window,
    fill_form,
    find_named,
    unfold_groups,
    unwrapped,
    visible_text,
    wait_until_quiet,
)
from tests.small_runs import picture, watch_photo
from trainer_core.camera import CameraProfile
from trainer_core.planning import gpus
from trainer_core.planning.command_line import format_command
from trainer_core.planning.gpus import Gpu
from trainer_core.settings.config import SETTINGS
from trainer_core.text import format_bytes
from trainer_core.weights.container.reader import open_weights


def type_into(qtbot: Any, window: Window, name: str, text: str) -> None:
    line = window.form.rows[name].entry.focusProxy()
    assert isinstance(line, (QLineEdit, QComboBox))
    line.clear()
    qtbot.keyClicks(line, text)


def drop(window: Window, *paths: Path, onto: QWidget | None = None) -> None:
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    place = onto.mapTo(window, onto.rect().center()) if onto else QPoint(900, 300)
    action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    entering = QDragEnterEvent(place, action, data, button, keys)
    QApplication.sendEvent(window, entering)
    assert entering.isAccepted()
    QApplication.sendEvent(window, QDropEvent(QPointF(place), action, data, button, keys))


def test_every_setting_has_a_row_that_explains_it(window: Window) -> None:
    for described in SETTINGS.values():
        row = window.form.rows[described.name]
        line = row.entry.focusProxy()
        assert line is not None
        assert line.toolTip() == plain_tooltip(setting_tooltip(described, window.project.draft.default(described.name)))


def test_the_questions_are_visible_in_their_order_and_the_others_stand_behind_expert(
    window: Window, qtbot: Any
) -> None:
    assert [name for name, row in window.form.rows.items() if row.isVisible()] == list(FORM_QUESTIONS)
    places = [window.form.rows[name].y() for name in FORM_QUESTIONS]
    assert places == sorted(places) and window.form.expert.y() > places[-1]
    window.form.focus_setting("steps")
    qtbot.waitUntil(window.form.rows["steps"].isVisible)
    assert window.form.expert.isAncestorOf(window.form.rows["steps"])


def test_rows_keep_their_width_when_the_form_begins_to_scroll(window: Window, qtbot: Any) -> None:
    window.resize(1280, 1200)
    form, row, bar = window.form, window.form.rows["source_dir"], window.form.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() == 0)
    assert not bar.isEnabled(), "a handle with nothing to scroll"
    width = row.width()
    form.expert.set_open(True)
    unfold_groups(window)
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert bar.isEnabled() and row.width() == width


def test_a_group_that_is_unfolded_at_the_lower_edge_scrolls_into_view(window: Window, qtbot: Any) -> None:
    window.resize(1024, 700)
    form, expert = window.form, window.form.expert
    heading = expert.findChild(QToolButton)
    assert heading is not None
    form.ensureWidgetVisible(heading)
    qtbot.mouseClick(heading, Qt.MouseButton.LeftButton)
    room = form.viewport().height()

    def span(widget: QWidget) -> tuple[int, int]:
        top = widget.mapTo(form.viewport(), QPoint()).y()
        return top, top + widget.height()

    qtbot.waitUntil(lambda: span(expert)[1] <= room or span(expert)[0] == 0)
    group = next(iter(form._groups.values()))
    qtbot.mouseClick(group.findChild(QToolButton), Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: span(group)[1] <= room or span(group)[0] == 0)


def test_nothing_in_the_form_moves_when_notes_appear(window: Window, qtbot: Any) -> None:
    unfold_groups(window)
    wait_until_quiet(window, qtbot)  # what is found later would show the notes of the project again
    content = window.form.widget()
    assert content is not None

    def places() -> dict[str, tuple[int, int]]:
        QApplication.processEvents()
        rows = window.form.rows.items()
        return {name: (row.mapTo(content, QPoint()).y(), row.height()) for name, row in rows}

    empty = places()
    typed = [row for row in window.form.rows.values() if row.entry.findChildren(QLineEdit)]
    assert len(typed) > 20
    for text in ("A note.", "A problem that needs many more words than there is room for. " * 5):
        for row in typed:
            row.set_note(text, invalid=True, more="the list")
        assert places() == empty
        assert all(text in row.note for row in typed)
    for row in typed:
        shown = [label for label in row.findChildren(NoteLabel) if label.isVisible()]
        assert len(shown) == 1 and shown[0].text().endswith("…") and plain_tooltip(text) in shown[0].toolTip()
        row.set_note("")
    assert places() == empty


def test_every_choice_shows_its_whole_text(window: Window) -> None:
    unfold_groups(window)
    window.resize(1024, 700)
    QApplication.processEvents()
    buttons = [
        button for entry in window.form.findChildren(SegmentsEntry) for button in entry.findChildren(QPushButton)
    ]
    assert len(buttons) >= 12
    for button in buttons:
        needed = button.fontMetrics().horizontalAdvance(button.text()) + 8
        assert button.width() >= needed, f"{button.text()} needs {needed} pixels and has {button.width()}"


def test_sharpness_is_a_name_for_the_weight_of_the_adversarial_loss(window: Window, qtbot: Any) -> None:
    row, project = window.form.sharpness, window.project
    project.set_value("init_weights", None)
    before = project.draft.config.optimizer, project.draft.config.learning_rate
    assert before == ("muon", 2e-3)
    assert not row.isVisible()
    unfold_groups(window)
    buttons = {button.text(): button for button in row.entry.findChildren(QPushButton)}
    assert row.isVisible() and list(buttons) == ["off", "gentle", "medium", "strong"]
    assert row.entry.value() == "off" and not row._reset.isVisible()
    for name, weight in (("gentle", 0.005), ("medium", 0.02), ("strong", 0.1)):
        qtbot.mouseClick(buttons[name], Qt.MouseButton.LeftButton)
        assert project.draft.config.gan_weight == weight and row.entry.value() == name
        assert window.form.rows["gan_weight"].entry.value() == weight
        assert (project.draft.config.optimizer, project.draft.config.learning_rate) == ("adam", 3e-4)
    warnings = [unwrapped(line.toolTip()) for line in window.run_bar.checklist.lines if line.isVisible()]
    assert any("start from a trained one" in text for text in warnings)
    project.set_value("gan_weight", 0.07)
    assert row.entry.value() is None and not any(button.isChecked() for button in buttons.values())
    qtbot.mouseClick(row._reset, Qt.MouseButton.LeftButton)
    assert project.draft.config.gan_weight == 0.0 and row.entry.value() == "off"
    assert (project.draft.config.optimizer, project.draft.config.learning_rate) == before
    project.set_value("learning_rate", 1e-4)
    for name in ("medium", "off"):
        project.set_sharpness(name)
    assert project.draft.config.learning_rate == before[1], "a strength replaces it"
    project.set_sharpness("gentle")
    project.set_value("learning_rate", 1e-4)
    project.set_sharpness("off")
    assert project.draft.config.learning_rate == 1e-4, "chosen after the strength"
    project.set_value("preset", "full")
    project.reset_value("learning_rate")
    project.set_sharpness("strong")
    assert project.draft.config.learning_rate == 2e-4, "a strength only lowers it"


def test_a_wrong_value_is_explained_beside_the_field_and_in_the_checklist(window: Window, qtbot: Any) -> None:
    window.form.focus_setting("steps")
    window.project.set_value("steps", 5)
    type_into(qtbot, window, "steps", "many")
    assert window.form.rows["steps"].note == "Steps must be a whole number, not 'many'."
    assert any("must be a whole number" in line.full_text for line in window.run_bar.checklist.lines)
    type_into(qtbot, window, "steps", "500")
    assert window.form.rows["steps"].note == ""
    assert window.project.draft.config.steps == 500


@pytest.mark.parametrize(
    ("content", "reason"),
    [('{"schema": 99}', "A newer version of this program wrote"), ("{", "training_config.json cannot be read")],
)
def test_the_checklist_says_why_a_workspace_cannot_be_used(
    window: Window, tmp_path: Path, content: str, reason: str
) -> None:
    folder = tmp_path / "a folder with the photos of the last summer"
    folder.mkdir()
    (folder / "training_config.json").write_text(content, "utf-8")
    window.project.set_path("workspace", str(folder))
    line = next(line for line in window.run_bar.checklist.lines if line.property("setting") == "workspace")
    assert reason in line.full_text
    assert str(folder) in window.form.rows["workspace"].note


def test_paths_that_the_system_does_not_reach_are_explained_in_the_form(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lose(path: Any, **more: Any) -> Any:
        if str(path).startswith("/mnt/nas"):
            raise OSError(107, "Transport endpoint is not connected", str(path))
        return stat(path, **more)

    stat = os.stat
    monkeypatch.setattr(os, "stat", lose)
    add_recent_workspace(Path("/mnt/nas/run"))
    assert read_recent_workspaces() == []
    for name, path, reason in (
        ("workspace", str(tmp_path / ("x" * 300)), "cannot be reached: File name too long"),
        ("workspace", "/mnt/nas/run", "cannot be reached: Transport endpoint is not connected"),
        ("source_dir", "/mnt/nas/photos", "cannot be reached: Transport endpoint is not connected"),
        ("workspace", "smb://nas/run", "smb://nas/run is not a path on this computer"),
    ):
        fill_form(window, photos, tmp_path / "run")
        window.project.set_path(name, path)
        wait_until_quiet(window, qtbot)
        assert reason in window.form.rows[name].note, path
        window.run_bar.start_button.click()
        assert not window.session.is_active
    assert not window.findChildren(ErrorDialog)


def test_the_checklist_says_why_a_workspace_cannot_be_made(window: Window, tmp_path: Path) -> None:
    parent = tmp_path / "a folder with the photos of the last summer"
    parent.write_text("", "utf-8")
    window.project.set_path("workspace", str(parent / "run"))
    line = next(line for line in window.run_bar.checklist.lines if line.property("setting") == "workspace")
    assert "it lies in a file" in line.full_text
    assert str(parent) in window.form.rows["workspace"].note


def test_what_is_wrong_is_the_first_that_a_screen_reader_says_of_a_field(window: Window) -> None:
    entry = window.form.rows["steps"].entry
    assert isinstance(entry, NumberEntry)
    meaning = entry.line.accessibleDescription()
    window.project.set_value("steps", "many")
    assert entry.line.accessibleDescription() == f"{window.form.rows['steps'].note} {meaning}"
    window.project.reset_value("steps")
    assert entry.line.accessibleDescription() == meaning


def test_no_field_keeps_a_dropped_file_for_itself(window: Window, tmp_path: Path) -> None:
    unfold_groups(window)
    lines = [line for row in window.form.rows.values() for line in row.entry.findChildren(QLineEdit)]
    assert len(lines) > 10
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "x.pth"))])
    data.setText(f"file://{tmp_path}/x.pth")  # as many file managers add
    for line in lines:
        middle, before = line.rect().center(), line.text()
        action, button, keys = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        entering = QDragEnterEvent(middle, action, data, button, keys)
        entering.ignore()
        QApplication.sendEvent(line, entering)
        QApplication.sendEvent(line, QDropEvent(QPointF(middle), action, data, button, keys))
        assert line.text() == before and not line.acceptDrops(), line.accessibleName()


@pytest.mark.parametrize(
    ("name", "typed", "value"),
    [
        ("steps", "150,000", 150000),
        ("steps", "1.250.000", 1250000),
        ("steps", " 12 000 ", 12000),
        ("steps", "40", 40),
        ("steps", "1,5", "1.5"),
        ("steps", "1,50", "1.50"),
        ("max_minutes", "1,5", 1.5),
        ("max_minutes", "1.250", 1.25),
    ],
)
def test_numbers_may_be_typed_as_people_write_them(window: Window, name: str, typed: str, value: object) -> None:
    entry = window.form.rows[name].entry
    assert isinstance(entry, NumberEntry)
    entry.line.setText(typed)
    assert entry.value() == value


def test_nothing_can_be_reset_while_a_training_locks_the_form(window: Window) -> None:
    window.project.set_value("scale", 2)
    reset = window.form.rows["scale"]._reset
    assert reset.isVisible()
    window.form.set_locked(True)
    assert not reset.isVisible()
    window.project.changed.emit()
    assert not reset.isVisible()
    window.form.set_locked(False)
    assert reset.isVisible()


def test_reset_brings_the_default_back(window: Window, qtbot: Any) -> None:
    row = window.form.rows["batch_size"]
    reset = find_named(row, "Reset Batch size")
    window.form.focus_setting("batch_size")
    type_into(qtbot, window, "batch_size", "7")
    assert window.project.draft.config.batch_size == 7
    qtbot.waitUntil(lambda: reset.height() > 0)
    qtbot.mouseClick(reset, Qt.MouseButton.LeftButton)
    assert row.entry.value() == 16
    assert not reset.isVisible()


def test_a_preset_changes_what_belongs_to_it(window: Window, qtbot: Any) -> None:
    window.project.set_value("init_weights", None)
    entry = window.form.rows["preset"].entry
    nano = next(b for b in entry.findChildren(QWidget) if getattr(b, "text", str)() == "Quick try")
    qtbot.mouseClick(nano, Qt.MouseButton.LeftButton)
    assert window.form.rows["num_feat"].entry.value() == 32
    assert window.form.rows["learning_rate"].entry.value() == 4e-3
    assert window.form.rows["optimizer"].entry.value() == "muon"


def test_start_is_never_dead_it_leads_to_what_is_missing(window: Window, qtbot: Any) -> None:
    window.activateWindow()
    assert window.run_bar.start_button.isEnabled()
    qtbot.mouseClick(window.run_bar.start_button, Qt.MouseButton.LeftButton)
    assert not window.session.is_active
    assert window.form.rows["source_dir"].entry.focusProxy() is window.focusWidget()


def test_start_says_beside_the_fields_and_in_the_checklist_what_is_missing(
    window: Window, qtbot: Any, photos: Path
) -> None:
    source, workspace = (window.form.rows[name] for name in ("source_dir", "workspace"))
    lines = window.run_bar.checklist.lines
    assert not any(line.property("emphasized") for line in lines)
    qtbot.mouseClick(window.run_bar.start_button, Qt.MouseButton.LeftButton)
    assert source.note == "Choose a folder with sharp photos to learn from"
    assert workspace.note == "Choose where the results go"
    assert [line.full_text for line in lines if line.property("emphasized")] == [source.note, workspace.note]
    assert all(line.font().bold() == bool(line.property("emphasized")) for line in lines if line.isVisible())
    window.project.set_path("source_dir", str(photos))
    qtbot.waitUntil(lambda: "6 photos" in source.note)
    qtbot.waitUntil(lambda: workspace.note != "Choose where the results go")
    assert not any(line.property("emphasized") for line in lines)


def test_photos_bring_a_proposal_where_the_results_go(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    documents = tmp_path / "documents"
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: str(documents))
    (documents / "WQV Upscale Trainer" / photos.name).mkdir(parents=True)
    project = window.project
    project.set_path("source_dir", str(photos))
    proposed = documents / "WQV Upscale Trainer" / f"{photos.name} 2"
    qtbot.waitUntil(lambda: project.draft.config.workspace == str(proposed))
    assert window.form.rows["workspace"].entry.value() == str(proposed)
    qtbot.waitUntil(lambda: project.is_ready)
    assert not proposed.exists(), "only a training makes the folder"

    others = tmp_path / "others"
    shutil.copytree(photos, others)
    project.set_path("source_dir", str(others))
    qtbot.waitUntil(lambda: project.draft.config.workspace == str(proposed.with_name("others")))
    project.undo()
    assert project.draft.config.source_dir == str(photos), "the proposal is no edit of its own"
    assert project.draft.config.workspace == str(proposed)

    chosen = tmp_path / "chosen"
    project.set_path("workspace", str(chosen))
    project.set_path("source_dir", str(others))
    qtbot.waitUntil(lambda: project.is_ready)
    assert project.draft.config.workspace == str(chosen)


def test_photos_in_a_folder_called_demo_do_not_go_to_the_folder_of_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(QStandardPaths, "writableLocation", lambda _: str(tmp_path))
    assert propose_results_folder("/pictures/demo") == results_folder("demo 2")
    assert propose_results_folder("/") == results_folder("photos")


def test_typed_photos_are_counted_and_unusable_ones_listed(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    (photos / "broken.png").write_bytes(b"no picture")
    (photos / "@eaDir").mkdir()
    type_into(qtbot, window, "source_dir", f'"{photos}"')  # as Windows copies a path
    assert window.project.draft.config.source_dir == str(photos)
    row = window.form.rows["source_dir"]
    qtbot.waitUntil(lambda: "6 photos" in row.note)
    assert "1 unusable · 1 passed over" in row.note
    window.form.unusable_requested.emit()
    dialog = window.findChild(ErrorDialog)
    assert dialog is not None and "broken.png" in visible_text(dialog) and "@eaDir/: thumbnails" in visible_text(dialog)
    type_into(qtbot, window, "source_dir", str(tmp_path / "nowhere"))
    qtbot.waitUntil(lambda: "does not exist" in row.note)


def test_photos_from_the_watch_stop_a_start_in_words_until_they_are_accepted(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    for seed in range(7):
        watch_photo(photos / f"watch{seed}.png", seed)
    fill_form(window, photos, tmp_path / "run", steps=1)
    row = window.form.rows["source_dir"]
    refusal = "Choose ordinary photos; add watch photos to the previews."
    qtbot.waitUntil(lambda: row.note.startswith(refusal), timeout=240_000)
    window.resize(1024, 700)
    window._split.setSizes([1, 1023])  # the narrowest form
    qtbot.waitUntil(lambda: any(refusal in label.text() for label in row.findChildren(QLabel)))
    assert "7 of the 13 pictures" in row.note and not window.project.is_ready
    window.run_bar.start_button.click()
    assert not window.session.is_active and row.isAncestorOf(window.focusWidget())
    assert find_remedy(window).isVisible() and "Accept captures" in find_remedy(window).toolTip()
    find_remedy(window).click()
    qtbot.waitUntil(lambda: row.note.startswith("13 photos") and window.project.is_ready, timeout=240_000)
    assert window.project.draft.config.accept_captures and not find_remedy(window).isVisible()
    window.project.undo()
    qtbot.waitUntil(lambda: row.note.startswith(refusal), timeout=240_000)
    assert find_remedy(window).isVisible()


def find_remedy(window: Window) -> QPushButton:
    """The button beside the note of the source folder that accepts captures; without a text while it is hidden."""
    buttons = window.form.rows["source_dir"].findChildren(QPushButton)
    return next(button for button in buttons if button.text() in ("Use anyway", ""))


def test_a_folder_of_nothing_but_watch_photos_can_be_accepted_beside_its_refusal(
    window: Window, qtbot: Any, tmp_path: Path
) -> None:
    folder = tmp_path / "watch"
    folder.mkdir()
    for seed in range(4):
        watch_photo(folder / f"watch{seed}.png", seed)
    fill_form(window, folder, tmp_path / "run", steps=1)
    row = window.form.rows["source_dir"]
    qtbot.waitUntil(lambda: find_remedy(window).isVisible(), timeout=240_000)
    height = row.height()
    find_remedy(window).click()
    qtbot.waitUntil(lambda: row.note.startswith("4 photos"), timeout=240_000)
    assert row.height() == height and not find_remedy(window).isVisible()
    window.project.undo()
    qtbot.waitUntil(lambda: find_remedy(window).isVisible(), timeout=240_000)
    window.run_bar.start_button.click()
    assert "4 of the 4 pictures" in row.note
    qtbot.mouseClick(row._reset, Qt.MouseButton.LeftButton)
    assert "4 of the 4" not in row.note and not any(line.property("invalid") for line in row.findChildren(QLineEdit))


def test_a_workspace_fills_the_form_with_what_it_remembers(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    workspace = tmp_path / "run"
    workspace.mkdir()
    stored = {"schema": 1, "scale": 2, "preset": "nano", "num_feat": 24, "source_dir": str(photos)}
    (workspace / "training_config.json").write_text(json.dumps(stored))
    drop(window, workspace)
    assert window.form.rows["scale"].entry.value() == 2
    assert window.form.rows["num_feat"].entry.value() == 24
    assert window.form.rows["source_dir"].entry.value() == str(photos)
    qtbot.waitUntil(lambda: "6 photos" in window.form.rows["source_dir"].note)


def test_the_steps_that_a_time_limit_set_are_no_change_by_the_user(window: Window, tmp_path: Path) -> None:
    workspace = tmp_path / "run"
    workspace.mkdir()
    stored = {"schema": 1, "preset": "nano", "max_minutes": 60, "steps": 345}
    (workspace / "training_config.json").write_text(json.dumps(stored))
    drop(window, workspace)
    assert window.project.draft.config.steps == 345
    assert "changed" not in window.form.expert._heading.text()
    window.project.set_value("max_minutes", None)
    window.project.set_value("steps", 500)
    assert "1 changed" in window.form.expert._heading.text()


def test_settings_that_cannot_be_read_are_a_sentence_not_a_traceback(window: Window, tmp_path: Path) -> None:
    workspace = tmp_path / "run"
    workspace.mkdir()
    (workspace / "training_config.json").write_text("{torn")
    drop(window, workspace)
    assert "cannot be read as JSON" in window.form.rows["workspace"].note
    assert not window.project.is_ready


def test_a_dropped_folder_becomes_the_source_or_what_it_was_dropped_on(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    drop(window, photos)
    assert window.project.draft.config.source_dir == str(photos)
    other = tmp_path / "other"
    other.mkdir()
    drop(window, other, onto=window.form.rows["workspace"])
    assert window.project.draft.config.workspace == str(other)
    qtbot.waitUntil(lambda: window.project.is_ready)


def test_dropped_weights_are_identified_and_decide_the_network(window: Window, qtbot: Any, weights: Path) -> None:
    drop(window, weights)
    row = window.form.rows["init_weights"]
    assert window.message_strip.text == f"Training will start from {weights.name}."
    size = format_bytes(weights.stat().st_size)
    qtbot.waitUntil(lambda: row.note == f"{weights.name}, x4, {size}")
    assert "RRDB x4 8/1/4" in row.note_tooltip and row.note_tooltip.endswith("loads 100 %")
    assert window.form.rows["num_feat"].entry.value() == 8
    window.project.reset_value("init_weights")
    qtbot.waitUntil(lambda: window.form.rows["num_feat"].entry.value() == 64)


def test_the_built_in_model_is_one_click_away_and_follows_watch_and_scale(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_starters(monkeypatch, tmp_path / "starters", "wqv10_x4", "wqv1_x2")
    row = window.form.rows["init_weights"]
    assert isinstance(row.entry, StartEntry)
    qtbot.mouseClick(find_named(row, "Start from: Built-in model"), Qt.MouseButton.LeftButton)
    assert (row.entry.value(), window.project.draft.config.init_weights) == ("starter", "starter")
    qtbot.waitUntil(lambda: row.note.startswith("Built-in model for WQV-3/10, x4, "))
    assert "RRDB x4 8/1/8" in row.note_tooltip and not window.message_strip.text
    window.project.set_value("preset", "nano")
    assert window.form.rows["num_feat"].entry.value() == 32
    window.project.set_value("scale", 2)
    qtbot.waitUntil(lambda: "no built-in model for the color watch (WQV-3, WQV-10) at x2" in row.note)
    assert "init_weights" in window.project.problems
    window.project.set_value("monochrome_style", True)
    qtbot.waitUntil(lambda: "for WQV-1/2, x2" in row.note and "init_weights" not in window.project.problems)
    assert "--init-weights starter" in format_command(window.project.given())
    window.project.set_value("init_weights", None)
    assert row.entry.value() is None and row.entry.choices.value() is None
    assert window.form.rows["num_feat"].entry.value() == 32


def test_a_run_starts_from_the_built_in_model_from_nothing_or_from_a_file(
    window: Window, qtbot: Any, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry, project = window.form.rows["init_weights"].entry, window.project
    assert isinstance(entry, StartEntry)
    buttons = {button.text(): button for button in entry.choices.findChildren(QPushButton)}
    assert list(buttons) == ["Built-in model", "Nothing", "A file …"]
    qtbot.waitUntil(buttons["Built-in model"].isChecked)
    qtbot.waitUntil(lambda: window.form.rows["init_weights"].note.startswith("Built-in model for WQV-3/10, x4, "))
    chosen = [str(weights), ""]
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *a, **k: (chosen.pop(0), ""))
    qtbot.mouseClick(buttons["A file …"], Qt.MouseButton.LeftButton)
    assert project.draft.config.init_weights == str(weights) == entry.path.line.text()
    assert buttons["A file …"].isChecked()
    qtbot.mouseClick(buttons["Built-in model"], Qt.MouseButton.LeftButton)
    assert project.draft.config.init_weights == "starter" and entry.path.line.text() == ""
    assert not entry.path.isVisible()
    qtbot.mouseClick(buttons["A file …"], Qt.MouseButton.LeftButton)
    assert buttons["Built-in model"].isChecked() and not entry.path.isVisible(), "no file was chosen"
    project.set_path("init_weights", str(weights))
    assert entry.path.isVisible()
    window.activateWindow()
    entry.path.line.setFocus()
    entry.path.line.selectAll()
    qtbot.keyClick(entry.path.line, Qt.Key.Key_Delete)
    assert project.draft.config.init_weights is None and buttons["Nothing"].isChecked()
    assert entry.path.isVisible(), "the user types there"
    qtbot.keyClicks(entry.path.line, "b.pth")
    assert project.draft.config.init_weights == "b.pth" and buttons["A file …"].isChecked()
    qtbot.mouseClick(buttons["Nothing"], Qt.MouseButton.LeftButton)
    assert project.draft.config.init_weights is None and not entry.path.isVisible()


def test_the_proposed_start_gives_way_to_a_network_of_another_size_and_to_the_built_in_scenes(
    window: Window, qtbot: Any, tmp_path: Path
) -> None:
    project, row = window.project, window.form.rows["init_weights"]
    wait_until_quiet(window, qtbot)
    assert project.draft.warm_start is not None and "learning_rate" not in project.given()
    project.set_value("num_feat", 8)
    assert row.entry.value() is None and not row.note
    qtbot.waitUntil(lambda: project.draft.warm_start is None)
    project.reset_value("num_feat")
    qtbot.waitUntil(lambda: project.draft.warm_start is not None and "Built-in model" in row.note)
    window.controller.load_demo(str(tmp_path / "demo"))
    wait_until_quiet(window, qtbot)
    assert row.entry.value() is None and not row.note


def test_a_name_with_a_scale_mark_is_refused_below_its_row(window: Window, qtbot: Any) -> None:
    unfold_groups(window)
    type_into(qtbot, window, "model_name", "harbor_x4")
    assert window.form.rows["model_name"].note == "Model name must not contain x4, because the program adds the scale."
    type_into(qtbot, window, "model_name", "harbor")
    assert window.form.rows["model_name"].note == "" and window.project.draft.config.model_name == "harbor"


def test_foreign_weights_are_refused_with_the_reason(window: Window, qtbot: Any, tmp_path: Path) -> None:
    path = tmp_path / "photo_x4.pth"
    path.write_bytes(b"GIF89a is not a weight file")
    drop(window, path)
    qtbot.waitUntil(lambda: "init_weights" in window.project.path_problems)
    assert str(path) in window.message_strip.text
    assert not window.project.is_ready


def test_weights_with_unknown_names_are_identified_again_once_rrdb_is_forced(
    window: Window, qtbot: Any, weights: Path, tmp_path: Path
) -> None:
    import torch

    state = torch.load(weights, weights_only=True)["params_ema"]
    torch.save({f"layer_{number}": value for number, value in enumerate(state.values())}, tmp_path / "odd_x4.pth")
    drop(window, tmp_path / "odd_x4.pth")
    qtbot.waitUntil(lambda: "Warm-start architecture rrdb" in window.form.rows["init_weights"].note)
    window.project.set_value("init_arch", "rrdb")
    qtbot.waitUntil(lambda: "loads 100 %" in window.form.rows["init_weights"].note_tooltip)
    assert "init_weights" not in window.project.problems


def test_another_network_is_refused_by_its_name(window: Window, qtbot: Any) -> None:
    path = Path(__file__).resolve().parents[3] / "shared" / "weights" / "realesr-animevideov3.pth"
    if not path.is_file():
        pytest.skip("needs ../shared/weights")
    drop(window, path)
    qtbot.waitUntil(lambda: "SRVGG" in window.form.rows["init_weights"].note)
    wait_until_quiet(window, qtbot)
    assert "SRVGG" in window.form.rows["init_weights"].note
    assert "init_weights" in window.project.problems and not window.project.is_ready


def test_without_a_gpu_the_form_proposes_an_hour_and_ten_minutes_for_a_quick_try(window: Window, qtbot: Any) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    rows, project = window.form.rows, window.project
    qtbot.waitUntil(lambda: rows["max_minutes"].entry.value() == 60, timeout=240_000)
    assert rows["preset"].entry.value() == "light" and not rows["max_minutes"]._reset.isVisible()
    qtbot.mouseClick(find_named(rows["preset"], "How long: Quick try"), Qt.MouseButton.LeftButton)
    assert rows["max_minutes"].entry.value() == 10
    line = rows["max_minutes"].entry.focusProxy()
    assert isinstance(line, QLineEdit)
    line.selectAll()
    qtbot.keyClick(line, Qt.Key.Key_Delete)
    assert project.draft.config.max_minutes is None and project.given()["max_minutes"] is None
    qtbot.mouseClick(rows["max_minutes"]._reset, Qt.MouseButton.LeftButton)
    assert rows["max_minutes"].entry.value() == 10


def test_try_it_fills_in_everything_that_is_needed(window: Window, qtbot: Any) -> None:
    wait_until_quiet(window, qtbot)  # what the window proposes is no choice to ask about
    qtbot.mouseClick(window.run_bar.demo_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.project.is_ready)
    config = window.project.draft.config
    assert (config.demo, config.preset, config.max_minutes) == (True, "nano", 2.0)


def test_place_and_theme_are_remembered(qapp: QApplication, qtbot: Any) -> None:
    from app.widgets.theme import DARK, theme, theme_colors

    theme().set_choice("dark")
    first = make_window()
    first.resize(790, 711)
    first.show()
    assert theme_colors() is DARK
    first.close()
    first.deleteLater()
    second = make_window()
    qtbot.addWidget(second)
    assert second.height() == 711
    from app.system.settings_store import open_settings_store

    assert open_settings_store().value("theme") == "dark"
    theme().set_choice("light")
    second.project.close()


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A tiny RRDB network, saved as other programs do."""
    import torch

    from trainer_core.model.rrdb import RRDBNet
    from trainer_core.model.spec import NetworkSpec

    network = RRDBNet(NetworkSpec(4, 8, 1, 4))
    path = tmp_path / "tiny_x4.pth"
    torch.save({"params_ema": network.state_dict()}, path)
    assert open_weights(path).tensors()
    return path


def test_photos_that_come_later_are_counted_without_a_click(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run")
    row = window.form.rows["source_dir"]
    qtbot.waitUntil(lambda: row.note.startswith("6 photos"), timeout=240_000)
    picture(99).save(photos / "late.png")
    qtbot.waitUntil(lambda: row.note.startswith("7 photos"), timeout=240_000)
    wait_until_quiet(window, qtbot)
    assert row.note.startswith("7 photos") and window.project.is_ready


def test_an_own_camera_profile_chooses_the_watch_and_goes_with_it(window: Window, qtbot: Any, tmp_path: Path) -> None:
    profile = tmp_path / "mine.json"
    profile.write_text(json.dumps({**CameraProfile.builtin("wqv1").to_json(), "name": "mine", "notes": "Fitted."}))
    drop(window, profile)
    row, watch = window.form.rows["camera_profile"], window.form.rows["monochrome_style"]
    qtbot.waitUntil(lambda: row.note == "mine, mono. Fitted.", timeout=240_000)
    assert watch.entry.value() is True
    window.project.set_value("monochrome_style", False)
    assert window.project.draft.config.camera_profile is None
    assert "does not match the selected watch" in window.message_strip.text


def test_a_broken_camera_profile_is_explained_beneath_its_row(window: Window, qtbot: Any, tmp_path: Path) -> None:
    profile = tmp_path / "mine.json"
    profile.write_text("no profile")
    window.project.set_path("camera_profile", str(profile))
    qtbot.waitUntil(lambda: "is not a camera profile" in window.form.rows["camera_profile"].note, timeout=240_000)
    assert not window.project.is_ready


@pytest.fixture
def two_gpus(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with two GPUs that do not work."""
    pytest.importorskip("torch")
    found = (Gpu("cuda:0", "First GPU"), Gpu("cuda:1", "Second GPU"))
    monkeypatch.setattr(gpus, "find_gpus", lambda: (found, ""))
    monkeypatch.setattr(gpus, "choose_precision", lambda gpu: "bf16")
    monkeypatch.setattr(gpus, "find_fault", lambda gpu, precision: "it is a fake")


def test_the_devices_to_choose_from_are_those_of_the_machine(two_gpus: None, window: Window, qtbot: Any) -> None:
    entry = window.form.rows["device"].entry
    assert isinstance(entry, ChoiceEntry)
    box = entry.box
    qtbot.waitUntil(lambda: box.count() == 4, timeout=240_000)
    assert [box.itemText(i) for i in range(4)] == ["auto", "cpu", "First GPU (cuda:0)", "Second GPU (cuda:1)"]
    assert box.currentText() == "auto" and "not been run on any GPU" in box.toolTip()
    unfold_groups(window)
    box.setCurrentIndex(3)
    box.activated.emit(3)
    assert window.project.draft.config.device == "cuda:1"
    warning = "Second GPU (cuda:1) cannot be used: it is a fake."
    qtbot.waitUntil(
        lambda: any(warning in unwrapped(line.toolTip()) for line in window.run_bar.checklist.lines), timeout=240_000
    )
    window.project.set_value("device", "xpu")
    assert box.currentText() == "xpu", "a workspace may name a device of another machine"
    window.project.reset_value("device")
    assert box.currentText() == "auto"


def test_without_a_gpu_there_is_only_the_processor_to_choose(window: Window, qtbot: Any) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available() or torch.xpu.is_available() or torch.backends.mps.is_available():
        pytest.skip("there is a GPU")
    box = window.form.rows["device"].entry.findChild(QComboBox)
    assert box is not None
    qtbot.waitUntil(lambda: [box.itemText(i) for i in range(box.count())] == ["auto", "cpu"], timeout=240_000)


def test_the_form_shows_the_choices_for_a_processor_before_the_hardware_is_known(
    qapp: QApplication, qtbot: Any
) -> None:
    window = make_window()
    config = window.project.draft.config
    assert (config.preset, config.max_minutes, config.init_weights) == ("light", 60, "starter")
    close_window(window, qtbot)
