"""Learning rate and cadences, as functions of step and time."""

from __future__ import annotations

import pytest

from trainer_core.training.schedule import Cadence, learning_rate_at, make_checkpoint_cadence, make_validation_cadence


def test_cosine_warms_up_and_ends_at_zero() -> None:
    rates = [learning_rate_at(s, peak=1.0, schedule="cosine", total_steps=1000) for s in range(1000)]
    assert rates[0] == pytest.approx(1 / 50) and max(rates) == pytest.approx(1.0)
    assert rates[-1] < 1e-4 and rates.index(max(rates)) in range(48, 52)


@pytest.mark.parametrize(
    ("total", "warm_up"), [(1, 1), (8, 2), (89, 22), (120, 30), (600, 30), (1000, 50), (2000, 100), (10**6, 100)]
)
def test_a_short_run_warms_up_over_a_larger_share(total: int, warm_up: int) -> None:
    rates = [learning_rate_at(s, peak=1.0, schedule="cosine", total_steps=total) for s in range(warm_up + 1)]
    assert rates[:warm_up] == pytest.approx([(step + 1) / warm_up for step in range(warm_up)])
    assert rates[warm_up] == pytest.approx(1.0) and max(rates) == pytest.approx(1.0)


@pytest.mark.parametrize("total", [89, 120, 300, 600])
def test_the_rate_does_not_leap_when_a_time_budget_becomes_a_number_of_steps(total: int) -> None:
    before, after = (learning_rate_at(15, peak=1.0, schedule="cosine", total_steps=t) for t in (None, total))
    assert before == pytest.approx(16 / 30) and before <= after <= 1.4 * before


def test_a_constant_rate_does_not_depend_on_the_number_of_steps() -> None:
    for step in (0, 10, 99, 100, 5000):
        assert learning_rate_at(step, peak=1.0, schedule="constant", total_steps=200) == learning_rate_at(
            step, peak=1.0, schedule="constant", total_steps=10**6
        )


def test_auto_is_every_30_seconds_or_a_twentieth_of_the_run_at_most_10_minutes_apart() -> None:
    cadence = make_validation_cadence("auto")
    assert cadence.period(300) == 30 and cadence.period(3600) == 180 and cadence.period(1e6) == 600
    assert not cadence.is_due(7, 29, 300) and cadence.is_due(7, 31, 300)
    cadence.record(31)
    assert not cadence.is_due(8, 60, 300)
    cadence.cost = 4.0
    assert cadence.period(600) == 80  # a validation never takes more than a twentieth of the time


def test_the_time_to_the_next_one_follows_the_clock_or_the_steps() -> None:
    cadence = make_validation_cadence("auto")
    assert cadence.seconds_left(7, 10.0, 300.0, 2.0) == 20.0
    cadence.record(31.0)
    assert cadence.seconds_left(7, 40.0, 300.0, 2.0) == 21.0 and cadence.seconds_left(7, 70.0, 300.0, 2.0) == 0.0
    steps = make_validation_cadence(50)
    assert steps.seconds_left(30, 0.0, None, 4.0) == 5.0 and steps.seconds_left(50, 0.0, None, 4.0) == 12.5
    assert steps.seconds_left(0, 0.0, None, 0.0) == float("inf"), "the speed is unknown"


@pytest.mark.parametrize("cost", [0.1, 5.0])
def test_a_two_minute_run_shows_at_least_four(cost: float) -> None:
    for cadence in (make_validation_cadence("auto"), make_checkpoint_cadence("auto")):
        cadence.cost = cost
        assert 120 // cadence.period(120) >= 4
        assert 95 // cadence.period(95) >= 3  # and the last step always comes with one


def test_a_costly_task_takes_at_most_a_fifth_of_the_time() -> None:
    cadence = make_validation_cadence("auto")
    cadence.cost = 30.0
    assert cadence.period(120) == 150, "none before the end"
    assert cadence.period(None) == 600, "a twentieth while the end is unknown"
    cadence.cost = 200.0
    assert cadence.period(1e6) == 1000


def test_the_first_checkpoint_comes_after_a_minute_and_the_next_ones_at_their_period() -> None:
    cadence = make_checkpoint_cadence("auto")
    assert not cadence.is_due(5, 59.0, 3600.0) and cadence.is_due(5, 60.0, 3600.0)
    cadence.record(60.0)
    assert not cadence.is_due(9, 659.0, 3600.0) and cadence.is_due(9, 660.0, 3600.0)


def test_the_first_validation_comes_after_two_minutes_unless_it_takes_long() -> None:
    cadence = make_validation_cadence("auto")
    assert not cadence.is_due(5, 119.0, 36000.0) and cadence.is_due(5, 120.0, 36000.0)
    assert cadence.seconds_left(5, 100.0, None, 2.0) == 0.0 and cadence.seconds_left(5, 100.0, 36000.0, 2.0) == 20.0
    cadence.cost = 30.0  # a slow machine
    assert not cadence.is_due(5, 149.0, 3600.0) and cadence.is_due(5, 150.0, 3600.0), "a fifth of the time at most"
    cadence.record(180.0)
    assert not cadence.is_due(9, 779.0, 3600.0) and cadence.is_due(9, 780.0, 3600.0)


def test_a_task_is_counted_by_its_steps_or_by_its_period() -> None:
    assert Cadence(50, fraction=0, min_period=0).count(100.0, 200.0, steps_per_second=2.0) == 4
    assert make_validation_cadence("auto").count(100.0, 300.0, steps_per_second=2.0) == 3


def test_numbers_mean_steps() -> None:
    cadence = Cadence(50, fraction=0, min_period=0)
    assert [s for s in range(1, 201) if cadence.is_due(s, 0.0, None)] == [50, 100, 150, 200]
