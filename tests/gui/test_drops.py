"""What is dropped on the window: watch photos, runs, checkpoints, weights, and what nothing can be done with."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from app.run.session import SessionState
from app.window import Window
from tests.core.networks import network_of, saved
from tests.gui.window_driver import answer, drop_files, fill_form, listed_previews, shown_step, wait_until_quiet
from tests.small_runs import picture, watch_photo
from trainer_core.control import RunRequest
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.readiness import WARNING

_BESIDE_THE_FORM = QPoint(900, 300)
_LONG = 240_000  # milliseconds; a busy machine needs them


def drop(window: Window, *paths: Path) -> None:
    drop_files(window, *paths, place=_BESIDE_THE_FORM)


def wait_for_message(window: Window, qtbot: Any, *words: str) -> None:
    qtbot.waitUntil(lambda: all(word in window.message_strip.text for word in words), timeout=_LONG)


def test_watch_photos_dropped_together_are_copied_and_the_rest_is_refused(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    fill_form(window, photos, run)
    first, second = watch_photo(tmp_path / "a" / "harbor.png", 1), watch_photo(tmp_path / "b" / "harbor.png", 2)
    before = first.read_bytes()
    drop(window, first, second, photos / "photo0.png")
    wait_for_message(window, qtbot, "2 watch photos are pinned", "photo0.png is a single picture. Drop the folder")
    copies = sorted((run / "preview_photos").iterdir())
    assert [copy.name for copy in copies] == ["harbor.png", "harbor_2.png"]
    assert {copy.read_bytes() for copy in copies} == {before, second.read_bytes()}
    assert first.read_bytes() == before


def test_a_watch_photo_without_a_workspace_is_pinned_when_the_training_starts(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    drop(window, watch_photo(tmp_path / "harbor.png"))
    wait_for_message(window, qtbot, "pinned when training starts")
    qtbot.waitUntil(lambda: QApplication.focusWidget() is window.form.rows["workspace"].entry.focusProxy())
    fill_form(window, photos, tmp_path / "run", steps=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    assert not (tmp_path / "run" / "preview_photos").exists()
    window.controller.start()
    qtbot.waitUntil((tmp_path / "run" / "preview_photos" / "harbor.png").is_file, timeout=_LONG)


def test_a_photo_of_the_other_watch_is_refused_beside_photos_of_the_chosen_one(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run")
    drop(window, watch_photo(tmp_path / "harbor.png"))
    wait_for_message(window, qtbot, "harbor.png is pinned")
    picture(1, 176, 144).save(tmp_path / "beach.jpg")
    drop(window, tmp_path / "beach.jpg")
    wait_for_message(window, qtbot, "beach.jpg is from a color watch", "this run is for a mono watch")
    assert [file.name for file in (tmp_path / "run" / "preview_photos").iterdir()] == ["harbor.png"]
    assert not window.watch_card.is_open


def test_photos_of_the_other_watch_alone_offer_to_switch_and_are_pinned(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", monochrome_style=False)
    drop(window, watch_photo(tmp_path / "harbor.png"))
    qtbot.waitUntil(lambda: window.watch_card.is_open)
    assert window.watch_card.text == "Your watch photos are mono The training is set to WQV-3/10 color."
    (line,) = (check for check in window.project.build_checklist() if check.setting == "monochrome_style")
    assert line.state == WARNING and line.text.startswith("Your watch photos are from a WQV-1 or WQV-2")
    assert not window.project.draft.config.monochrome_style, "never without the user"
    assert (tmp_path / "run" / "preview_photos" / "harbor.png").is_file()
    assert window.watch_card.switch_button.text() == "Switch to WQV-1/2"
    qtbot.waitUntil(lambda: window.card_slot.isVisible())
    window.watch_card.switch_button.click()
    assert window.project.draft.config.monochrome_style
    assert not window.watch_card.is_open
    window.project.undo()
    assert window.watch_card.is_open
    window.project.set_path("workspace", str(tmp_path / "another"))
    qtbot.waitUntil(lambda: not window.watch_card.is_open)


def test_photos_of_the_other_watch_offer_to_switch_before_there_is_a_workspace(
    window: Window, qtbot: Any, tmp_path: Path
) -> None:
    assert not window.project.draft.config.monochrome_style
    drop(window, watch_photo(tmp_path / "harbor.png"))
    qtbot.waitUntil(lambda: window.watch_card.is_open)
    window.project.set_path("workspace", str(tmp_path / "run"))
    wait_until_quiet(window, qtbot)
    assert window.watch_card.is_open


def test_captures_beside_the_photos_offer_to_switch(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    watch_photo(photos / "harbor.png")
    window.project.set_path("source_dir", str(photos))
    qtbot.waitUntil(lambda: window.watch_card.is_open)
    window.project.set_value("monochrome_style", True)
    assert not window.watch_card.is_open
    picture(1, 176, 144).save(photos / "beach.jpg")
    qtbot.waitUntil(lambda: window.project.source.captured == {"mono", "color"})
    window.project.set_value("monochrome_style", False)
    assert not window.watch_card.is_open, "either watch is as likely"


def test_a_folder_of_watch_photos_is_refused_and_offers_to_switch(window: Window, qtbot: Any, tmp_path: Path) -> None:
    for number in range(3):
        watch_photo(tmp_path / "mono" / f"harbor{number}.png", number)
    window.project.set_path("source_dir", str(tmp_path / "mono"))
    qtbot.waitUntil(lambda: window.watch_card.is_open)
    assert "are from the watch" in window.project.problems["source_dir"]
    assert window.project.remedy("source_dir")[0] == "Use anyway"


def test_anything_else_dropped_says_what_would_do(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    drop(window, photos / "photo0.png")
    wait_for_message(window, qtbot, "Drop the folder")
    (tmp_path / "notes.txt").write_text("hello")
    drop(window, tmp_path / "notes.txt")
    wait_for_message(window, qtbot, "notes.txt cannot be used. Drop a folder of photos")
    wait_until_quiet(window, qtbot)
    assert "notes.txt cannot be used. Drop a folder of photos" in window.message_strip.text
    config = window.project.draft.config
    assert not config.source_dir and not config.workspace
    assert config.init_weights == window.project.draft.default("init_weights")


def test_a_run_dropped_with_files_is_where_they_belong(window: Window, qtbot: Any, tmp_path: Path) -> None:
    run = tmp_path / "run"
    checkpoint = run / "checkpoints" / "scale4_step8.pth"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"")
    (run / "training_config.json").write_text('{"schema": 1, "monochrome_style": true}')
    drop(window, watch_photo(tmp_path / "harbor.png"), checkpoint, run)
    assert window.project.draft.config.workspace == str(run)
    assert window.project.draft.config.resume_from == str(checkpoint)
    qtbot.waitUntil((run / "preview_photos" / "harbor.png").is_file, timeout=_LONG)


def test_a_checkpoint_of_this_workspace_offers_to_resume(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    checkpoint = run / "checkpoints" / "scale4_step8.pth"
    checkpoint.write_bytes(b"")
    fill_form(window, photos, run)
    drop(window, checkpoint)
    assert "continue from scale4_step8.pth" in window.message_strip.text
    assert window.project.draft.config.resume_from == str(checkpoint)
    assert window.run_bar.start_button.text() == "Resume training"


def test_while_training_a_dropped_photo_appears_and_weights_are_identified(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    run, weights = tmp_path / "run", saved(network_of(NetworkSpec(4, 8, 1, 4)), tmp_path / "other_x4.pth")
    fill_form(window, photos, run, steps=100000, val_interval=100000, checkpoint_interval=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    qtbot.mouseClick(window.run_bar.start_button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: window.session.step >= 2, timeout=_LONG)

    drop(window, watch_photo(tmp_path / "harbor.png"))
    qtbot.waitUntil(lambda: "harbor" in listed_previews(window.preview), timeout=_LONG)
    qtbot.waitUntil(lambda: window.preview.picture_box.currentText() == "harbor", timeout=_LONG)
    assert list((run / "previews").glob("step*_pinned_harbor.png"))

    drop(window, weights)
    wait_for_message(window, qtbot, "other_x4.pth: a network for x4", "Settings are locked")
    assert window.project.draft.config.init_weights is None
    (tmp_path / "broken.pth").write_bytes(b"GIF89a")
    drop(window, tmp_path / "broken.pth")
    wait_for_message(window, qtbot, "broken.pth")
    drop(window, photos)
    wait_for_message(window, qtbot, "Settings are locked while training runs")
    assert window.session.state is SessionState.TRAINING

    qtbot.mouseClick(window.preview.unpin_button, Qt.MouseButton.LeftButton)
    answer(window, qtbot, "Cancel")
    assert (run / "preview_photos" / "harbor.png").is_file()
    qtbot.mouseClick(window.preview.unpin_button, Qt.MouseButton.LeftButton)
    answer(window, qtbot, "Unpin")
    qtbot.waitUntil(lambda: "harbor" not in listed_previews(window.preview), timeout=_LONG)
    assert not (run / "preview_photos" / "harbor.png").exists() and (tmp_path / "harbor.png").is_file()
    at = shown_step(window.preview)
    window.session.request(RunRequest.PREVIEW)
    qtbot.waitUntil(lambda: shown_step(window.preview) > at, timeout=_LONG)
    assert "harbor" not in listed_previews(window.preview)
