"""What was opened and closed is gone: widgets, timers, connections, memory."""

from __future__ import annotations

import gc
import threading
import weakref
from pathlib import Path
from typing import Any, Callable

import pytest
from PySide6.QtCore import QObject
from PySide6.QtWidgets import QApplication, QPushButton, QWidget

from app.runs.recent_workspaces import add_recent_workspace
from app.start import make_window
from app.system.garbage_collector import GarbageCollector
from app.widgets.errors import ErrorReport, show_report
from app.widgets.icons import set_icon
from app.widgets.questions import ask_question
from app.widgets.theme import theme
from app.window import Window
from tests.gui.census import count_objects, theme_listeners
from tests.gui.window_driver import answer, close_window, fill_form, flush_deferred_deletes, is_quiet, wait_until_quiet

_TIMES = 20


def grows(do: Callable[[], object], times: int = _TIMES) -> dict[str, int]:
    """What there is more of after doing something again and again."""
    for _ in range(2):
        do()  # the first time fills caches, the second one replaces what it made
    before = count_objects()
    for _ in range(times):
        do()
    after = count_objects()
    return {name: after[name] - before[name] for name in after if after[name] > before[name]}


@pytest.fixture
def quiet_window(window: Window, qtbot: Any) -> Window:
    """A window that has found its hardware, so that nothing of its own is under way while things are counted."""
    qtbot.waitUntil(lambda: bool(window.status_line.text("device")), timeout=240_000)
    wait_until_quiet(window, qtbot)
    return window


def test_a_window_that_was_closed_is_gone(qapp: QApplication, qtbot: Any) -> None:
    def open_and_close() -> None:
        window = make_window()
        window.show()
        window.start_background_work()
        close_window(window, qtbot)
        flush_deferred_deletes()

    assert grows(open_and_close, times=2) == {}


def test_runs_leave_nothing_behind(window: Window, qtbot: Any, photos: Path, tmp_path: Path) -> None:
    fill_form(window, photos, tmp_path / "run", steps=2)

    def train() -> None:
        qtbot.waitUntil(lambda: window.project.is_ready, timeout=240_000)
        window.controller.start()
        if not window.session.is_active:
            answer(window, qtbot, "Start new run")
        qtbot.waitUntil(lambda: not window.session.is_active, timeout=240_000)
        qtbot.waitUntil(lambda: is_quiet(window), timeout=240_000)
        window.message_strip.dismiss()

    assert grows(train, times=2) == {}


def test_messages_and_dialogs_leave_nothing_behind(quiet_window: Window) -> None:
    window = quiet_window

    def show_all() -> None:
        window.message_strip.show_message("warning", "Look.")
        window.message_strip.dismiss()
        show_report(ErrorReport("Title", "Cause", "Advice", "Details"), window).reject()
        ask_question(window, "Really?", "It cannot be undone.", [("Yes", lambda: None)]).reject()
        flush_deferred_deletes()

    assert grows(show_all) == {}


def test_showing_the_recent_workspaces_again_leaves_nothing_behind(
    quiet_window: Window, qtbot: Any, tmp_path: Path
) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        add_recent_workspace(tmp_path / name)

    def refresh() -> None:
        quiet_window.start_page.refresh()
        qtbot.waitUntil(lambda: is_quiet(quiet_window), timeout=240_000)

    assert grows(refresh) == {}


@pytest.mark.long
def test_changing_the_theme_leaves_nothing_behind(quiet_window: Window) -> None:
    def there_and_back() -> None:
        theme().set_choice("dark")
        theme().set_choice("light")

    assert grows(there_and_back, times=3) == {}


def test_a_button_with_an_icon_follows_the_theme_and_is_not_kept_by_it(qapp: QApplication, qtbot: Any) -> None:
    parent = QWidget()
    button = QPushButton(parent)
    before = theme_listeners()
    set_icon(button, "start")
    set_icon(button, "stop")
    assert theme_listeners() == before + 1
    light = button.icon().cacheKey()
    theme().set_choice("dark")
    assert button.icon().cacheKey() != light
    theme().set_choice("light")
    gone = weakref.ref(button)
    del button
    parent.deleteLater()
    flush_deferred_deletes()
    assert theme_listeners() == before
    assert gone() is None


class _Finalized:
    """Says in which thread it was collected; only the collector can, because it refers to itself."""

    def __init__(self, collected_in: list[int]) -> None:
        self._collected_in, self._self = collected_in, self

    def __del__(self) -> None:
        self._collected_in.append(threading.get_ident())


@pytest.fixture
def collector(qapp: QApplication) -> Any:
    """A collector at work."""
    parent = QObject()
    made = GarbageCollector(parent)
    yield made
    made.close()
    parent.deleteLater()


def test_garbage_of_any_thread_is_collected_in_the_window_s(collector: GarbageCollector, qtbot: Any) -> None:
    collected_in: list[int] = []

    def litter() -> None:
        for _ in range(10 * gc.get_threshold()[0]):
            _Finalized(collected_in)

    thread = threading.Thread(target=litter)
    thread.start()
    thread.join()
    assert collected_in == []
    qtbot.waitUntil(lambda: bool(collected_in), timeout=240_000)
    assert set(collected_in) == {threading.get_ident()}


def test_what_is_there_after_torch_is_passed_over_until_the_window_closes(collector: GarbageCollector) -> None:
    before = gc.get_freeze_count()
    collector.freeze_torch(lambda work, done, failed: done(work()))
    assert gc.get_freeze_count() > before + 100_000
    collector.close()
    assert gc.get_freeze_count() == 0
    assert gc.isenabled()
