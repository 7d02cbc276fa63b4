"""The window and its dialogs on screens of any size."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Callable

import pytest
from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QScreen
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QMessageBox, QPushButton, QScrollArea, QWidget

from app.enlarge.trial_dialog import TrialDialog
from app.export.export_dialog import ExportDialog
from app.start import make_window
from app.system.background import Background
from app.widgets import placement
from app.widgets.errors import ErrorReport, show_report
from app.widgets.questions import ask_question
from tests.gui.window_driver import close_window, flush_deferred_deletes

_TIMES = 20
# The last four are 1280x800 at a scale of 1.5, and 1024x700 at 1.25, 1.5 and 2.
_SCREENS = ((1366, 768), (1280, 800), (1024, 700), (853, 533), (819, 560), (683, 467), (512, 350))


@pytest.fixture(params=_SCREENS, ids=lambda size: f"{size[0]}x{size[1]}")
def screen(request: Any, monkeypatch: pytest.MonkeyPatch) -> QSize:
    """A screen of this size, with a panel of 24 pixels at the bottom."""
    size = QSize(*request.param)
    room = QRect(0, 0, size.width(), size.height() - 24)
    monkeypatch.setattr(QScreen, "availableGeometry", lambda self: room)
    return room.size()


def test_the_first_window_fits_its_screen_and_shows_its_status_line_and_start(
    qapp: QApplication, qtbot: Any, screen: QSize
) -> None:
    window = make_window()
    window.show()
    window.setWindowState(Qt.WindowState.WindowNoState)
    window.resize(placement.fit_size(QSize(1240, 780), window.screen()))
    QApplication.processEvents()
    frame = QSize(12, 40)
    assert (window.size() + frame).expandedTo(screen) == screen
    for widget in (window.status_line, window.run_bar.start_button):
        assert widget.visibleRegion().boundingRect() == widget.rect()
    close_window(window, qtbot)


def test_cards_do_not_make_the_window_larger_than_its_screen(qapp: QApplication, qtbot: Any, screen: QSize) -> None:
    window = make_window()
    window.show()
    window.setWindowState(Qt.WindowState.WindowNoState)
    size = placement.fit_size(QSize(1240, 780), window.screen())
    window.resize(size)
    for text in ("A crash report.", ""):
        window.crash_card.show_crash(text)
        window.message_strip.show_message("warning", "A text that takes more than one line. " * 6)
        QApplication.processEvents()
        assert window.size() == size, "the window grew beyond its screen"
    assert window.run_bar.start_button.visibleRegion().boundingRect() == window.run_bar.start_button.rect()
    for area in reversed(scroll_areas(window.message_strip)):
        area.ensureWidgetVisible(window.message_strip, 0, 0)
    QApplication.processEvents()
    visible = window.message_strip.visibleRegion().boundingRect()
    assert visible.width() >= min(window.message_strip.width(), 200) and visible.top() == 0
    close_window(window, qtbot)


def scroll_areas(widget: QWidget) -> list[QScrollArea]:
    """The scroll areas around a widget, the innermost first."""
    parents, parent = [], widget.parentWidget()
    while parent is not None:
        parents.append(parent)
        parent = parent.parentWidget()
    return [parent for parent in parents if isinstance(parent, QScrollArea)]


@pytest.mark.parametrize("place", [(900, 500), (-400, -200)])
def test_a_stored_place_beyond_the_screen_is_moved_onto_it(
    qapp: QApplication, screen: QSize, place: tuple[int, int]
) -> None:
    stored = QWidget()
    stored.resize(1240, 780)
    stored.move(*place)
    placement.save_placement(stored, "test")
    restored = QWidget()
    placement.restore_placement(restored, "test", QSize(100, 100))
    assert QRect(QPoint(0, 0), screen).contains(QRect(restored.pos(), restored.size()))


def test_restoring_and_saving_again_and_again_moves_nothing(qapp: QApplication) -> None:
    window = QWidget()
    window.resize(500, 400)
    window.move(111, 77)
    for _ in range(_TIMES):
        placement.save_placement(window, "test")
        window = QWidget()
        placement.restore_placement(window, "test", QSize(100, 100))
    assert (window.pos(), window.size()) == (QPoint(111, 77), QSize(500, 400))


def test_a_window_that_does_not_fit_its_screen_opens_maximized(qapp: QApplication, screen: QSize) -> None:
    for size, is_maximized in ((screen, True), (screen - QSize(12, 40), False)):
        window = QWidget()
        placement.open_on_screen(window, size)
        assert window.isMaximized() == is_maximized


def test_a_maximized_window_keeps_the_place_that_it_had_before(qapp: QApplication) -> None:
    window = QWidget()
    window.resize(500, 400)
    window.move(111, 77)
    placement.save_placement(window, "test")
    window.resize(700, 500)
    window.setWindowState(Qt.WindowState.WindowMaximized)
    placement.save_placement(window, "test")
    restored = QWidget()
    placement.restore_placement(restored, "test", QSize(100, 100))
    assert restored.isMaximized()
    assert (restored.pos(), restored.size()) == (QPoint(111, 77), QSize(500, 400))


Opener = Callable[[], QDialog]


@pytest.fixture
def openers(qapp: QApplication) -> Iterator[dict[str, Opener]]:
    """Each dialog of the program, without a parent, as the first window of a process."""
    background, parent = Background(), QWidget()

    def ask_thread(*_: Any) -> None:
        return None

    def export() -> QDialog:
        dialog = ExportDialog(ask_thread)
        dialog.open_for(Path("model.pth"), [])
        return dialog

    def trial() -> QDialog:
        dialog = TrialDialog(ask_thread, background)
        dialog.open_for(None, [])
        return dialog

    def question() -> QDialog:
        return ask_question(parent, "Really?", "It cannot be undone. " * 9, [("Yes", lambda: None)])

    long = "A cause that takes more than one line. " * 8
    yield {
        "export": export,
        "trial": trial,
        "error": lambda: show_report(ErrorReport("Title", long, long, "Details"), None),
        "unfolded error": lambda: show_report(ErrorReport("Title", long, "", "Details"), None, unfold=True),
        "question": question,
    }
    background.close()
    parent.deleteLater()


@pytest.mark.parametrize("name", ["export", "trial", "error", "unfolded error", "question"])
def test_a_dialog_is_never_lower_than_its_contents(openers: dict[str, Opener], name: str) -> None:
    for _ in range(_TIMES):
        dialog = openers[name]()
        QApplication.processEvents()
        assert dialog.height() >= dialog.minimumSizeHint().height() > 60
        if not isinstance(dialog, QMessageBox):
            assert dialog.minimumHeight() == dialog.minimumSizeHint().height(), "a user or a desktop can shrink it"
        dialog.close()
        dialog.deleteLater()
        flush_deferred_deletes()


@pytest.mark.parametrize("name", ["export", "trial", "error", "unfolded error"])
def test_a_dialog_larger_than_its_screen_scrolls(openers: dict[str, Opener], screen: QSize, name: str) -> None:
    dialog = openers[name]()
    QApplication.processEvents()
    assert dialog.size().expandedTo(screen) == screen
    for label in dialog.findChildren(QLabel):
        if label.isVisible() and label.wordWrap():
            assert label.height() >= label.heightForWidth(label.width()), "lines are cut off"
    for button in dialog.findChildren(QPushButton):
        if button.isVisible():
            assert button.width() >= button.minimumSizeHint().width(), button.text()
            parent = button.parentWidget()
            assert parent is not None and parent.rect().contains(button.geometry()), button.text()
    dialog.close()
    dialog.deleteLater()


def test_a_dialog_grows_with_its_texts_and_stays_on_its_screen(qapp: QApplication, screen: QSize) -> None:
    dialog = ExportDialog(lambda *_: None)
    dialog.open_for(Path("model.pth"), [])
    before = dialog.minimumHeight()
    dialog.status_label.setText("A long result. " * 40)
    dialog.status_label.show()
    QApplication.processEvents()
    assert dialog.minimumHeight() > before or dialog.minimumHeight() == screen.height() - 40
    trial = TrialDialog(lambda *_: None, Background())
    trial.open_for(None, [])
    assert trial.size().expandedTo(screen) == screen
    for made in (dialog, trial):
        made.close()
        made.deleteLater()
