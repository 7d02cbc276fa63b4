"""The bar that says how much is done costs nothing while nothing changes."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtWidgets import QApplication

from app.widgets.progress_bar import ProgressBar
from trainer_core.events import PlanChanged, RunStarted, StepDone


class Watched(ProgressBar):
    """Counts what it draws."""

    drawn = 0

    def paintEvent(self, event: Any) -> None:
        """One more."""
        self.drawn += 1
        super().paintEvent(event)


@pytest.fixture
def bar(qapp: QApplication, qtbot: Any) -> Watched:
    bar = Watched("Progress of a test")
    qtbot.addWidget(bar)
    bar.resize(200, 20)
    bar.show()
    return bar


def test_moves_while_busy_and_rests_once_the_total_is_known(bar: Watched, qtbot: Any) -> None:
    bar.set_busy()
    qtbot.waitUntil(lambda: bar.drawn > 5)
    bar.set_progress(3, 150_000)  # not yet one pixel
    assert (bar.value(), bar.maximum()) == (3, 150_000)
    qtbot.wait(100)
    before = bar.drawn
    qtbot.wait(500)
    assert bar.drawn == before


def test_is_busy_while_the_total_is_not_known(bar: Watched, qtbot: Any) -> None:
    bar.set_progress(10, 100)
    assert (bar.value(), bar.maximum()) == (10, 100)
    bar.set_progress(11, None)
    assert bar.maximum() == 0
    bar.drawn = 0
    qtbot.waitUntil(lambda: bar.drawn > 5)


def test_more_than_the_total_is_the_total(bar: Watched) -> None:
    bar.set_progress(50, 100)
    bar.set_progress(101, 100)
    assert bar.value() == 100


def test_a_time_budget_has_a_share_before_it_is_a_number_of_steps(bar: Watched) -> None:
    bar.set_busy()
    bar.on_event(RunStarted("1", "run", 4, True, 0, None, "cpu", "fp32", 1, {}))
    assert bar.is_busy
    bar.on_event(StepDone(2, None, {}, 1e-3, 0.1, 0.2, 30.0, 90.0, 1, run_seconds=50.0))
    assert (bar.value(), bar.maximum()) == (50, 140), "of the run, not of this session"
    bar.on_event(PlanChanged(3, 12))
    assert (bar.value(), bar.maximum()) == (3, 12)


def test_under_a_time_limit_the_time_is_the_share_also_after_a_resume(bar: Watched) -> None:
    bar.on_event(RunStarted("1", "run", 4, True, 12, 357, "cpu", "fp32", 1, {}), time_limit=10.0)
    for total in (None, 357, 244):
        bar.on_event(PlanChanged(13, 244), time_limit=10.0)
        bar.on_event(StepDone(13, total, {}, 1e-3, 0.1, 0.2, 30.0, 480.0, 1, run_seconds=120.0), time_limit=10.0)
        assert (bar.value(), bar.maximum()) == (120, 600)
    bar.on_event(StepDone(244, 244, {}, 1e-3, 0.1, 0.2, 30.0, 0.0, 1, run_seconds=580.0), time_limit=10.0)
    assert bar.value() == bar.maximum()


def test_moves_until_the_first_step_unless_the_run_is_resumed(bar: Watched) -> None:
    bar.on_event(RunStarted("1", "run", 4, True, 0, 100, "cpu", "fp32", 1, {}))
    assert bar.is_busy
    bar.on_event(StepDone(1, 100, {}, 1e-3, 0.1, 0.2, 30.0, 90.0, 1))
    assert (bar.value(), bar.maximum()) == (1, 100)
    bar.on_event(RunStarted("2", "run", 4, True, 40, 100, "cpu", "fp32", 1, {}))
    assert (bar.value(), bar.maximum()) == (40, 100)
