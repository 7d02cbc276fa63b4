"""Previews on screen and from disk, the user's own watch photos among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QColor, QImage, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from app.elided import ElidedComboBox
from app.preview.compare import CompareView
from app.preview.panel import PreviewPanel
from app.preview.pictures import Pictures, make_pictures, read_strip
from tests.gui.window_driver import find_named, listed_previews, shown_step
from trainer_core.data import decoding as decode
from trainer_core.events import PreviewImage, PreviewReady
from trainer_core.previews.files import file_name, image_keys, write_preview

_LONG = 60000  # milliseconds; a busy machine needs them


def gray(shade: int, height: int = 48, width: int = 40) -> np.ndarray:
    return np.full((height, width, 3), shade, np.uint8)


def frame(shade: int, name: str = "photo.png") -> PreviewImage:
    """LR of this shade, SR 20 lighter."""
    return PreviewImage(name, gray(shade, 12, 10), gray(shade + 20), gray(shade + 40), gray(shade + 10), 30.0, 29.0)


def pinned(shade: int, name: str) -> PreviewImage:
    return PreviewImage(name, gray(shade, 12, 10), gray(shade + 20), None, gray(shade + 10), None, None)


def preview(folder: Path, step: int, *samples: PreviewImage) -> PreviewReady:
    """As a run leaves it: the event, and the strips on disk."""
    files = []
    for key, sample in zip(image_keys(samples), samples):
        files.append(folder / file_name(step, key))
        write_preview(sample, files[-1])
    return PreviewReady(step, samples, tuple(str(file) for file in files))


def checkerboard(side: int) -> np.ndarray:
    place = np.arange(side)
    return np.repeat(255 * ((place[:, None] + place) % 2).astype(np.uint8)[..., None], 3, 2)


def coded(side: int) -> np.ndarray:
    """A picture whose pixels say where they are: red and green are the lower bits of x and y, blue the upper ones."""
    y, x = np.mgrid[:side, :side]
    return np.stack([x % 256, y % 256, x // 256 + 16 * (y // 256)], axis=-1).astype(np.uint8)


def show_coded(view: CompareView, side: int) -> None:
    picture = coded(side)
    view.show_pictures(make_pictures(1, PreviewImage("coded", picture, picture, picture, picture, 30.0, 29.0)))


def pixel_at(view: CompareView, x: int, y: int) -> tuple[int, int]:
    """Which pixel of a coded picture is drawn at this point of the view."""
    color = view.grab().toImage().pixelColor(x, y)
    return color.red() + 256 * (color.blue() % 16), color.green() + 256 * (color.blue() // 16)


def turn(view: QWidget, place: QPointF, *parts: tuple[int, int]) -> None:
    """The wheel, horizontally and vertically."""
    for x, y in parts:
        event = QWheelEvent(
            place,
            QPointF(view.mapToGlobal(place.toPoint())),
            QPoint(),
            QPoint(x, y),
            Qt.MouseButton.NoButton,
            Qt.KeyboardModifier.NoModifier,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(view, event)


@pytest.fixture
def view(qapp: QApplication, qtbot: Any) -> CompareView:
    """400x400 pixels with a picture of 480x480."""
    made = CompareView()
    qtbot.addWidget(made)
    made.resize(400, 400)
    made.show()
    sample = PreviewImage(
        "photo", checkerboard(120), gray(10, 480, 480), gray(20, 480, 480), gray(30, 480, 480), 30.0, 29.0
    )
    made.show_pictures(make_pictures(1, sample))
    return made


def test_lr_stays_square_pixels_where_the_picture_is_fitted_smaller_than_it_is(view: CompareView) -> None:
    view.set_mode("LR")
    shown = view.grab().toImage()
    shades = {QColor(shown.pixel(x, y)).red() for x in range(50, 300) for y in range(50, 300)}
    assert shades == {0, 255}


def test_the_wheel_zooms_a_step_a_notch_around_the_pointer(view: CompareView) -> None:
    show_coded(view, 480)
    view.set_mode("SR")
    view.set_zoom(2)
    corner = QPointF(300, 100)
    before = pixel_at(view, 300, 100)
    turn(view, corner, *[(0, 8)] * 10, (-120, 0))
    assert view.zoom == 2
    turn(view, corner, *[(0, 8)] * 5)
    assert view.zoom == 3
    assert pixel_at(view, 300, 100) == pytest.approx(before, abs=1)
    turn(view, corner, (0, -120))
    assert view.zoom == 2


@pytest.mark.parametrize("mode", ["SR", "Side by side"])
def test_the_zoom_goes_step_by_step_from_the_fitted_picture_and_back(view: CompareView, mode: str) -> None:
    show_coded(view, 48)
    view.set_mode(mode)

    def width() -> int:
        """Screen pixels of one pixel of the picture, near the middle of the upper left quarter."""
        shown = view.grab().toImage()
        columns = [shown.pixelColor(x, 60).red() for x in range(40, 160)]
        return columns.count(columns[60])

    fitted, place = width(), QPointF(100, 100)
    assert fitted == {"SR": 400 // 48, "Side by side": 198 // 48}[mode]
    for number in (1, 2):
        turn(view, place, (0, 120))
        assert width() == fitted + number
    for number in (1, 0, 0):
        turn(view, place, (0, -120))
        assert width() == fitted + number
    assert view.zoom == 0


def test_a_picture_goes_with_the_mouse_at_any_pixel_ratio(
    view: CompareView, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_coded(view, 480)
    monkeypatch.setattr(view, "devicePixelRatioF", lambda: 2.0)
    view.set_mode("SR")
    view.set_zoom(8)
    before = pixel_at(view, 150, 150)
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(150, 150))
    qtbot.mouseMove(view, QPoint(190, 174))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(190, 174))
    assert pixel_at(view, 190, 174) == pytest.approx(before, abs=1)
    assert pixel_at(view, 150, 150) == pytest.approx((before[0] - 10, before[1] - 6), abs=1), "4 points a pixel"


def test_the_slider_stays_in_the_view_of_a_zoomed_image(view: CompareView, qtbot: Any) -> None:
    show_coded(view, 480)
    view.set_zoom(4)
    for center in (0.1, 0.9):
        view._center = QPointF(center, 0.5)
        assert 0 < view._slider_x() < view.width()
    x = view._slider_x()
    qtbot.mousePress(view, Qt.MouseButton.LeftButton, pos=QPoint(x, 100))
    qtbot.mouseMove(view, QPoint(x + 60, 100))
    qtbot.mouseRelease(view, Qt.MouseButton.LeftButton, pos=QPoint(x + 60, 100))
    assert view._slider_x() == pytest.approx(x + 60, abs=1)


def test_a_double_click_zooms_around_the_pointer_and_fits_again(view: CompareView, qtbot: Any) -> None:
    show_coded(view, 96)
    view.set_mode("SR")
    assert view.zoom_text == "Fit, 400 %"
    before = pixel_at(view, 140, 260)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(140, 260))
    assert view.zoom_text == "800 %" and pixel_at(view, 140, 260) == pytest.approx(before, abs=1)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(140, 260))
    assert view.zoom_text == "Fit, 400 %"


def test_the_context_menu_copies_the_image_under_the_pointer(view: CompareView) -> None:
    view.set_mode("Slider")
    x = view._slider_x()
    for place, name, level in ((x - 40, "Bicubic", 30), (x + 40, "SR", 10)):
        found = view._view_at(QPoint(place, 200))
        assert found == name
        menu = view.make_menu(found)
        menu.actions()[0].trigger()
        image = QApplication.clipboard().image()
        assert (image.width(), image.height()) == (480, 480) and image.pixelColor(5, 5).red() == level
        next(action for action in menu.actions() if action.text() == "100 %").trigger()
        assert view.zoom == 1
        next(action for action in menu.actions() if action.text() == "Fit").trigger()
        assert view.zoom == 0


@pytest.fixture
def panel(qapp: QApplication, qtbot: Any) -> PreviewPanel:
    made = PreviewPanel()
    qtbot.addWidget(made)
    made.resize(700, 420)
    made.show()
    return made


def shade(panel: PreviewPanel, view: str) -> int:
    assert panel.view.pictures is not None
    red: int = panel.view.pictures.images[view].pixelColor(3, 3).red()
    return red


def test_previews_are_shown_compared_and_found_again_on_disk(panel: PreviewPanel, qtbot: Any, tmp_path: Path) -> None:
    for number, level in ((4, 40), (8, 80)):
        panel.on_event(preview(tmp_path, number, frame(level)))
    view = panel.view
    assert shown_step(panel) == 8
    view.setFocus()
    for key, mode in ((Qt.Key.Key_1, "LR"), (Qt.Key.Key_3, "HR"), (Qt.Key.Key_B, "Side by side"), (Qt.Key.Key_2, "SR")):
        qtbot.keyClick(view, key)
        assert view.mode == mode
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.zoom >= 1 and view.hasFocus()
    assert view.grab().toImage().pixelColor(QPoint(view.width() // 2, view.height() // 2)).red() == 100
    panel.timeline.slider.setValue(0)
    qtbot.waitUntil(lambda: shown_step(panel) == 4)
    assert shade(panel, "SR") == 60
    other = PreviewPanel()
    qtbot.addWidget(other)
    other.load_folder(tmp_path)
    qtbot.waitUntil(lambda: shown_step(other) == 8)
    assert (shade(other, "LR"), shade(other, "HR")) == (80, 120)


def test_keys_choose_the_picture_wherever_the_focus_is(panel: PreviewPanel, qtbot: Any, tmp_path: Path) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40), pinned(90, "harbor")))
    panel.activateWindow()
    against, next_button = find_named(panel, "Image left of the slider"), find_named(panel, "Next image")
    for widget in (panel.picture_box, against, panel.timeline.play_button, panel.view):
        for key, mode in ((Qt.Key.Key_1, "LR"), (Qt.Key.Key_B, "Side by side"), (Qt.Key.Key_S, "Slider")):
            widget.setFocus()
            qtbot.keyClick(widget, key)
            assert panel.view.mode == mode, (widget, mode)
    next_button.setFocus()
    qtbot.keyClick(next_button, Qt.Key.Key_Plus)
    assert panel.view.zoom >= 1
    qtbot.keyClick(next_button, Qt.Key.Key_0)
    assert panel.view.zoom == 0


def test_a_photo_that_was_pinned_just_now_is_shown_with_its_first_preview(panel: PreviewPanel, tmp_path: Path) -> None:
    panel.on_event(preview(tmp_path, 2, frame(40)))
    panel.on_event(preview(tmp_path, 4, frame(40)))
    panel.timeline.slider.setValue(0)
    panel.select_next_pinned()
    panel.on_event(preview(tmp_path, 6, frame(40)))  # it was under way when the photo came
    assert "photo.png" in panel.caption
    panel.on_event(preview(tmp_path, 7, frame(40), pinned(90, "harbor")))
    assert panel.picture_box.currentText() == "harbor" and shown_step(panel) == 7
    panel.picture_box.setCurrentIndex(0)
    panel.on_event(preview(tmp_path, 9, frame(40), pinned(90, "harbor")))
    panel.on_event(preview(tmp_path, 10, frame(40), pinned(60, "anchor"), pinned(90, "harbor")))
    assert panel.picture_box.currentText() == "photo.png", "only what was pinned in this window, and once"


def test_pinned_photos_come_after_the_frames_and_have_no_original(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path
) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40), pinned(90, "harbor")))
    assert listed_previews(panel) == ["photo.png", "harbor"]
    assert not panel.unpin_button.isVisible()
    qtbot.keyClick(panel.view, Qt.Key.Key_PageDown)
    assert panel.picture_box.currentText() == "harbor" and panel.unpin_button.isVisible()
    panel.view.set_mode("Side by side")
    assert panel.view.visible_views == ["LR", "Bicubic", "SR"]
    panel.view.grab()
    panel.view.set_mode("HR")
    assert panel.view.visible_views == []
    empty = panel.view.grab().toImage()
    panel.view.set_mode("SR")
    assert panel.view.grab().toImage() != empty
    panel.view.set_mode("Slider")
    panel.view.set_left("HR")  # as chosen for a frame before
    middle = panel.view.height() // 2
    drawn: QImage = panel.view.grab().toImage()
    colors = {drawn.pixelColor(x, middle).red() for x in range(panel.view.width())}
    assert {100, 110} <= colors, "bicubic on the left, SR on the right"
    qtbot.keyClick(panel.view, Qt.Key.Key_PageUp)
    assert panel.picture_box.currentText() == "photo.png"


def _shown_name(name: str) -> str:
    """Return what a box of the size that it asks for shows of the name."""
    box = ElidedComboBox()
    box.ensurePolished()
    box.addItems([name, "a.png"])
    box.resize(box.sizeHint())
    return box.visible_text()


def test_a_picture_s_name_stands_once_and_shows_where_it_differs_from_the_others(
    panel: PreviewPanel, tmp_path: Path
) -> None:
    panel.resize(640, 420)
    panel.on_event(preview(tmp_path, 4, frame(40, "val/scene_1337_0077.png")))
    assert not panel.picture_box.isVisible()
    assert panel.caption.endswith("val/scene_1337_0077.png")
    panel.on_event(preview(tmp_path, 4, frame(40, "val/scene_1337_0077.png"), frame(50, "val/scene_1337_0078.png")))
    QApplication.processEvents()
    assert panel.picture_box.visible_text() == "val/scene_1337_0077.png"
    for name in ("1104472.png", "a_longer_name.png"):
        assert _shown_name(name) == name, "a box as wide as it asks to be shows the name whole"
    assert panel.caption == "step 4 · +1.00 dB · PSNR 30.00, bicubic 29.00"
    long = [f"a_folder_of_some_length/a_photo_of_the_camera_{number}.png" for number in (1, 2)]
    panel.on_event(preview(tmp_path, 8, *(frame(40, name) for name in long)))
    QApplication.processEvents()
    shown = panel.picture_box.visible_text()
    assert shown.startswith("a_folder") and shown.endswith("1.png") and "…" in shown
    assert panel.picture_box.toolTip() == long[0]
    panel.picture_box.showPopup()
    assert panel.picture_box.view().width() > panel.picture_box.fontMetrics().horizontalAdvance(long[0])
    panel.picture_box.hidePopup()


def test_the_chosen_picture_stays_chosen_as_previews_come_and_the_list_changes(
    panel: PreviewPanel, tmp_path: Path
) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40), pinned(90, "harbor")))
    panel.picture_box.setCurrentIndex(1)
    panel.on_event(preview(tmp_path, 8, frame(50), frame(55, "b.png"), pinned(60, "anchor"), pinned(92, "harbor")))
    assert listed_previews(panel) == ["photo.png", "b.png", "anchor", "harbor"]
    assert panel.picture_box.currentText() == "harbor" and shade(panel, "LR") == 92
    panel.on_event(preview(tmp_path, 12, frame(50)))
    assert listed_previews(panel) == ["photo.png", "harbor"], (
        "it was taken out of the folder, what was seen of it is there"
    )
    assert panel.picture_box.currentText() == "harbor" and shown_step(panel) == 8
    panel.clear()
    panel.on_event(preview(tmp_path, 1, frame(50), pinned(94, "harbor")))
    assert panel.picture_box.currentText() == "harbor", "in the next run as well"


def test_the_slider_goes_through_the_earlier_pictures_of_a_pinned_photo(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path
) -> None:
    preview(tmp_path, 2, frame(10))
    for number in (4, 6, 8, 10):
        preview(tmp_path, number, frame(40), pinned(90 + number, "harbor"))
    panel.load_folder(tmp_path)
    qtbot.waitUntil(lambda: shown_step(panel) == 10)
    qtbot.waitUntil(lambda: listed_previews(panel) == ["photo.png", "harbor"])
    assert panel.caption == "step 10 · +1.00 dB · PSNR 30.00, bicubic 29.00"
    assert panel.timeline.slider.maximum() == 4
    panel.picture_box.setCurrentIndex(1)
    assert panel.timeline.slider.maximum() == 3, "it was pinned before step 4"
    for place, number in enumerate((4, 6, 8)):
        panel.timeline.slider.setValue(place)
        qtbot.waitUntil(lambda number=number: shown_step(panel) == number)
        assert shade(panel, "LR") == 90 + number
    panel.on_event(preview(tmp_path, 12, frame(40), pinned(102, "harbor")))
    assert panel.timeline.slider.maximum() == 4
    assert shown_step(panel) == 8, "who looks back is not torn away"


def test_space_plays_the_earlier_previews_once(panel: PreviewPanel, qtbot: Any, tmp_path: Path) -> None:
    for number in (1, 2, 3):
        preview(tmp_path, number, frame(40 + number))
    panel.load_folder(tmp_path)
    qtbot.waitUntil(lambda: shown_step(panel) == 3)
    shown: list[int] = []
    show = panel.view.show_pictures
    panel.view.show_pictures = lambda pictures: (shown.append(pictures.step), show(pictures))  # type: ignore
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    assert panel.timeline.is_playing
    qtbot.waitUntil(lambda: not panel.timeline.is_playing and shown[-1:] == [3])
    assert shown == [1, 2, 3]
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    assert not panel.timeline.is_playing
    qtbot.keyClick(panel.view, Qt.Key.Key_Space)
    panel.hide()
    assert not panel.timeline.is_playing


def test_a_preview_that_is_gone_from_the_disk_is_said_to_be(panel: PreviewPanel, qtbot: Any, tmp_path: Path) -> None:
    for number in (1, 2):
        panel.on_event(preview(tmp_path, number, frame(40)))
    (tmp_path / file_name(1, "1")).write_bytes(b"torn")
    panel.timeline.slider.setValue(0)
    qtbot.waitUntil(lambda: "no longer exist" in panel.caption)
    qtbot.wait(100)
    assert panel.caption == "The files of this preview no longer exist."
    assert panel.view.pictures is None and panel.timeline.step == 1


def test_a_resumed_run_takes_the_place_of_the_steps_it_redoes(panel: PreviewPanel, qtbot: Any, tmp_path: Path) -> None:
    for number in (4, 8, 12):
        preview(tmp_path, number, frame(40 + number))
    panel.load_folder(tmp_path)
    qtbot.waitUntil(lambda: shown_step(panel) == 12)
    panel.on_event(preview(tmp_path, 8, frame(99)))
    assert shown_step(panel) == 8 and shade(panel, "LR") == 99
    assert panel.timeline.slider.maximum() == 1


def test_the_preview_of_another_process_is_read_from_its_files(panel: PreviewPanel, qtbot: Any, tmp_path: Path) -> None:
    event = preview(tmp_path, 4, frame(40), pinned(90, "harbor"))
    panel.on_event(PreviewReady(4, (), event.files))
    qtbot.waitUntil(lambda: shown_step(panel) == 4)
    qtbot.waitUntil(lambda: listed_previews(panel) == ["photo.png", "harbor"])
    assert shade(panel, "LR") == 40


def test_a_strip_from_disk_is_cut_into_what_was_shown_and_nothing_too_large_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview(tmp_path, 3, frame(40), pinned(60, "harbor"))
    strip, own = tmp_path / file_name(3, "1"), tmp_path / file_name(3, "pinned_harbor")
    found = read_strip(strip)
    assert found is not None and (found.step, found.name, found.psnr) == (3, "photo.png", 30.0)
    assert [QColor(image.pixel(0, 0)).red() for image in found.images.values()] == [40, 50, 60, 80]
    assert all((image.width(), image.height()) == (40, 48) for image in found.images.values())
    pinned_one = read_strip(own)
    assert pinned_one is not None and list(pinned_one.images) == ["LR", "Bicubic", "SR"]
    strip.write_bytes(strip.read_bytes()[:-40])
    assert read_strip(strip) is None
    monkeypatch.setattr(decode, "MAX_PIXELS", 3 * 40 * 48 - 1)
    assert read_strip(own) is None and read_strip(tmp_path / file_name(4, "1")) is None


def test_pictures_of_earlier_previews_are_not_kept(panel: PreviewPanel, tmp_path: Path) -> None:
    import gc

    for number in range(1, 40):
        panel.on_event(preview(tmp_path, number, frame(40, "unheard of.png")))
    gc.collect()
    assert sum(type(thing) is PreviewImage and thing.name == "unheard of.png" for thing in gc.get_objects()) == 1
    assert sum(type(thing) is Pictures and thing.name == "unheard of.png" for thing in gc.get_objects()) == 1
