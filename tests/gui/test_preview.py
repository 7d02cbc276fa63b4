"""Previews on screen and from disk, the user's own watch photos among them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt
from PySide6.QtGui import QColor, QImage, QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QWidget

from app.preview import compare, full_screen, image_menu, names
from app.preview.compare import CompareView
from app.preview.cut_out import CutOut
from app.preview.label import label_height
from app.preview.panel import PreviewPanel
from app.preview.pictures import (
    BICUBIC,
    DIFFERENCE,
    HR,
    LR,
    SR,
    STRIP,
    Pictures,
    make_pictures,
    read_strip,
    short_name,
    show_difference,
)
from app.widgets.elided import ElidedComboBox
from app.widgets.theme import theme
from app.window import Window
from tests.gui.window_driver import fill_form, find_named, listed_previews, shown_step, wait_until_quiet
from tests.small_runs import watch_photo
from trainer_core import PROGRAM
from trainer_core.data import decoding as decode
from trainer_core.events import PreviewImage, PreviewReady
from trainer_core.previews.files import file_name, image_keys, write_preview

_LONG = 240_000  # milliseconds; a busy machine needs them
_FULL_SCREEN_HINT = "Press Esc or F, or right-click, to leave full screen"


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
        write_preview(sample, files[-1], made_by="the network at step 5", weights="5ab1")
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
    view.set_mode(LR)
    shown = view.grab().toImage()
    shades = {QColor(shown.pixel(x, y)).red() for x in range(50, 300) for y in range(50, 300)}
    assert shades == {0, 255}


def test_the_wheel_zooms_a_step_a_notch_around_the_pointer(view: CompareView) -> None:
    show_coded(view, 480)
    view.set_mode(SR)
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


@pytest.mark.parametrize("mode", [SR, "Side by side"])
def test_the_zoom_goes_step_by_step_from_the_fitted_picture_and_back(view: CompareView, mode: str) -> None:
    show_coded(view, 48)
    view.set_mode(mode)

    def width() -> int:
        """Screen pixels of one pixel of the picture, near the middle of the upper left quarter."""
        shown = view.grab().toImage()
        columns = [shown.pixelColor(x, 60).red() for x in range(40, 160)]
        return columns.count(columns[60])

    fitted, place = width(), QPointF(100, 100)
    assert fitted == {SR: 400 // 48, "Side by side": 198 // 48}[mode]
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
    view.set_mode(SR)
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


def test_the_zoom_is_named_while_it_is_new_and_then_where_it_covers_no_picture(view: CompareView, qtbot: Any) -> None:
    view.set_zoom(8)
    assert view.shows_zoom, "the zoom is new"
    view._zoom_timer.setInterval(0)
    view.set_zoom(9)
    qtbot.waitUntil(lambda: not view.shows_zoom)
    view.resize(900, 300)
    view.set_zoom(0)
    qtbot.waitUntil(lambda: not view._zoom_timer.isActive())
    assert view.shows_zoom, "the picture leaves the corner free"


def test_a_double_click_zooms_around_the_pointer_and_fits_again(view: CompareView, qtbot: Any) -> None:
    show_coded(view, 96)
    view.set_mode(SR)
    assert view.zoom_text == "Fit, 400 %"
    before = pixel_at(view, 140, 260)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(140, 260))
    assert view.zoom_text == "800 %" and pixel_at(view, 140, 260) == pytest.approx(before, abs=1)
    qtbot.mouseDClick(view, Qt.MouseButton.LeftButton, pos=QPoint(140, 260))
    assert view.zoom_text == "Fit, 400 %"


def test_the_context_menu_copies_the_image_under_the_pointer(view: CompareView) -> None:
    view.set_mode("Slider")
    x = view._slider_x()
    for place, name, level in ((x - 40, BICUBIC, 30), (x + 40, SR, 10)):
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


def rectangle(area: QRect) -> tuple[int, int, int, int]:
    return area.x(), area.y(), area.width(), area.height()


def point_at(view: CompareView, qtbot: Any, place: QPoint) -> str:
    """Move the mouse there and read the line about the pixel."""
    qtbot.mouseMove(view, QPoint(1, 1))
    qtbot.mouseMove(view, place)
    return view.pixel_text


def test_the_values_of_the_pixel_under_the_mouse_are_named_for_every_image(view: CompareView, qtbot: Any) -> None:
    view.set_mode(SR)
    view.resize(400, 400 + view._name_room(view.rect()))
    assert point_at(view, qtbot, QPoint(9, 10)) == (
        "12, 12: Watch photo 0 · Plain enlargement 30 · Network 10 · Original 20"
    )
    assert point_at(view, qtbot, QPoint(13, 10)) == (
        "16, 12: Watch photo 255 · Plain enlargement 30 · Network 10 · Original 20"
    ), "a pixel of the watch covers four by four"
    view.set_mode(DIFFERENCE)
    assert point_at(view, qtbot, QPoint(9, 10)) == "12, 12: Network 10 · Original 20"
    show_coded(view, 100)  # a screen pixel each
    view.set_mode("Side by side")
    pane = view._panes(4)[3]
    place = view._image_rect(pane).topLeft().toPoint() + QPoint(40, 60)
    assert point_at(view, qtbot, place).startswith("40, 60: ") and view.pixel_text.endswith("Original 40 60 0")
    qtbot.mouseMove(view, QPoint(pane.left() - 1, 50))  # between two panes
    assert view.pixel_text == ""
    QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
    assert view.pixel_text == ""


def test_the_line_about_a_pixel_leaves_the_pixel_visible_and_moves_nothing(view: CompareView, qtbot: Any) -> None:
    view.resize(700, 400)
    view.set_mode(HR)

    def changed(place: QPoint) -> list[int]:
        """The rows that the line covers while the mouse is there."""
        QApplication.sendEvent(view, QEvent(QEvent.Type.Leave))
        before = view.grab().toImage()
        point_at(view, qtbot, place)
        after = view.grab().toImage()
        return [y for y in range(400) if any(before.pixel(x, y) != after.pixel(x, y) for x in range(0, 700, 3))]

    middle, edge = changed(QPoint(350, 200)), changed(QPoint(350, 15))
    assert middle and max(middle) < 60
    assert edge and min(edge) > 15 + 10 and len(edge) == len(middle)


def choose(view: CompareView, image: str, entry: str) -> None:
    next(action for action in view.make_menu(image).actions() if action.text() == entry).trigger()


def test_the_visible_part_is_cut_out_of_the_compared_images_pixel_by_pixel(view: CompareView) -> None:
    show_coded(view, 480)
    view.set_zoom(4)  # 100 x 100 pixels are visible
    view.set_mode("Slider")
    cut_outs: list[CutOut] = []
    view.cut_out_chosen.connect(cut_outs.append)
    next(action for action in view.make_menu(SR).actions() if action.text() == "Cut out and save …").trigger()
    (found,) = cut_outs
    assert found.views == (BICUBIC, SR)
    x, y, width, height = rectangle(found.area)
    assert (width, height) == (100, 100) or (width, height) == (101, 101)
    expected = coded(480)[y : y + height, x : x + width]
    pixels = found.cut()
    assert (pixels[:, :width] == expected).all() and (pixels[:, -width:] == expected).all()
    assert found.description == f"{width} x {height} pixels at {x}, {y} of {BICUBIC}, {SR}"


def test_shift_and_the_mouse_mark_a_part_and_its_menu_saves_it(
    view: CompareView, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_coded(view, 100)  # 400 %
    view.set_mode(SR)
    menus: list[QMenu] = []
    monkeypatch.setattr(QMenu, "popup", lambda menu, *place: menus.append(menu))
    chosen: list[CutOut] = []
    view.cut_out_chosen.connect(chosen.append)
    left, shift = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
    qtbot.mousePress(view, left, shift, QPoint(41, 81))
    qtbot.mouseMove(view, QPoint(79, 119))
    assert rectangle(view._mark) == (10, 20, 10, 10)
    marked = view.grab().toImage().pixelColor(39, 100)
    assert marked.name() == theme().colors.accent
    qtbot.mouseMove(view, QPoint(900, 900))  # beyond the edge of the view
    qtbot.mouseRelease(view, left, shift, QPoint(900, 900))
    next(action for action in menus[0].actions() if action.text() == "Cut out and save …").trigger()
    assert rectangle(chosen[0].area) == (10, 20, 90, 80) and chosen[0].views == (SR,)
    menus[0].aboutToHide.emit()
    assert view._mark.isEmpty()
    qtbot.mouseClick(view, left, shift, QPoint(41, 81))
    assert len(menus) == 1, "a click marks nothing"


@pytest.fixture
def panel(qapp: QApplication, qtbot: Any) -> PreviewPanel:
    made = PreviewPanel()
    qtbot.addWidget(made)
    made.resize(740, 420)
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
    for key, mode in ((Qt.Key.Key_1, LR), (Qt.Key.Key_3, HR), (Qt.Key.Key_B, "Side by side"), (Qt.Key.Key_2, SR)):
        qtbot.keyClick(view, key)
        assert view.mode == mode
    qtbot.keyClick(view, Qt.Key.Key_Plus)
    assert view.zoom >= 1 and view.hasFocus()
    assert view.grab().toImage().pixelColor(QPoint(view.width() // 2, view.height() // 2)).red() == 100
    panel.timeline.slider.setValue(0)
    qtbot.waitUntil(lambda: shown_step(panel) == 4)
    assert shade(panel, SR) == 60
    other = PreviewPanel()
    qtbot.addWidget(other)
    other.load_folder(tmp_path)
    qtbot.waitUntil(lambda: shown_step(other) == 8)
    assert (shade(other, LR), shade(other, HR)) == (80, 120)


def test_the_controls_below_the_picture_stay_when_previews_arrive(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path
) -> None:
    places = []
    for step in (4, 8):
        places.append(panel.add_button.mapTo(panel, QPoint()))
        assert not panel.timeline.isEnabled()
        panel.on_event(preview(tmp_path, step, frame(40)))
        qtbot.waitUntil(lambda step=step: shown_step(panel) == step)
    places.append(panel.add_button.mapTo(panel, QPoint()))
    assert len(set(places)) == 1 and panel.timeline.isEnabled()


def test_keys_choose_the_picture_wherever_the_focus_is(panel: PreviewPanel, qtbot: Any, tmp_path: Path) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40), pinned(90, "harbor")))
    panel.activateWindow()
    against, next_button = find_named(panel, "Image left of the slider"), find_named(panel, "Next image")
    for widget in (panel.picture_box, against, panel.timeline.play_button, panel.view):
        for key, mode in ((Qt.Key.Key_1, LR), (Qt.Key.Key_B, "Side by side"), (Qt.Key.Key_S, "Slider")):
            widget.setFocus()
            qtbot.keyClick(widget, key)
            assert panel.view.mode == mode, (widget, mode)
    next_button.setFocus()
    qtbot.keyClick(next_button, Qt.Key.Key_Plus)
    assert panel.view.zoom >= 1
    qtbot.keyClick(next_button, Qt.Key.Key_0)
    assert panel.view.zoom == 0


def drawn_place(view: CompareView) -> tuple[float, ...]:
    """Where the picture lies on the screen, and its zoom."""
    corner = view.mapToGlobal(view._image_rect(view._shown_panes()[0]).topLeft())
    return corner.x(), corner.y(), view._pixel_size(view.rect())


@pytest.mark.parametrize("zoom", [0, 8])
def test_x_flips_between_the_two_pictures_of_the_slider_at_the_same_place(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path, zoom: int
) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40)))
    panel.activateWindow()
    QApplication.processEvents()
    view = panel.view
    assert view.mode == "Slider"
    for leave in (None, Qt.Key.Key_Escape):
        view.set_mode("Slider")
        view.set_left(BICUBIC)
        view.set_zoom(zoom)
        view._pan(QPointF(-7, 11) * bool(zoom))
        QApplication.processEvents()
        before = drawn_place(view)
        for left in (BICUBIC, LR):
            view.set_left(left)
            for shown in (SR, left, SR):
                qtbot.keyClick(view, Qt.Key.Key_X)
                QApplication.processEvents()
                assert view.visible_views == [shown] and drawn_place(view) == before
                view.grab()
            view.set_mode(left)  # a single picture of the slider continues with the other one
        qtbot.keyClick(view, leave or Qt.Key.Key_F)
    panel.clear()
    qtbot.keyClick(view, Qt.Key.Key_X)
    assert view.mode == LR, "there is nothing to flip"


def test_a_photo_that_was_pinned_just_now_is_shown_with_its_first_preview(panel: PreviewPanel, tmp_path: Path) -> None:
    panel.on_event(preview(tmp_path, 2, frame(40)))
    panel.on_event(preview(tmp_path, 4, frame(40)))
    panel.timeline.slider.setValue(0)
    panel.select_next_pinned()
    panel.on_event(preview(tmp_path, 6, frame(40)))  # it was under way when the photo came
    assert "photo.png" in panel.caption
    panel.on_event(preview(tmp_path, 7, frame(40), pinned(90, "harbor")))
    assert panel.picture_box.currentText() == "harbor" and shown_step(panel) == 7
    panel.picture_box.setCurrentIndex(1)
    panel.on_event(preview(tmp_path, 9, frame(40), pinned(90, "harbor")))
    panel.on_event(preview(tmp_path, 10, frame(40), pinned(60, "anchor"), pinned(90, "harbor")))
    assert panel.picture_box.currentText() == "photo.png", "only what was pinned in this window, and once"


def test_the_owner_s_photos_are_shown_first_unless_another_picture_was_chosen(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path
) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40)))
    assert shown_step(panel) == 4 and "photo.png" in panel.caption
    panel.on_event(preview(tmp_path, 8, frame(40), pinned(90, "harbor"), pinned(80, "anchor")))
    assert panel.picture_box.currentText() == "harbor"
    panel.clear()
    panel.on_event(preview(tmp_path, 2, frame(40), pinned(90, "harbor")))
    assert panel.picture_box.currentText() == "harbor", "in the next run as well"
    qtbot.keyClick(panel.view, Qt.Key.Key_PageDown)
    panel.clear()
    panel.on_event(preview(tmp_path, 2, frame(40), pinned(90, "harbor")))
    assert panel.picture_box.currentText() == "photo.png"


def test_an_empty_view_asks_for_watch_photos_until_there_are_some(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run")
    window.show_run(True)
    wait_until_quiet(window, qtbot)
    view = window.preview.view
    assert view.empty_text.endswith("Add photos from your watch with the + button below.")
    assert window.preview.add_button.y() > window.preview.view.geometry().bottom()
    asking = view.grab().toImage()
    window.pins.pin([watch_photo(tmp_path / "harbor.png")])
    qtbot.waitUntil(lambda: "your watch photos and other photos enlarged by the network appear" in view.empty_text)
    assert view.grab().toImage() != asking
    window.project.set_path("workspace", str(tmp_path / "another"))
    qtbot.waitUntil(lambda: "Add photos from your watch" in view.empty_text)


def test_pinned_photos_come_before_the_frames_and_have_no_original(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path
) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40), pinned(90, "harbor")))
    assert listed_previews(panel) == ["harbor", "photo.png"]
    qtbot.keyClick(panel.view, Qt.Key.Key_PageDown)
    assert panel.picture_box.currentText() == "photo.png" and not panel.unpin_button.isVisible()
    qtbot.keyClick(panel.view, Qt.Key.Key_PageUp)
    assert panel.picture_box.currentText() == "harbor" and panel.unpin_button.isVisible()
    panel.view.set_mode("Side by side")
    assert panel.view.visible_views == [LR, BICUBIC, SR]
    panel.view.grab()
    panel.view.set_mode(HR)
    assert panel.view.visible_views == []
    empty = panel.view.grab().toImage()
    panel.view.set_mode(SR)
    assert panel.view.grab().toImage() != empty
    panel.view.set_mode("Slider")
    panel.view.set_left(HR)  # as chosen for a frame before
    middle = panel.view.height() // 2
    drawn: QImage = panel.view.grab().toImage()
    colors = {drawn.pixelColor(x, middle).red() for x in range(panel.view.width())}
    assert {100, 110} <= colors, "bicubic on the left, SR on the right"
    qtbot.keyClick(panel.view, Qt.Key.Key_PageDown)
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
    panel.resize(900, 420)
    panel.on_event(preview(tmp_path, 4, frame(40, "val/scene_1337_0077.png")))
    assert not panel.picture_box.isVisible()
    assert panel.caption.endswith("val/scene_1337_0077.png")
    panel.on_event(preview(tmp_path, 4, frame(40, "val/scene_1337_0077.png"), frame(50, "val/scene_1337_0078.png")))
    QApplication.processEvents()
    assert panel.picture_box.visible_text() == "val/scene_1337_0077.png"
    for name in ("1104472.png", "a_longer_name.png"):
        assert _shown_name(name) == name, "a box as wide as it asks to be shows the name whole"
    assert panel.caption == "step 4 · +1.00 dB over plain enlargement · PSNR 30.00"
    assert Pictures(0, "", {}).caption(with_name=False) == "step 0, before this training"
    long = [f"a_folder_of_some_length/a_photo_of_the_camera_{number}.png" for number in (1, 2)]
    panel.on_event(preview(tmp_path, 8, *(frame(40, name) for name in long)))
    QApplication.processEvents()
    shown = panel.picture_box.visible_text()
    assert shown.startswith("a_folder") and shown.endswith("1.png") and "…" in shown
    assert panel.picture_box.toolTip() == long[0]
    panel.picture_box.showPopup()
    assert panel.picture_box.view().width() > panel.picture_box.fontMetrics().horizontalAdvance(long[0])
    panel.picture_box.hidePopup()


def test_parts_of_one_photo_are_numbered_in_the_list(panel: PreviewPanel, tmp_path: Path) -> None:
    panel.on_event(preview(tmp_path, 5, frame(10, "sea.png"), frame(20, "hill.png"), frame(30, "sea.png")))
    assert listed_previews(panel) == ["sea.png (1)", "hill.png", "sea.png (2)"]


def test_the_chosen_picture_stays_chosen_as_previews_come_and_the_list_changes(
    panel: PreviewPanel, tmp_path: Path
) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40), pinned(90, "harbor")))
    for row in (1, 0):
        panel.picture_box.setCurrentIndex(row)
    panel.on_event(preview(tmp_path, 8, frame(50), frame(55, "b.png"), pinned(60, "anchor"), pinned(92, "harbor")))
    assert listed_previews(panel) == ["anchor", "harbor", "photo.png", "b.png"]
    assert panel.picture_box.currentText() == "harbor" and shade(panel, LR) == 92
    panel.on_event(preview(tmp_path, 12, frame(50)))
    assert listed_previews(panel) == ["harbor", "photo.png"], (
        "it was taken out of the folder, what was seen of it is there"
    )
    assert panel.picture_box.currentText() == "harbor" and shown_step(panel) == 8
    panel.clear()
    panel.on_event(preview(tmp_path, 1, frame(50), pinned(94, "harbor")))
    assert panel.picture_box.currentText() == "harbor", "in the next run as well"


def test_only_what_a_photo_has_is_offered_left_of_the_slider(panel: PreviewPanel, tmp_path: Path) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40), pinned(90, "harbor")))
    box, frames = panel.left_choice.box, panel.picture_box

    def offered() -> list[str]:
        return [box.itemData(row) for row in range(box.count())]

    frames.setCurrentIndex(frames.findText("photo.png"))
    assert offered() == [BICUBIC, LR, HR]
    box.setCurrentIndex(2)
    box.activated.emit(2)
    assert panel.view.left == HR
    frames.setCurrentIndex(frames.findText("harbor"))
    assert offered() == [BICUBIC, LR] and panel.view.left == BICUBIC == box.currentData()
    frames.setCurrentIndex(frames.findText("photo.png"))
    assert offered() == [BICUBIC, LR, HR] and panel.view.left == HR == box.currentData(), "the user's choice"


def test_the_name_of_a_view_is_shortened_where_its_pane_is_narrow(
    view: CompareView, monkeypatch: pytest.MonkeyPatch
) -> None:
    painted: list[str] = []
    monkeypatch.setattr(names, "paint_label", lambda painter, text, *given, **more: painted.append(text))
    for label, width, expected in (
        ("Network: mono (best)", 900, {BICUBIC, "Network: mono (best)"}),
        ("Network: mono (best)", 300, {"Plain enlargement", "mono (best)"}),
        (f"{SR}: step 30", 340, {"Plain enlargement", "Network: step 30"}),
    ):
        view.labels = {SR: label}
        view.resize(width, 400)
        view.set_mode("Side by side")
        painted.clear()
        view.grab()
        assert expected <= set(painted), painted


@pytest.mark.parametrize("mode", [SR, "Slider", "Side by side"])
def test_names_cover_nothing_of_a_fitted_picture_that_is_shown_smaller_than_it_is(
    view: CompareView, mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.show_pictures(make_pictures(4, PreviewImage("p", *(gray(9, 900, 900),) * 4, None, None)))
    view.resize(900, 480)
    view.set_mode(mode)
    panes: list[QRect] = []
    monkeypatch.setattr(names, "paint_label", lambda painter, text, pane, *, right, with_terms: panes.append(pane))
    view.grab()
    assert panes
    for pane in view._shown_panes():
        image = view._image_rect(pane)
        assert image.top() >= pane.top() and image.bottom() <= pane.bottom() - label_height(view.fontMetrics())


def test_a_name_over_a_picture_gives_way_to_the_mouse(
    view: CompareView, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    view.resize(900, 480)
    view.set_mode("Side by side")
    view.set_zoom(16)
    name, left = short_name(BICUBIC), view._panes(4)[1]
    assert [text for text in painted_labels(view, monkeypatch) if text.startswith(name)]
    qtbot.mouseMove(view, left.center())
    assert [text for text in painted_labels(view, monkeypatch) if text.startswith(name)]
    qtbot.mouseMove(view, QPoint(left.center().x(), left.bottom() - 5))
    painted = painted_labels(view, monkeypatch)
    assert SR in painted and not [text for text in painted if text.startswith(name)]


def test_the_slider_goes_through_the_earlier_pictures_of_a_pinned_photo(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path
) -> None:
    preview(tmp_path, 2, frame(10))
    for number in (4, 6, 8, 10):
        preview(tmp_path, number, frame(40), pinned(90 + number, "harbor"))
    panel.load_folder(tmp_path)
    qtbot.waitUntil(lambda: shown_step(panel) == 10)
    qtbot.waitUntil(lambda: listed_previews(panel) == ["harbor", "photo.png"])
    panel.picture_box.setCurrentIndex(1)
    qtbot.waitUntil(lambda: panel.caption == "step 10 · +1.00 dB · PSNR 30.00")  # the short one
    for width, expected in ((520, "+1.00 dB"), (1200, "step 10 · +1.00 dB over plain enlargement · PSNR 30.00")):
        panel.resize(width, 500)
        qtbot.waitUntil(lambda: panel.caption == expected)  # noqa: B023
    assert panel.timeline.slider.maximum() == 4
    panel.picture_box.setCurrentIndex(0)
    assert panel.timeline.slider.maximum() == 3, "it was pinned before step 4"
    for place, number in enumerate((4, 6, 8)):
        panel.timeline.slider.setValue(place)
        qtbot.waitUntil(lambda number=number: shown_step(panel) == number)
        assert shade(panel, LR) == 90 + number
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
    assert shown_step(panel) == 8 and shade(panel, LR) == 99
    assert panel.timeline.slider.maximum() == 1


def test_the_preview_of_another_process_is_read_from_its_files(panel: PreviewPanel, qtbot: Any, tmp_path: Path) -> None:
    event = preview(tmp_path, 4, frame(40), pinned(90, "harbor"))
    panel.on_event(PreviewReady(4, (), event.files))
    qtbot.waitUntil(lambda: shown_step(panel) == 4)
    qtbot.waitUntil(lambda: listed_previews(panel) == ["harbor", "photo.png"])
    qtbot.waitUntil(lambda: shade(panel, LR) == 90)


def test_a_strip_from_disk_is_cut_into_what_was_shown_and_nothing_too_large_is_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    preview(tmp_path, 3, frame(40), pinned(60, "harbor"))
    strip, own = tmp_path / file_name(3, "1"), tmp_path / file_name(3, "pinned_harbor")
    found = read_strip(strip)
    assert found is not None and (found.step, found.name, found.psnr) == (3, "photo.png", 30.0)
    assert [QColor(found.images[view].pixel(0, 0)).red() for view in STRIP] == [40, 50, 60, 80]
    assert all((image.width(), image.height()) == (40, 48) for image in found.images.values())
    pinned_one = read_strip(own)
    assert pinned_one is not None and list(pinned_one.images) == [LR, BICUBIC, SR]
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


def painted_labels(view: CompareView, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that the view paints on its images."""
    painted: list[str] = []
    with monkeypatch.context() as patch:
        for module in (compare, names):
            patch.setattr(module, "paint_label", lambda painter, text, *given, **more: painted.append(text))
        view.grab()
    return painted


@pytest.mark.parametrize("zoom", [0, 8])
def test_n_and_p_go_through_the_steps_at_the_same_place_beside_one_reference(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, zoom: int
) -> None:
    for step, shading in ((0, 40), (4, 90), (9, 140)):
        panel.on_event(preview(tmp_path, step, frame(shading)))
    panel.activateWindow()
    view = panel.view
    box = panel.left_choice.box
    box.setCurrentIndex(box.findData(HR))
    box.activated.emit(box.currentIndex())
    view.set_zoom(zoom)
    for leave in (Qt.Key.Key_F, Qt.Key.Key_Escape):  # in the window, then on the whole screen
        QApplication.processEvents()
        place = drawn_place(view)
        for key, step in zip("PPPNN", (4, 0, 0, 4, 9)):
            qtbot.keyClick(view, key)
            qtbot.waitUntil(lambda step=step: shown_step(panel) == step)
            assert drawn_place(view) == place and view.visible_views == [HR, SR]
            assert any(text.endswith(f"step {step}") for text in painted_labels(view, monkeypatch))
        qtbot.keyClick(view, leave)


def test_the_difference_to_the_original_is_drawn_brighter(panel: PreviewPanel, tmp_path: Path) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40)))
    assert shade(panel, DIFFERENCE) == 4 * 20, "SR is 20 darker than HR"
    assert DIFFERENCE not in make_pictures(8, pinned(90, "harbor")).images
    far = show_difference(gray(0), gray(200))
    assert far.min() == far.max() == 255


def move_mouse(view: CompareView, button: Qt.MouseButton = Qt.MouseButton.NoButton) -> None:
    place, none, keys = QPointF(90, 90), Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier
    QApplication.sendEvent(view, QMouseEvent(QEvent.Type.MouseMove, place, place, none, button, keys))


def test_f_fills_the_screen_with_the_comparison_and_escape_puts_it_back(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.on_event(preview(tmp_path, 4, frame(40), pinned(90, "harbor")))
    panel.activateWindow()
    QApplication.processEvents()
    view = panel.view
    view.setFocus()
    for leave in (Qt.Key.Key_Escape, Qt.Key.Key_F):
        qtbot.keyClick(view, Qt.Key.Key_F)
        assert view.isWindow() and view.isFullScreen()
        assert view.hint == _FULL_SCREEN_HINT in painted_labels(view, monkeypatch)
        for key, mode in ((Qt.Key.Key_2, SR), (Qt.Key.Key_B, "Side by side"), (Qt.Key.Key_S, "Slider")):
            qtbot.keyClick(view, key)
            assert view.mode == mode
        shown = panel.picture_box.currentIndex()
        qtbot.keyClick(view, Qt.Key.Key_PageDown)
        assert panel.picture_box.currentIndex() != shown
        qtbot.keyClick(view, leave)
        qtbot.waitUntil(lambda: panel.rect().contains(view.geometry()))
        assert view.isVisible() and not view.isWindow() and view.hasFocus() and not view.hint
    assert "Leave full screen" not in [entry.text() for entry in view.make_menu(SR).actions()]
    monkeypatch.setattr(full_screen, "_HINT_TIME", 0)
    find_named(panel, "Full screen").click()  # type: ignore[attr-defined]
    qtbot.waitUntil(lambda: not view.hint)
    monkeypatch.setattr(full_screen, "_HINT_TIME", 10_000)
    move_mouse(view)
    assert not view.hint, "soon after the last movement"
    monkeypatch.setattr(full_screen, "_REST_SECONDS", 0.0)
    move_mouse(view, Qt.MouseButton.LeftButton)
    assert not view.hint, "while dragging"
    move_mouse(view)
    assert view.hint == _FULL_SCREEN_HINT
    for image in (SR, None):
        menu = view.make_menu(image)
        assert menu.actions()[0].text() == "Leave full screen"
    menu.actions()[0].trigger()
    assert view.isVisible() and not view.isWindow() and not view.hint
    find_named(panel, "Full screen").click()  # type: ignore[attr-defined]
    view.close()
    assert view.isVisible() and not view.isWindow(), "the desktop closed it"


def test_a_part_of_a_preview_is_saved_with_the_text_of_its_file(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.on_event(preview(tmp_path, 7, frame(100, "harbor.png")))
    panel.view.set_mode("Side by side")
    names: list[str] = []

    def ask(parent: QWidget, title: str, name: str, kinds: str) -> tuple[str, str]:
        names.append(Path(name).name)
        return str(tmp_path / f"cut{len(names)}"), kinds

    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)

    def save() -> dict[str, str]:
        with qtbot.waitSignal(panel.message_posted, timeout=_LONG) as posted:
            next(a for a in panel.view.make_menu(SR).actions() if a.text() == "Cut out and save …").trigger()
        assert posted.args == ["info", f"Saved to {tmp_path / f'cut{len(names)}.png'}."]
        return decode.read_png_texts(tmp_path / f"cut{len(names)}.png")

    text = save()
    assert (text["Title"], names[0]) == ("harbor.png", "harbor_cut.png")
    assert text["Description"] == f"SR by the network at step 5, {PROGRAM}", "as the file says"
    assert text["Cut-out"] == f"40 x 48 pixels at 0, 0 of {', '.join(STRIP)}" and "Software" in text
    pixels = decode.decode(tmp_path / "cut1.png")
    assert pixels.shape == (48, 4 * 40 + 3 * 8, 3)
    assert pixels[5, [5, 53, 101, 149], 0].tolist() == [100, 110, 120, 140]
    (tmp_path / file_name(7, "1")).unlink()
    assert save()["Description"] == f"SR by the network at step 7, {PROGRAM}"
    (tmp_path / "file").write_bytes(b"")
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *given: (str(tmp_path / "file" / "cut.png"), ""))
    with qtbot.waitSignal(panel.message_posted, timeout=_LONG) as posted:
        next(a for a in panel.view.make_menu(SR).actions() if a.text() == "Cut out and save …").trigger()
    assert posted.args[0] == "error" and "cannot be written" in posted.args[1]


def test_the_picture_under_the_mouse_is_saved_whole_and_its_file_shown(
    panel: PreviewPanel, qtbot: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    panel.on_event(preview(tmp_path, 4, frame(60, "harbor.png")))
    panel.on_event(preview(tmp_path, 7, frame(100, "harbor.png")))
    panel.view.set_zoom(8)  # part of it is out of the view
    names: list[str] = []
    opened: list[Path] = []

    def ask(parent: QWidget, title: str, name: str, kinds: str) -> tuple[str, str]:
        names.append(Path(name).name)
        return str(tmp_path / "saved" / names[-1]), kinds

    (tmp_path / "saved").mkdir()
    monkeypatch.setattr(QFileDialog, "getSaveFileName", ask)
    monkeypatch.setattr(image_menu, "open_folder", opened.append)
    for step, level in ((7, 100), (4, 60)):  # as the run sent it, and read from its file
        panel.show_step(step)
        qtbot.waitUntil(lambda step=step: shown_step(panel) == step)
        for view, size, shade_ in ((SR, (48, 40), level + 20), (LR, (12, 10), level), (DIFFERENCE, (48, 40), 80)):
            with qtbot.waitSignal(panel.message_posted, timeout=_LONG):
                choose(panel.view, view, "Save picture …")
            file = tmp_path / "saved" / names[-1]
            pixels, text = decode.decode(file), decode.read_png_texts(file)
            assert pixels.shape[:2] == size or view == LR
            assert (pixels == shade_).all()
            expected = f"{view}, 4 times brighter" if view == DIFFERENCE else view
            assert (text["Title"], text["View"]) == ("harbor.png", expected) and "Cut-out" not in text
            assert text["Description"] == f"SR by the network at step 5, {PROGRAM}", "as its file says"
        choose(panel.view, SR, "Show in folder")
    assert names[:3] == ["harbor_network.png", "harbor_watch_photo.png", "harbor_difference.png"]
    assert opened == [tmp_path, tmp_path]
    (tmp_path / file_name(4, "1")).unlink()
    assert "Show in folder" not in [action.text() for action in panel.view.make_menu(SR).actions()]


def test_the_difference_is_as_bright_as_chosen_and_says_so(
    view: CompareView, qtbot: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def brightness() -> int:
        assert view.pictures is not None
        return view.pictures.images[DIFFERENCE].pixelColor(3, 3).red()

    def entries() -> list[Any]:
        """The entries of the menu."""
        entry = next(action for action in view.make_menu(DIFFERENCE).actions() if action.text() == "Brightness")
        menu = entry.menu()
        assert isinstance(menu, QMenu)
        return menu.actions()

    view.resize(700, 400)
    view.set_mode(DIFFERENCE)
    texts = ["Not brighter", "2 times brighter", "4 times brighter", "8 times brighter", "16 times brighter"]
    assert [action.text() for action in entries()] == texts
    assert [action.isChecked() for action in entries()] == [False, False, True, False, False] and brightness() == 40
    for number, expected in ((0, 10), (3, 80), (4, 160), (1, 20)):
        entries()[number].trigger()
        assert brightness() == expected and entries()[number].isChecked()
        assert f"{DIFFERENCE}, {texts[number].lower()}" in painted_labels(view, monkeypatch)
    view.show_pictures(make_pictures(2, frame(40)))
    assert brightness() == 2 * 20, "of later previews too"
    assert "Brightness" not in [action.text() for action in view.make_menu(SR).actions()]
    chosen: list[CutOut] = []
    view.cut_out_chosen.connect(chosen.append)
    choose(view, DIFFERENCE, "Save picture …")
    assert chosen[0].text == {"View": f"{DIFFERENCE}, 2 times brighter"} and chosen[0].cut()[3, 3, 0] == 40
    view.show_pictures(make_pictures(3, pinned(90, "harbor")))
    view.set_brightness(8)
    assert view.pictures is not None and DIFFERENCE not in view.pictures.images
