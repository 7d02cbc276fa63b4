"""Elapsed time, speed, the time budget, and which tasks are due."""

from __future__ import annotations

import time

import pytest

from trainer_core.control import RunRequest
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.clock import Cadences, RunClock


def clock_of(config: TrainerConfig, steps: int = 0, seconds: float = 1.0) -> RunClock:
    """A clock that has just started and has seen `steps` steps."""
    clock = RunClock(config, started=time.monotonic())
    for _ in range(steps):
        add_step(clock, seconds)
    return clock


def add_step(clock: RunClock, seconds: float) -> None:
    """Add a step of a processor, whose values are read at once."""
    clock.add_step(seconds)
    clock.add_reading(0.0)


def test_the_clock_knows_speed_time_left_and_when_the_run_is_over() -> None:
    clock = clock_of(TrainerConfig(steps=100), steps=40, seconds=0.25)
    assert clock.steps_per_second == 4 and clock.seconds_left(40) == 15
    assert not clock.is_over(99) and clock.is_over(100)
    assert clock_of(TrainerConfig(steps=100), steps=4).planned_seconds(4) is None
    assert clock.planned_seconds(40) == pytest.approx(15, abs=1)
    assert not clock.is_plan_due(40), "there is no budget"


def test_pauses_are_not_time_of_the_run_but_earlier_sessions_are(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock = RunClock(TrainerConfig(), started=90.0, previous_seconds=50.0)
    with clock.pause():
        now[0] = 107.0
    now[0] = 108.0
    assert (clock.elapsed, clock.total_seconds) == (11.0, 61.0)


def test_no_more_time_is_left_than_the_budget_has(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    clock = RunClock(TrainerConfig(max_minutes=2.0), started=100.0, previous_seconds=30.0, planned_steps=200)
    for _ in range(10):
        now[0] += 1.0
        add_step(clock, 1.0)
    assert clock.seconds_left(10) == 80, "120 seconds less 30 and 10, not the 190 of the steps"
    assert clock.seconds_left(190) == 10
    assert clock.planned_seconds(10) == 200


def test_the_clock_turns_a_budget_into_steps() -> None:
    clock = clock_of(TrainerConfig(max_minutes=2.0), steps=3 + 11, seconds=0.5)
    assert clock.total_steps is None and not clock.is_plan_due(14)
    assert clock.seconds_left(14) == pytest.approx(120, abs=1)
    add_step(clock, 0.5)
    assert clock.is_plan_due(15), "twelve steps were timed"
    asked: list[tuple[float, float]] = []

    def overhead(left: float, planned: float) -> float:
        asked.append((left, planned))
        return 20.0

    clock.plan_steps(15, overhead)
    assert asked == [pytest.approx((120, 120), abs=1)]
    assert clock.total_steps == pytest.approx(15 + 100 / 0.5, abs=3)
    assert not clock.is_plan_due(15)


def test_what_is_due_and_what_was_requested_come_together() -> None:
    config = TrainerConfig(steps=12, val_interval=4, checkpoint_interval=6, image_log_interval=3)
    cadences = Cadences(config, clock_of(config, steps=1))
    due = {step: {task.value for task in cadences.due(step, frozenset())} for step in range(1, 13)}
    assert {step: tasks for step, tasks in due.items() if tasks} == {
        3: {"preview"},
        4: {"validate"},
        6: {"preview", "save"},
        8: {"validate"},
        9: {"preview"},
    }
    assert cadences.due(6, frozenset({RunRequest.SAVE})) == {RunRequest.SAVE, RunRequest.PREVIEW}
    assert cadences.due(7, frozenset({RunRequest.VALIDATE})) == {RunRequest.VALIDATE, RunRequest.PREVIEW}
    assert cadences.due(12, frozenset({RunRequest.SAVE})) == {RunRequest.SAVE}, "the end does the rest"


def test_the_next_validation_is_announced_unless_it_is_the_last() -> None:
    config = TrainerConfig(steps=12, val_interval=5)
    cadences = Cadences(config, clock_of(config, steps=6, seconds=0.5))
    assert cadences.seconds_to_validation(6) == 2.0
    assert cadences.seconds_to_validation(10) is None, "the end comes first"


def test_every_validation_has_a_preview_unless_previews_have_an_interval() -> None:
    config = TrainerConfig(steps=12, val_interval=4)
    cadences = Cadences(config, clock_of(config, steps=1))
    assert cadences.due(4, frozenset()) == {RunRequest.VALIDATE, RunRequest.PREVIEW}
    assert cadences.due(5, frozenset()) == frozenset()


def test_a_task_s_cost_and_time_are_recorded(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    config = TrainerConfig(steps=12)
    clock = RunClock(config, started=0.0)
    cadences = Cadences(config, clock)
    now[0] = 5.0
    cadences.start()
    now[0] = 28.0
    assert RunRequest.SAVE not in cadences.due(1, frozenset())
    now[0] = 29.0
    assert RunRequest.SAVE in cadences.due(1, frozenset())
    with cadences.timing(RunRequest.SAVE):
        now[0] = 31.0
    assert cadences.checkpoint.cost == 2.0 and RunRequest.SAVE not in cadences.due(2, frozenset())


def test_the_first_checkpoint_of_a_long_run_comes_a_minute_after_its_first_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    config = TrainerConfig(max_minutes=60.0)
    cadences = Cadences(config, RunClock(config, started=0.0))
    now[0] = 90.0  # the photos were found, and the start was measured
    cadences.start()
    now[0] = 149.0
    assert RunRequest.SAVE not in cadences.due(9, frozenset())
    now[0] = 150.0
    assert RunRequest.SAVE in cadences.due(10, frozenset())
    with cadences.timing(RunRequest.SAVE):
        pass
    now[0] = 700.0
    assert RunRequest.SAVE not in cadences.due(90, frozenset())
    now[0] = 750.0
    assert RunRequest.SAVE in cadences.due(100, frozenset())


def test_the_time_left_includes_the_validations_and_checkpoints_to_come() -> None:
    clock = clock_of(TrainerConfig(steps=100), steps=10, seconds=2.0)
    asked: list[tuple[float, float]] = []
    assert clock.seconds_left(10) == 180.0
    assert clock.seconds_left(10, lambda *times: asked.append(times) or 30.0) == 210.0  # type: ignore[func-returns-value]
    assert asked[0][0] == 180.0
    assert clock.seconds_left(100, lambda left, planned: 30.0) == 0.0


def test_validations_and_checkpoints_are_part_of_a_budget() -> None:
    config = TrainerConfig(max_minutes=10.0)
    cadences = Cadences(config, RunClock(config, started=0.0))
    cadences.validation.cost = 2.0
    assert (cadences.validation.period(300), cadences.checkpoint.period(300)) == (40, 60)
    assert cadences.estimate_overhead(190, 300) == 5 * (2 + 1) + 4 * 1


def test_costs_follow_the_speed_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    config = TrainerConfig(steps=1000)
    clock = clock_of(config, steps=30)
    cadences = Cadences(config, clock)
    with cadences.timing(RunRequest.VALIDATE):
        now[0] = 2.0
    before = 1 / clock.steps_per_second
    for _ in range(30):  # the speed is averaged over 30 steps
        clock.add_step(3 * before)
        clock.add_reading(0.0)
    cadences.due(31, frozenset())
    assert cadences.validation.cost == pytest.approx(6.0)


def test_a_validation_is_estimated_before_the_first_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    config = TrainerConfig(max_minutes=10.0)
    clock = RunClock(config, started=0.0)
    estimates: list[float] = []
    cadences = Cadences(config, clock, lambda: estimates.append(now[0]) or 60.0)  # type: ignore[func-returns-value]
    cadences.start()
    now[0] = 29.0
    assert not cadences.due(1, frozenset()) & {RunRequest.VALIDATE} and not estimates
    now[0] = 31.0
    assert not cadences.due(2, frozenset()) & {RunRequest.VALIDATE} and estimates == [31.0]


def test_the_share_of_waiting_for_photos_is_that_of_the_latest_steps() -> None:
    clock = clock_of(TrainerConfig(steps=100))
    assert clock.photo_wait == 0
    for waited in [0.5] * 10 + [0.1] * 30:
        clock.add_step(1.0, waited=waited)
        clock.add_reading(0.0)
    assert clock.photo_wait == pytest.approx(0.1)
