"""Cards appear in a slot one at a time; during a run they move nothing, and they take no click meant for another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Callable

import pytest
from PySide6.QtCore import QEvent, QObject, QPoint, QRect, Qt
from PySide6.QtWidgets import QAbstractButton, QApplication, QLabel, QPushButton, QTabBar, QToolButton, QWidget

from app.run.session import SessionState
from app.widgets import card_slot
from app.widgets.cards import Card
from app.window import Window
from tests.gui.window_driver import find_tabs, wait_until_quiet
from trainer_core.events import RunFinished, Validated
from trainer_core.workspace.unfinished import UnfinishedRun

GAIN = Validated(9, "val", 22.2, 0.6, 21.0, 0.5, True, 8, 1.0)
_LONG_TEXT = "A text that takes more than one line. " * 12


def open_result(window: Window) -> None:
    done = RunFinished("completed", 9, 22.2, 9, 21.0, None, "x.pth", "/somewhere/" + "far/" * 60 + "x4.pth")
    window.result_card.show_result(done, "WQV-Viewer yes")


def open_resume(window: Window) -> None:
    window.resume_card.show_run(UnfinishedRun(123_000, 150_000, Path("x.pth"), 0.0, "interrupted"))


def test_one_action_at_a_time_stands_out(window: Window, qtbot: Any) -> None:
    start = window.run_bar.start_button

    def place() -> QRect:
        QApplication.processEvents()
        return QRect(start.mapTo(window, QPoint()), start.size())

    wait_until_quiet(window, qtbot)
    assert start.property("role") == "primary"
    before = place()
    open_resume(window)
    assert start.property("role") == "secondary" and place() == before
    window.message_strip.show_message("warning", "A message in front of it.")
    assert start.property("role") == "secondary"
    window.resume_card.dismiss()
    assert start.property("role") == "primary" and place() == before
    window.resume_card.show_lost_run(3)
    assert start.property("role") == "primary", "there is nothing to resume"


def cards(window: Window) -> list[Card]:
    return window.card_slot.findChildren(Card)


def visible_cards(window: Window) -> list[Card]:
    return [card for card in cards(window) if card.isVisible()]


def places(window: Window) -> dict[str, QRect]:
    """Where the tabs and the views lie."""
    QApplication.processEvents()
    tabs = find_tabs(window)
    widgets: list[QWidget] = [tabs, tabs.tabBar(), window.preview.view, window.charts]
    return {type(w).__name__: QRect(w.mapTo(window, QPoint()), w.size()) for w in widgets}


def button_at(window: Window, place: QPoint) -> QAbstractButton | None:
    found = window.childAt(place)
    while found is not None and not isinstance(found, QAbstractButton):
        found = found.parentWidget()
    return found


def middle(window: Window, button: QWidget) -> QPoint:
    return button.mapTo(window, button.rect().center())


def wait_until_clickable(window: Window, qtbot: Any, button: QAbstractButton) -> QPoint:
    qtbot.waitUntil(lambda: button_at(window, middle(window, button)) is button)
    return middle(window, button)


@pytest.mark.parametrize("size", [(1280, 800), (1024, 700), (853, 533)])
def test_a_card_that_comes_or_goes_during_a_run_moves_nothing(window: Window, size: tuple[int, int]) -> None:
    window.resize(*size)
    window.show_run(True)
    window.show_state(SessionState.TRAINING)
    before = places(window)
    shows: tuple[Callable[[], object], ...] = (
        lambda: window.message_strip.show_message("info", "Saved."),
        lambda: window.message_strip.show_message("error", _LONG_TEXT),
        lambda: window.crash_card.show_crash("Segmentation fault"),
        lambda: open_resume(window),
        lambda: open_result(window),
        lambda: window.other_process_card.show_process(77, can_stop=True),
    )
    for show in shows:
        show()
        assert places(window) == before
        assert len(visible_cards(window)) == 1
    for card in cards(window):
        card.dismiss()
        assert places(window) == before
    assert not visible_cards(window)


def test_a_slot_without_content_takes_no_room(window: Window) -> None:
    window.resize(1280, 800)
    window.show_run(True)
    QApplication.processEvents()
    top = find_tabs(window).y()
    assert not window.card_slot.isVisible()
    window.message_strip.show_message("info", "Saved.")
    QApplication.processEvents()
    assert window.card_slot.isVisible() and find_tabs(window).mapTo(window, QPoint()).y() > top
    window.message_strip.dismiss()
    assert not window.card_slot.isVisible()
    window.progress_line.show_run([GAIN])
    assert window.card_slot.isVisible(), "it shows the gain of a run"
    window.progress_line.clear_run()
    window.show_state(SessionState.STARTING)
    assert window.card_slot.isVisible()
    window.show_state(SessionState.IDLE)
    assert not window.card_slot.isVisible()


def test_the_views_do_not_move_below_the_pointer_when_the_last_card_closes(window: Window) -> None:
    window.message_strip.show_message("info", "Saved.")
    views = window.card_slot.parentWidget()
    assert views is not None
    views.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    window.message_strip.dismiss()
    assert window.card_slot.isVisible()
    window.message_strip.show_message("info", "Saved again.")
    views.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    QApplication.sendEvent(views, QEvent(QEvent.Type.Leave))
    assert window.card_slot.isVisible(), "there is a card again"
    views.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    window.message_strip.dismiss()
    assert window.card_slot.isVisible()
    QApplication.sendEvent(views, QEvent(QEvent.Type.Leave))
    assert not window.card_slot.isVisible()


def covered_controls(window: Window) -> list[QWidget]:
    """The tabs and buttons that the slot covers."""
    slot = window.card_slot
    views = slot.parentWidget()
    assert views is not None
    controls = [*views.findChildren(QTabBar), *views.findChildren(QPushButton), *views.findChildren(QToolButton)]
    seen = [each for each in controls if each.isVisible() and not slot.isAncestorOf(each)]
    return [each for each in seen if slot.geometry().intersects(QRect(each.mapTo(views, QPoint()), each.size()))]


@pytest.mark.parametrize("has_run", [False, True])
def test_a_card_that_opens_below_the_pointer_covers_the_views_until_it_leaves(window: Window, has_run: bool) -> None:
    window.resize(1280, 800)
    window.show_run(has_run)
    QApplication.processEvents()
    slot, views = window.card_slot, window.card_slot.parentWidget()
    page = find_tabs(window) if has_run else window.start_page
    assert views is not None
    place = page.mapTo(window, QPoint())
    views.setAttribute(Qt.WidgetAttribute.WA_UnderMouse)
    window.message_strip.show_message("warning", "The disk is nearly full.")
    QApplication.processEvents()
    assert window.message_strip.isVisible() and page.mapTo(window, QPoint()) == place
    assert slot.width() == page.width() and not covered_controls(window)
    for size in ((1200, 800), (1024, 700)):
        window.resize(*size)
        QApplication.processEvents()
        assert slot.width() == page.width() and not covered_controls(window)
    window.message_strip.dismiss()
    assert not slot.isVisible()
    window.message_strip.show_message("warning", "The disk is full.")
    views.setAttribute(Qt.WidgetAttribute.WA_UnderMouse, False)
    QApplication.sendEvent(views, QEvent(QEvent.Type.Leave))
    QApplication.processEvents()
    assert slot.isVisible() and page.mapTo(views, QPoint()).y() >= slot.geometry().bottom()


def test_the_newest_card_is_in_front_and_the_others_wait_behind_it(window: Window, qtbot: Any) -> None:
    open_result(window)
    window.message_strip.show_message("info", "Copied.")
    assert visible_cards(window) == [window.message_strip] and window.result_card.text
    more = next(button for button in window.card_slot.findChildren(QAbstractButton) if button.text() == "1 more")
    more.click()
    assert visible_cards(window) == [window.result_card]
    window.message_strip.show_message("info", "Copied again.")
    assert visible_cards(window) == [window.message_strip]
    window.message_strip.dismiss()
    assert visible_cards(window) == [window.result_card] and not more.isVisible()


def test_the_link_of_a_message_says_that_it_brings_back_the_progress(window: Window) -> None:
    window.show_run(True)
    window.session.state_changed.emit(SessionState.TRAINING)
    window.message_strip.show_message("info", "Copied.")
    (link,) = [b for b in window.card_slot.findChildren(QAbstractButton) if b.text() == "Progress" and b.isVisible()]
    assert link.toolTip() == "Show the progress again."
    link.click()
    assert visible_cards(window) == [] and window.progress_line.isVisible()
    assert (link.text(), link.toolTip()) == ("1 more", "Show the next message.")
    open_resume(window)
    assert link.text() == "2 more"
    window.session.state_changed.emit(SessionState.IDLE)


def test_no_button_takes_the_click_that_was_meant_for_another_one(window: Window, qtbot: Any) -> None:
    window.resize(1280, 800)
    window.show_run(True)
    window.progress_line.show_run([GAIN])
    open_resume(window)
    window.crash_card.show_crash("Segmentation fault")
    QApplication.processEvents()
    for _ in range(2):
        front = visible_cards(window)[0]
        close = next(b for b in front.findChildren(QAbstractButton) if b.accessibleName() == "Close this message")
        place = wait_until_clickable(window, qtbot, close)
        close.click()
        QApplication.processEvents()
        assert button_at(window, place) is None
        qtbot.wait(card_slot._CLICK_DELAY // 2)
        assert button_at(window, place) is None
    qtbot.wait(card_slot._CLICK_DELAY)
    assert button_at(window, place) is None, "the slot is empty now"


def test_a_card_that_appears_takes_no_click_at_once(window: Window, qtbot: Any) -> None:
    window.resize(1280, 800)
    open_resume(window)
    QApplication.processEvents()
    place = middle(window, window.resume_card.resume_button)
    assert button_at(window, place) is None
    qtbot.waitUntil(lambda: button_at(window, place) is window.resume_card.resume_button)


def test_during_a_run_its_progress_comes_back(window: Window, qtbot: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    window.card_slot._card_timer.setInterval(50)
    window.message_strip.show_message("warning", "Look.")
    window.show_state(SessionState.TRAINING)
    assert window.progress_line.isVisible() and not visible_cards(window), "the start brings it to the front"
    window.message_strip.show_message("warning", "Look again.")
    assert visible_cards(window) == [window.message_strip]
    qtbot.waitUntil(window.progress_line.isVisible)
    assert window.message_strip.text == "Look again.", "it waits behind the progress"
    window.show_state(SessionState.IDLE)
    assert visible_cards(window) == [window.message_strip]


class PaintedPlaces(QObject):
    """Where some widgets are in the window each time they are painted."""

    def __init__(self, widgets: Sequence[QWidget], window: QWidget) -> None:
        super().__init__()
        self._window = window
        self.places: dict[str, set[tuple[int, int]]] = {}
        for widget in widgets:
            widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Paint and isinstance(watched, QWidget):
            place = watched.mapTo(self._window, QPoint(0, 0))
            self.places.setdefault(watched.accessibleName(), set()).add((place.x(), place.y()))
        return False


@pytest.mark.parametrize("width", [900, 1280])
def test_the_buttons_of_a_new_card_are_painted_at_one_place_only(window: Window, qtbot: Any, width: int) -> None:
    window.resize(width, 800)
    QApplication.processEvents()
    painted = PaintedPlaces(window.result_card.findChildren(QAbstractButton), window)
    open_result(window)
    qtbot.waitUntil(lambda: len(painted.places) >= 3)
    wait_until_quiet(window, qtbot)
    assert all(len(places) == 1 for places in painted.places.values()), painted.places


def test_a_text_that_does_not_fit_can_be_scrolled_to_its_end(window: Window, qtbot: Any) -> None:
    window.resize(1024, 700)
    window.message_strip.show_message("error", _LONG_TEXT)
    QApplication.processEvents()
    label = next(label for label in window.message_strip.findChildren(QLabel) if label.text())
    bar = window.message_strip.texts_page.verticalScrollBar()
    assert label.height() >= label.heightForWidth(label.width())
    bar.setValue(bar.maximum())
    QApplication.processEvents()
    assert bar.maximum() > 0 and label.visibleRegion().boundingRect().bottom() == label.rect().bottom()


def test_the_preview_stays_large_beside_the_card_of_a_result(window: Window) -> None:
    window.resize(1280, 800)
    window.show_run(True)
    open_result(window)
    QApplication.processEvents()
    assert window.preview.view.height() > 250 and window.preview.view.width() > 700


def test_a_narrow_card_has_a_text_on_its_primary_button_alone(window: Window) -> None:
    open_result(window)
    card = window.result_card
    for width, text in ((900, "Use model"), (430, ""), (900, "Use model")):
        card.resize(width, 60)
        assert card.model_button.text() == text and card.try_button.text() == "Enlarge photos …"
        assert card.model_button.accessibleName() == "Use model"
    assert card.minimumSizeHint().width() <= 440


@pytest.mark.parametrize(
    ("outcome", "step", "headline"),
    [
        ("completed", 9, "Training is complete"),
        ("stopped", 9, "Stopped and saved at step 9"),
        ("stopped", 0, "Stopped before the first step"),
        ("discarded", 9, "Stopped without saving at step 9"),
        ("discarded", 0, "Stopped before the first step"),
        ("failed", 9, "Training failed at step 9"),
        ("failed", 0, "Training failed before the first step"),
    ],
)
def test_the_result_says_how_the_run_ended(window: Window, outcome: str, step: int, headline: str) -> None:
    window.result_card.show_result(RunFinished(outcome, step, None, None, None, None, None, None), "")
    assert window.result_card.text == headline


def test_the_result_of_a_discarded_training_names_what_was_saved_before(window: Window) -> None:
    event = RunFinished("discarded", 9, None, None, None, None, "checkpoints/scale4_step6.pth", None)
    window.result_card.show_result(event, "")
    assert window.result_card.text == "Stopped without saving at step 9; the newest save is of step 6"
