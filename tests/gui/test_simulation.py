"""What the watch sees: pairs before the start, one of them in full size, and the user's own captures."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any, Callable

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QFileDialog, QMenu

from app.preview.pictures import HR, LR
from app.run.session import SessionState
from app.simulation.captures import MAX_CAPTURES
from app.simulation.cells import PictureCell, enlarge_pixels, to_qimage
from app.window import Window
from tests.gui.window_driver import drop_files, fill_form, show_tab, unwrapped, wait_until_quiet
from tests.small_runs import TINY, make_photos, watch_photo
from trainer_core.previews.pinned_photos import MAX_PINNED

_LONG = 240_000  # milliseconds; a busy machine needs them


def choose(window: Window, folder: Path, **more: object) -> None:
    """Choose photos for whole frames of the mono watch at x2, with a network whose time is soon estimated."""
    for name, value in {**TINY, "base_resolution": 120, "scale": 2, **more}.items():
        window.project.set_value(name, value)
    window.project.set_path("source_dir", str(folder))


def seen(window: Window, qtbot: Any) -> list[np.ndarray]:
    """The watch photos, once a dozen are there."""
    qtbot.waitUntil(lambda: len(window.simulation.grid.pairs) == 12, timeout=_LONG)
    return [window.simulation.grid.pairs[place].lr for place in range(12)]


def capture(path: Path, seed: int = 1) -> Path:
    """A photo as a WQV-1 leaves it, of another size than the tiny frames of these tests' trainings."""
    levels = np.random.default_rng(seed).integers(0, 16, (120, 120), dtype=np.uint8) * 17
    Image.fromarray(levels).save(path)
    return path


def settle(window: Window, qtbot: Any) -> None:
    """Longer than changes are waited for, and until the training thread has done what it was asked."""
    qtbot.wait(600)
    answered: list[None] = []
    window.training.submit(lambda: None, answered.append, lambda error: None)
    qtbot.waitUntil(lambda: bool(answered), timeout=_LONG)


def test_choosing_photos_shows_what_the_watch_would_make_of_them(window: Window, qtbot: Any, photos: Path) -> None:
    assert window.start_page.isVisible()
    choose(window, photos)
    pictures = seen(window, qtbot)
    assert window.simulation.isVisible()
    assert not window.start_page.isVisible()
    assert pictures[0].shape == (96, 112, 3)  # what there is of 120x120 on photos of 224x208
    assert not (pictures[0] % 17).any()
    qtbot.waitUntil(lambda: all(cell.has_image for cell in window.simulation.grid.cells))
    assert window.simulation.grid.cells[0].accessibleName().startswith("photo0.png")
    window.project.set_path("source_dir", "")
    assert window.start_page.isVisible()


def test_the_pairs_follow_the_watch_and_other_settings_leave_them_alone(
    window: Window, qtbot: Any, photos: Path
) -> None:
    choose(window, photos, monochrome_style=False)
    color = seen(window, qtbot)[0]
    began: list[object] = []
    window.pairs.started.connect(began.append)
    window.project.set_value("learning_rate", 1e-5)
    window.project.set_value("steps", 77)
    settle(window, qtbot)
    assert not began
    window.project.set_value("degradation", "bicubic")
    window.project.set_value("scale", 8)
    window.project.set_value("scale", 4)  # before the first of them began
    qtbot.waitUntil(lambda: len(began) == 1, timeout=_LONG)
    plain = seen(window, qtbot)[0]
    assert plain.shape != color.shape
    assert len(began) == 1


def test_others_are_other_photos(window: Window, qtbot: Any, tmp_path: Path) -> None:
    choose(window, make_photos(tmp_path / "many", 30))
    seen(window, qtbot)
    first = {pair.name for pair in window.simulation.grid.pairs.values()}
    with qtbot.waitSignal(window.pairs.started, timeout=_LONG):
        qtbot.mouseClick(window.simulation.others_button, Qt.MouseButton.LeftButton)
    seen(window, qtbot)
    assert len({pair.name for pair in window.simulation.grid.pairs.values()} - first) >= 10


def test_wrong_settings_and_unreadable_folders_say_so(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    choose(window, photos)
    seen(window, qtbot)
    window.project.set_value("base_resolution", 3)
    assert "48" in window.simulation.reason
    window.project.reset_value("base_resolution")
    qtbot.waitUntil(lambda: window.simulation.reason == "", timeout=_LONG)
    profile = tmp_path / "broken.json"
    profile.write_text("{", "utf-8")
    window.project.set_path("camera_profile", str(profile))
    qtbot.waitUntil(lambda: "broken.json" in window.simulation.reason, timeout=_LONG)
    window.project.reset_value("camera_profile")
    window.project.set_path("source_dir", str(tmp_path / "nowhere"))
    qtbot.waitUntil(lambda: "nowhere" in window.simulation.reason, timeout=_LONG)


def test_photos_are_taken_in_the_training_thread_and_only_while_somebody_looks(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer_core.training import simulated_view

    threads: set[str] = set()
    real = simulated_view.WatchCamera.simulate

    def watched(*arguments: Any) -> Any:
        threads.add(threading.current_thread().name)
        return real(*arguments)

    monkeypatch.setattr(simulated_view.WatchCamera, "simulate", watched)
    began: list[object] = []
    window.pairs.started.connect(began.append)
    window.project.set_path("workspace", str(tmp_path / "run"))
    qtbot.waitUntil(lambda: not window.project.is_busy, timeout=_LONG)
    show_tab(window, "Progress")
    choose(window, photos)
    qtbot.waitUntil(lambda: window.pairs.state == "ready", timeout=_LONG)
    settle(window, qtbot)
    assert not began
    show_tab(window, "What the watch sees")
    seen(window, qtbot)
    assert len(threads) == 1
    assert threading.current_thread().name not in threads


def test_a_training_shows_its_progress_and_has_the_machine_for_itself(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    began: list[object] = []
    window.pairs.started.connect(began.append)
    show_tab(window, "Log")
    fill_form(window, photos, tmp_path / "run", steps=100000)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    window.controller.start()
    assert window.preview.isVisible()
    assert not window.simulation.others_button.isEnabled()
    qtbot.waitUntil(lambda: window.session.state is SessionState.TRAINING, timeout=_LONG)
    show_tab(window, "What the watch sees")
    settle(window, qtbot)
    assert not began
    assert window.simulation.reason.startswith("No watch photos are simulated while a training runs.")
    window.session.stop()
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    assert window.simulation.others_button.isEnabled()
    seen(window, qtbot)


def test_a_click_opens_a_pair_in_full_size_and_keys_lead_on_and_back(window: Window, qtbot: Any, photos: Path) -> None:
    choose(window, photos)
    seen(window, qtbot)
    watch = window.simulation
    qtbot.waitUntil(lambda: watch.grid.cells[2].has_image)
    qtbot.mouseClick(watch.grid.cells[2], Qt.MouseButton.LeftButton)
    view = watch.large.view
    assert view.isVisible()
    assert view.pictures is not None
    assert view.pictures.name == watch.grid.pairs[2].name
    assert set(view.pictures.images) == {LR, HR}
    qtbot.keyClick(view, Qt.Key.Key_2)
    assert view.mode == HR
    qtbot.keyClick(view, Qt.Key.Key_PageDown)
    assert view.pictures.name == watch.grid.pairs[3].name
    assert view.mode == HR
    qtbot.keyClick(view, Qt.Key.Key_Escape)
    assert watch.grid.isVisible()
    assert watch.grid.cells[3].hasFocus()


def test_own_captures_lie_beside_them_at_the_same_size(window: Window, qtbot: Any, tmp_path: Path) -> None:
    choose(window, make_photos(tmp_path / "large", 4, width=300, height=300))
    seen(window, qtbot)
    one, two = capture(tmp_path / "one.png"), capture(tmp_path / "two.png", 2)
    drop_files(window.simulation, one, two)
    row = window.simulation.row
    qtbot.waitUntil(lambda: len(row.cells) == 2, timeout=_LONG)
    assert row.cells[0].width() == (window.simulation.grid.cells[0].width() - 2) // 2
    drop_files(window.simulation, one)  # it is there already
    qtbot.wait(200)
    assert [c.name for c in row.captures] == ["one", "two"]
    qtbot.mouseClick(row.cells[1], Qt.MouseButton.LeftButton)
    pictures = window.simulation.large.view.pictures
    assert pictures is not None
    assert pictures.images["Your watch photo"].pixelColor(0, 0).red() == row.captures[1].pixels[0, 0]
    qtbot.mouseClick(row.remove_button, Qt.MouseButton.LeftButton)
    assert not row.captures
    assert not row.remove_button.isVisible()
    assert one.exists()
    shown = window.simulation.large.view.pictures
    assert shown is not None
    assert "Your watch photo" not in shown.images


def test_the_photos_pinned_in_an_opened_workspace_are_own_captures_until_they_are_removed(
    window: Window, qtbot: Any, tmp_path: Path
) -> None:
    folder, row = tmp_path / "run" / "preview_photos", window.simulation.row
    for number, name in enumerate(("harbor", "street")):
        watch_photo(folder / f"{name}.png", number)
    window.project.set_path("workspace", str(tmp_path / "run"))
    qtbot.waitUntil(lambda: [c.name for c in row.captures] == ["harbor", "street"], timeout=_LONG)
    row.remove_button.click()
    with qtbot.waitSignal(window.project.workspace_opened, timeout=_LONG):
        window.project.set_path("workspace", str(tmp_path / "run"))
    qtbot.wait(200)
    assert not row.captures


def test_another_workspace_brings_its_pinned_photos_but_keeps_what_was_dropped(
    window: Window, qtbot: Any, tmp_path: Path
) -> None:
    row = window.simulation.row
    for number, name in enumerate(("one", "two", "three")):
        watch_photo(tmp_path / name / "preview_photos" / f"photo of {name}.png", number)
    for name in ("one", "two"):
        window.project.set_path("workspace", str(tmp_path / name))
        qtbot.waitUntil(lambda name=name: [c.name for c in row.captures] == [f"photo of {name}"], timeout=_LONG)
    window.simulation.add_captures([capture(tmp_path / "dropped.png", 9)])
    qtbot.waitUntil(lambda: len(row.captures) == 2, timeout=_LONG)
    with qtbot.waitSignal(window.project.workspace_opened, timeout=_LONG):
        window.project.set_path("workspace", str(tmp_path / "three"))
    qtbot.wait(200)
    assert [c.name for c in row.captures] == ["photo of two", "dropped"]


def test_own_captures_are_browsed_for_in_every_form(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "harbor.bin").write_bytes(b"harbor".ljust(24) + bytes((2, 11, 30, 23, 59)) + bytes([0x9F]) * 7200)
    offered = []

    def browse(parent: Any, title: str, start: str, kinds: str) -> tuple[list[str], str]:
        offered.append(kinds)
        return [str(tmp_path / "harbor.bin")], ""

    monkeypatch.setattr(QFileDialog, "getOpenFileNames", browse)
    window.simulation.row.choose_requested.emit()
    qtbot.waitUntil(lambda: [c.name for c in window.simulation.row.captures] == ["harbor"], timeout=_LONG)
    photos, everything = offered[0].split(";;")
    assert {"*.bin", "*.dat", "*.wqv", "*.pdb", "*.png", "*.jpg"} <= set(photos.split("(")[1].rstrip(")").split())
    assert everything == "All files (*)"


def test_the_watch_photos_of_a_folder_are_shown(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_photos(tmp_path / "mixed", 2)
    (folder / "deeper").mkdir()
    capture(folder / "deeper" / "harbor.png")
    (tmp_path / "empty").mkdir()
    make_photos(tmp_path / "others", 1)
    for chosen, message in (("empty", "contain no photos"), ("others", "no photos of the watch"), ("mixed", "")):
        monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_, name=chosen: str(tmp_path / name))
        window.simulation.row.folder_button.click()
        qtbot.waitUntil(lambda message=message: message in window.message_strip.text, timeout=_LONG)
    qtbot.waitUntil(lambda: [c.name for c in window.simulation.row.captures] == ["harbor"], timeout=_LONG)


def test_previews_show_the_first_watch_photos_of_a_folder(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    for number in range(MAX_PINNED + 2):
        watch_photo(folder / f"photo{number:02}.png", number)
    window.project.set_value("monochrome_style", True)
    window.project.set_path("workspace", str(tmp_path / "run"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    tip = "Show the photos of the watch in a folder and its subfolders; previews show the first twelve of your watch."
    assert unwrapped(window.simulation.row.folder_button.toolTip()) == tip
    window.simulation.row.folder_button.click()
    pinned = [f"photo{number:02}.png" for number in range(MAX_PINNED)]
    kept = tmp_path / "run" / "preview_photos"
    qtbot.waitUntil(lambda: sorted(path.name for path in kept.glob("*.png")) == pinned, timeout=_LONG)
    qtbot.waitUntil(lambda: len(window.simulation.row.captures) == MAX_PINNED + 2, timeout=_LONG)


def color_photo(path: Path, seed: int) -> Path:
    """A picture that a color watch could have taken: its size, in color."""
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (144, 176, 3), dtype=np.uint8)).save(path)
    return path


def test_previews_show_the_photos_of_the_chosen_watch_wherever_they_are_in_a_folder(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "captures"
    folder.mkdir()
    for number in range(MAX_CAPTURES + 2):
        color_photo(folder / f"color{number:02}.png", number)
    for number in range(3):
        watch_photo(folder / f"mono{number}.png", number)
    window.project.set_value("monochrome_style", True)
    window.project.set_path("workspace", str(tmp_path / "run"))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    window.simulation.row.folder_button.click()
    qtbot.waitUntil(lambda: "3 watch photos are pinned" in window.message_strip.text, timeout=_LONG)
    assert sorted(path.name for path in (tmp_path / "run" / "preview_photos").glob("*.png")) == [
        "mono0.png",
        "mono1.png",
        "mono2.png",
    ]
    assert "color" not in window.message_strip.text


@pytest.mark.parametrize("of_folder", [True, False])
def test_a_folder_without_room_for_its_photos_in_the_previews_is_no_error(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of_folder: bool
) -> None:
    for number in range(MAX_PINNED - 1):
        watch_photo(tmp_path / "run" / "preview_photos" / f"pinned{number}.png", 100 + number)
    folder = tmp_path / "captures"
    files = [watch_photo(folder / f"photo{number}.png", number) for number in range(3)]
    posted: list[tuple[str, str]] = []
    window.project.set_value("monochrome_style", True)
    window.project.set_path("workspace", str(tmp_path / "run"))
    qtbot.waitUntil(lambda: len(window.simulation.row.captures) == MAX_PINNED - 1, timeout=_LONG)
    window.project.message_posted.connect(lambda level, text: posted.append((level, text)))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(folder))
    for room in (1, 0):
        posted.clear()
        if of_folder:
            window.simulation.row.folder_button.click()
        else:
            window.pins.pin(files[1 - room :])
        qtbot.waitUntil(lambda: bool(posted), timeout=_LONG)
        ((level, text),) = posted
        if of_folder:
            assert level == "info"
        else:
            assert level == ("warning" if room else "error")
        assert f"A preview shows at most {MAX_PINNED} pinned photos" in text
    assert len(list((tmp_path / "run" / "preview_photos").glob("*.png"))) == MAX_PINNED
    assert len(window.simulation.row.captures) == MAX_PINNED + 2


@pytest.mark.parametrize("place", ["simulation", "preview", "menu"])
def test_chosen_captures_are_pinned_as_dropped_ones_are(
    window: Window, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    chosen = capture(tmp_path / "harbor.png")
    window.project.set_value("monochrome_style", True)
    window.project.set_path("workspace", str(tmp_path / "run"))
    monkeypatch.setattr(QFileDialog, "getOpenFileNames", lambda *_: ([str(chosen)], ""))
    actions = [action for menu in window.menuBar().findChildren(QMenu) for action in menu.actions()]
    triggers: dict[str, Callable[[], object]] = {
        "simulation": window.simulation.row.choose_button.click,
        "preview": window.preview.add_button.click,
        "menu": next(action for action in actions if action.text() == "&Add watch photos …").trigger,
    }
    triggers[place]()
    qtbot.waitUntil(lambda: (tmp_path / "run" / "preview_photos" / "harbor.png").is_file(), timeout=_LONG)
    qtbot.waitUntil(lambda: [c.name for c in window.simulation.row.captures] == ["harbor"], timeout=_LONG)
    qtbot.waitUntil(lambda: "is pinned" in window.message_strip.text, timeout=_LONG)


def test_a_drop_beside_the_pairs_is_used_as_anywhere_in_the_window(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    choose(window, make_photos(tmp_path / "others", 2))
    seen(window, qtbot)
    weights = tmp_path / "some.pth"
    weights.write_bytes(b"x")
    drop_files(window.simulation, weights)
    assert window.project.draft.config.init_weights == str(weights)
    drop_files(window.simulation, photos)
    assert window.project.draft.config.source_dir == str(photos)
    drop_files(window.simulation, photos / "photo1.png", capture(tmp_path / "good.png"))
    qtbot.waitUntil(lambda: "photo1.png" in window.message_strip.text, timeout=_LONG)
    assert "pinned" in window.message_strip.text
    qtbot.waitUntil(lambda: [c.name for c in window.simulation.row.captures] == ["good"], timeout=_LONG)
    broken = tmp_path / "broken.pdb"
    broken.write_bytes(b"no database")
    window.simulation.add_captures([broken])
    qtbot.waitUntil(lambda: "broken.pdb" in window.message_strip.text, timeout=_LONG)


def test_every_watch_pixel_is_shown_alike(qtbot: Any) -> None:
    board = np.indices((10, 10)).sum(0).astype(np.uint8) % 2 * 255
    shown = enlarge_pixels(to_qimage(board), QSize(25, 25))
    row = [shown.pixelColor(x, 1).red() for x in range(25)]
    assert row[0] == row[5] == row[10] == row[15] == 0  # each pair of pixels takes five, with a soft edge between
    assert row[3] == row[8] == row[13] == 255
    cell = PictureCell(1)
    qtbot.addWidget(cell)
    cell.show_pictures("board", to_qimage(board))
    cell.set_pixel_size(QSize(10, 10), 3.0)
    drawn = cell.grab().toImage()
    assert [drawn.pixelColor(x, 1).red() for x in (0, 2, 3, 5, 6)] == [0, 0, 255, 255, 0]


def test_as_many_columns_as_leave_every_pixel_its_place(window: Window, qtbot: Any, tmp_path: Path) -> None:
    choose(window, make_photos(tmp_path / "large", 4, width=300, height=300))
    seen(window, qtbot)
    grid = window.simulation.grid
    viewport = grid.parentWidget()
    assert viewport is not None
    area = viewport.parentWidget()
    assert area is not None

    def columns() -> int:
        return len({cell.x() for cell in grid.cells})

    for width, expected in ((1400, 4), (860, 3), (600, 2)):
        area.setFixedWidth(width)
        window.resize(width + 400, 800)
        qtbot.waitUntil(lambda expected=expected: columns() == expected)
        right = max(cell.geometry().right() for cell in grid.cells)
        assert grid.width() - 20 < right <= grid.width()
        assert grid.factor >= 1


def test_a_capture_is_compared_and_pinned_wherever_it_is_dropped(window: Window, qtbot: Any, tmp_path: Path) -> None:
    fill_form(window, make_photos(tmp_path / "large", 4, width=300, height=300), tmp_path / "run", base_resolution=120)
    seen(window, qtbot)
    drop_files(window.simulation, capture(tmp_path / "here.png"))
    qtbot.waitUntil(lambda: "pinned" in window.message_strip.text, timeout=_LONG)
    drop_files(window.run_bar, capture(tmp_path / "there.png", 2))
    qtbot.waitUntil(lambda: len(window.simulation.row.captures) == 2, timeout=_LONG)
    pinned = tmp_path / "run" / "preview_photos"
    qtbot.waitUntil(lambda: pinned.is_dir() and len(list(pinned.iterdir())) == 2, timeout=_LONG)
    wait_until_quiet(window, qtbot)
    assert sorted(path.name for path in pinned.iterdir()) == ["here.png", "there.png"]
    assert [capture.name for capture in window.simulation.row.captures] == ["here", "there"]
