"""The large line above the views: time left, gain with its verdict, and what the run does now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from PySide6.QtWidgets import QApplication, QLabel, QVBoxLayout, QWidget

from app.run import progress_line, step_clock
from app.run.progress_line import FINAL_CHECK, ProgressLine
from app.run.session import SessionState
from app.widgets.plain_text import plain_tooltip
from app.window import Window
from tests.gui.test_status import Layouts
from tests.gui.window_driver import fill_form
from trainer_core.control import Activity
from trainer_core.events import CheckpointSaved, Notice, PlanChanged, RunStarted, StepDone, Validated

_LONG = 240_000  # milliseconds; a busy machine needs them


class FakeSession:
    """A session whose run does what the test says."""

    activity: Activity | None = None
    activity_seconds = 0.0
    activity_count: tuple[int, int] | None = None
    is_discarding = False
    time_limit: float | None = None


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, which the test sets."""
    now = [1000.0]
    monkeypatch.setattr(step_clock, "time", SimpleNamespace(monotonic=lambda: now[0]))
    return now


@pytest.fixture
def session() -> FakeSession:
    return FakeSession()


@pytest.fixture
def line(qapp: QApplication, qtbot: Any, monkeypatch: pytest.MonkeyPatch, session: FakeSession) -> ProgressLine:
    monkeypatch.setattr(progress_line, "_INTERVAL", 5)
    made = ProgressLine(cast(Any, session), lambda: session.time_limit)
    qtbot.addWidget(made)
    made.resize(800, 60)
    made.show()
    return made


def step(number: int, left: float | None, total: int | None = 100) -> StepDone:
    return StepDone(number, total, {"total": 0.1}, 1e-3, 0.1, 4.5, 60.0, left, 10**9)


def validated(number: int, gain: float) -> Validated:
    return Validated(number, "val", 20.0 + gain, 0.6, 20.0, 0.5, True, 8, 1.0)


def ticked(line: ProgressLine, qtbot: Any) -> str:
    qtbot.wait(20)
    return line.text


def test_the_time_left_and_the_gain_stand_in_one_line(line: ProgressLine) -> None:
    line.show_state(SessionState.TRAINING)
    line.on_event(step(3, 720.0))
    assert line.text == "12 minutes left"
    line.on_event(validated(3, 1.43))
    assert line.text == "12 minutes left · +1.4 dB over plain enlargement: better"
    assert line.detail == "Step 3 of 100"
    line.show_state(SessionState.IDLE)
    assert line.text == "+1.4 dB over plain enlargement: better" and line.detail == ""
    line.clear_run()
    assert line.text == ""


def test_the_line_names_the_step_of_the_newest_checkpoint_with_which_a_run_can_go_on(line: ProgressLine) -> None:
    line.show_state(SessionState.TRAINING)
    line.on_event(step(7, 720.0))
    line.on_event(CheckpointSaved(5, "best.pt", "best"))
    assert line.detail == "Step 7 of 100"
    line.on_event(CheckpointSaved(7, "step.pt", "step"))
    assert line.detail == "Step 7 of 100 · saved at step 7"
    line.on_event(RunStarted("b", "w", 4, True, 0, 100, "cpu", "fp32", 1, {}))
    line.on_event(step(1, 720.0))
    assert line.detail == "Step 1 of 100"


def test_the_line_says_when_the_next_check_comes(line: ProgressLine, qtbot: Any, clock: list[float]) -> None:
    line.show_state(SessionState.TRAINING)
    line.on_event(replace(step(7, 720.0), check_seconds=65.0))
    assert line.detail == "Step 7 of 100 · next check in 65 seconds"
    clock[0] += 20.0
    qtbot.waitUntil(lambda: line.detail == "Step 7 of 100 · next check in 45 seconds")
    line.on_event(validated(7, 1.4))
    assert line.detail == "Step 7 of 100", "the check has just been made"


def test_the_tooltip_explains_the_gain_and_repeats_the_line_only_where_it_is_cut(
    line: ProgressLine, qtbot: Any
) -> None:
    headline = line.findChildren(QLabel)[0]
    line.show_state(SessionState.TRAINING)
    line.on_event(step(3, 720.0))
    assert headline.toolTip() == ""
    line.on_event(validated(3, 1.43))
    assert headline.toolTip().startswith("The gain: ") and "decibels (dB)" in headline.toolTip()
    line.resize(200, 60)
    qtbot.wait(10)
    assert headline.toolTip().startswith(plain_tooltip(f"{line.text}\nThe gain: "))


def test_the_time_left_goes_on_during_a_slow_step_and_stands_still_in_a_pause(
    line: ProgressLine, qtbot: Any, clock: list[float]
) -> None:
    line.show_state(SessionState.TRAINING)
    line.on_event(step(3, 80.0))
    clock[0] += 18
    assert ticked(line, qtbot) == "62 seconds left"
    line.show_state(SessionState.PAUSING)
    clock[0] += 2
    line.show_state(SessionState.PAUSED)
    clock[0] += 500
    assert ticked(line, qtbot) == "Paused · 60 seconds left"
    line.show_state(SessionState.TRAINING)
    clock[0] += 100
    assert ticked(line, qtbot) == "a moment left"
    line.show_state(SessionState.STOPPING)
    assert line.text == "Stopping …"
    line.show_state(SessionState.IDLE)


def test_what_the_run_does_in_place_of_steps_is_named(line: ProgressLine, qtbot: Any, session: FakeSession) -> None:
    line.show_state(SessionState.STARTING)
    assert line.text == "Preparing …"
    line.show_state(SessionState.TRAINING)
    assert line.text == "Measuring the time left …"
    shown = []
    for session.activity in Activity:
        qtbot.wait(20)
        shown.append(line.detail)
    assert len(set(shown)) == len(Activity) and all(text.endswith(" … 0:00") for text in shown)
    session.activity = None
    line.on_event(step(1, 50.0, total=None))
    assert (line.text, line.detail) == ("50 seconds left", "Step 1 · measuring how many steps fit into the time …")
    line.on_event(step(100, 0.0))
    assert ticked(line, qtbot) == FINAL_CHECK
    line.show_state(SessionState.IDLE)


def test_the_preparations_of_a_run_are_named_and_count_their_seconds(
    line: ProgressLine, qtbot: Any, session: FakeSession, clock: list[float]
) -> None:
    line.show_state(SessionState.STARTING)
    clock[0] += 7
    assert ticked(line, qtbot) == "Preparing …"
    assert line.detail == "Checking the photos and setting up the network … 0:07"
    line.on_event(Notice("info", "Rendering 48 built-in scenes …"))
    line.on_event(Notice("info", "Training computes with 2 threads."))
    assert line.detail == "Rendering 48 built-in scenes … 0:07"
    session.activity_count = (12, 48)
    qtbot.wait(20)
    assert line.detail == "Rendering 48 built-in scenes … 12 of 48, 0:07"
    session.activity_count = None
    line.show_state(SessionState.IDLE)
    assert line.detail == ""
    line.show_state(SessionState.STARTING)
    assert line.detail == "Checking the photos and setting up the network … 0:00"
    line.show_state(SessionState.IDLE)


def test_a_long_activity_counts_its_seconds_and_names_those_of_the_last_time(
    line: ProgressLine, qtbot: Any, session: FakeSession
) -> None:
    line.show_state(SessionState.TRAINING)
    session.activity = Activity.VALIDATING
    for session.activity_seconds in (12.0, 40.0):
        qtbot.wait(20)
    assert line.detail.endswith(" validation photos … 0:40")
    session.activity_count = (7, 24)
    qtbot.wait(20)
    assert line.detail.endswith(" validation photos … 7 of 24, 0:40")
    session.activity = session.activity_count = None
    qtbot.wait(20)
    session.activity, session.activity_seconds = Activity.VALIDATING, 3.0
    qtbot.wait(20)
    assert line.detail.endswith(" validation photos … 0:03, 0:40 last time")
    line.clear_run()
    qtbot.wait(20)
    assert line.detail.endswith(" validation photos … 0:03")


def test_a_line_that_does_not_fit_becomes_smaller_and_large_again(line: ProgressLine) -> None:
    line.on_event(validated(3, 1.43))
    line.show_state(SessionState.TRAINING)
    line.on_event(step(3, 7500.0))
    headline = line.findChildren(QLabel)[0]
    large = headline.fontMetrics().height()
    line.resize(560, 60)
    assert headline.text() == line.text and headline.fontMetrics().height() < large
    line.resize(800, 60)
    assert headline.text() == line.text and headline.fontMetrics().height() == large
    just_enough = headline.fontMetrics().horizontalAdvance(line.text) + 1
    line.resize(just_enough - 1, 60)
    assert headline.fontMetrics().height() < large
    line.resize(just_enough, 60)
    assert headline.fontMetrics().height() == large, "not only where there is much room"
    line.show_state(SessionState.IDLE)


def test_another_run_has_a_gain_of_its_own(line: ProgressLine) -> None:
    line.show_run([RunStarted("a", "w", 4, True, 0, 9, "cpu", "fp32", 1, {}), validated(4, 2.5)])
    assert "much better" in line.text
    line.on_event(RunStarted("a", "w", 4, True, 4, 9, "cpu", "fp32", 1, {}))
    assert "much better" in line.text, "the run was resumed"
    line.on_event(RunStarted("b", "w", 4, True, 0, 9, "cpu", "fp32", 1, {}))
    assert line.text == ""


def test_a_new_text_lays_nothing_out_again(line: ProgressLine, qtbot: Any, clock: list[float]) -> None:
    around = QWidget()
    qtbot.addWidget(around)
    QVBoxLayout(around).addWidget(line)
    around.resize(800, 60)
    around.show()
    line.show_state(SessionState.TRAINING)
    line.on_event(step(3, 80.0))
    QApplication.processEvents()
    layouts = Layouts(around)
    for _ in range(5):
        clock[0] += 7
        assert "seconds left" in ticked(line, qtbot)
    assert layouts.count == 0
    line.show_state(SessionState.IDLE)
    line.setParent(None)  # each is closed by itself


def test_a_training_shows_its_progress_and_its_end_the_same_verdict(
    window: Window, qtbot: Any, photos: Path, tmp_path: Path
) -> None:
    fill_form(window, photos, tmp_path / "run", steps=6, val_interval=2)
    qtbot.waitUntil(lambda: window.project.is_ready, timeout=_LONG)
    texts: list[str] = []
    window.session.event_received.connect(lambda event: texts.append(window.progress_line.text))
    window.controller.start()
    qtbot.waitUntil(lambda: not window.session.is_active, timeout=_LONG)
    assert any("left" in text and "over plain enlargement" in text for text in texts)
    verdict = window.progress_line.text
    gain, words = verdict.split(": ")
    assert "over plain enlargement" in gain and f"{words.capitalize()}: {gain}" in window.result_card.text
    window.controller.open_workspace(str(tmp_path / "other"))
    qtbot.waitUntil(lambda: not window.project.is_busy, timeout=_LONG)
    assert window.progress_line.text == ""
    window.controller.open_workspace(str(tmp_path / "run"))
    qtbot.waitUntil(lambda: window.progress_line.text == verdict, timeout=_LONG)


def test_fewer_threads_beside_busy_programs_are_named_while_they_last(line: ProgressLine, qtbot: Any) -> None:
    line.show_state(SessionState.TRAINING)
    line.on_event(replace(step(3, 720.0), threads=1, usual_threads=2))
    assert line.detail == "Step 3 of 100 · other programs are busy: 1 thread instead of 2"
    line.on_event(replace(step(3, 720.0, None), threads=1, usual_threads=2))
    qtbot.waitUntil(lambda: line.detail.startswith("Step 3 · measuring how many steps fit"))
    assert line.detail.endswith("… · other programs are busy: 1 thread instead of 2")
    line.on_event(replace(step(4, 720.0), threads=2, usual_threads=2))
    qtbot.waitUntil(lambda: line.detail == "Step 4 of 100")
    line.show_state(SessionState.IDLE)


def test_the_progress_line_and_the_status_line_show_the_same_step_and_total(window: Window, qtbot: Any) -> None:
    window.progress_line.show_state(SessionState.TRAINING)
    for number in range(1, 4):
        window.on_event(step(number, 720.0))
    window.progress_line._refresh()  # a tick
    assert window.progress_line.detail == "Step 3 of 100"
    assert window.status_line.text("step") == "step 3 of 100"
    window.on_event(PlanChanged(3, 90, 100))
    assert window.progress_line.detail == "Step 3 of 90"
    assert window.status_line.text("step") == "step 3 of 90"
    for part in (window.progress_line, window.status_line):
        part.show_state(SessionState.IDLE)


def test_a_resumed_run_with_a_time_limit_knows_what_is_left_before_its_first_step(
    line: ProgressLine, qtbot: Any, clock: list[float], session: FakeSession
) -> None:
    session.time_limit = 10.0
    line.show_run([replace(step(4, 30.0), run_seconds=480.0)])
    line.show_state(SessionState.STARTING)
    line.show_state(SessionState.TRAINING)
    line.on_event(RunStarted("a", "w", 4, True, 4, 100, "cpu", "fp32", 1, {}))
    clock[0] += 40
    assert ticked(line, qtbot) == "80 seconds left"
    assert line.detail == "Resumed at step 4; the next step is not finished yet."
    line.on_event(RunStarted("b", "w", 4, True, 0, None, "cpu", "fp32", 1, {}))
    assert line.text == "9 minutes left" and line.detail == "The first step is not finished yet."
    line.show_state(SessionState.IDLE)


def test_a_run_that_stops_says_what_it_waits_for(line: ProgressLine, qtbot: Any, session: FakeSession) -> None:
    line.show_state(SessionState.TRAINING)
    line.on_event(step(1, 50.0, total=None))
    line.show_state(SessionState.STOPPING)
    assert line.detail == "Finishing the step, then saving …"
    session.activity = Activity.SAVING
    qtbot.waitUntil(lambda: line.detail == "Saving … 0:00")
    session.activity, session.is_discarding = None, True
    qtbot.waitUntil(lambda: line.detail == "Finishing the step, then ending without saving …")
    line.show_state(SessionState.IDLE)


def test_each_phase_of_a_check_says_what_it_counts(line: ProgressLine, qtbot: Any, session: FakeSession) -> None:
    line.show_state(SessionState.TRAINING)
    line.on_event(step(3, 720.0))
    shown = []
    for activity, count, seconds in (
        (Activity.VALIDATING, (8, 8), 9.0),
        (Activity.TESTING, (2, 8), 3.0),
        (Activity.PREVIEWING, (1, 6), 0.0),
    ):
        session.activity, session.activity_count, session.activity_seconds = activity, count, seconds
        qtbot.wait(20)
        shown.append(line.detail)
    assert shown == [
        "Checking the network on validation photos … 8 of 8, 0:09",
        "Checking the network on test photos … 2 of 8, 0:03",
        "Making previews … 1 of 6, 0:00",
    ]
    line.show_state(SessionState.IDLE)


def test_a_narrow_line_leaves_out_what_its_tooltip_explains_and_keeps_the_verdict(line: ProgressLine) -> None:
    line.show_state(SessionState.TRAINING)
    line.on_event(step(3, 7500.0))
    line.on_event(validated(0, 1.43))
    headline = line.findChildren(QLabel)[0]
    line.resize(540, 60)
    assert headline.text() == "2 hours 5 minutes left · +1.4 dB: before this training"
    assert "over plain enlargement" in line.text and headline.toolTip().startswith(plain_tooltip(line.text))
    line.show_state(SessionState.IDLE)
