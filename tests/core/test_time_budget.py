"""A time budget keeps its word on a machine that becomes slower or faster, in simulated time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from trainer_core.control import RunRequest
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.clock import Cadences, RunClock
from trainer_core.training.schedule import learning_rate_at
from trainer_core.training.time_budget import TimeBudget, resumed_steps

MINUTES = 10.0


class Machine:
    """A run on a simulated machine: `duration(seconds)` is that of a step at this time of the run.

    A validation takes as long as `validation` steps.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, duration: Callable[[float], float], validation: float = 0.0
    ) -> None:
        self.now = 0.0
        self.step = 0
        self.validations: list[float] = []
        self._duration, self._validation = duration, validation
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        self.config = TrainerConfig(max_minutes=MINUTES)
        self.clock = RunClock(self.config, started=0.0)

    def train(self, until: float = float("inf")) -> None:
        """Train to the end of the run, or until this time; checkpoints take no time."""
        cadences = Cadences(self.config, self.clock, lambda: self._validation * self._duration(self.now))
        cadences.start()
        while not self.clock.is_over(self.step) and self.now < until:
            seconds = self._duration(self.now)
            self.now += seconds
            self.step += 1
            self.clock.add_step(seconds)
            self.clock.add_reading(0.0)
            if self.clock.is_plan_due(self.step):
                cadences.expect_validations()
                self.clock.plan_steps(self.step, lambda left, planned: self._overhead(cadences, left, planned))
            if RunRequest.VALIDATE in cadences.due(self.step, frozenset()):
                with cadences.timing(RunRequest.VALIDATE):
                    self._validate()
        self._validate()

    def _validate(self) -> None:
        self.validations.append(self.now)
        self.now += self._validation * self._duration(self.now)

    def _overhead(self, cadences: Cadences, left: float, planned: float) -> float:
        return cadences.estimate_overhead(left, planned) if self._validation else 0.0


SPEEDS: dict[str, Callable[[float], float]] = {
    "steady": lambda now: 0.3,
    "slower at a third": lambda now: 0.3 if now < 200 else 1.2,
    "ten times slower at half": lambda now: 0.3 if now < 300 else 3.0,
    "faster at half": lambda now: 1.0 if now < 300 else 0.25,
    "measured under load": lambda now: 25.0 if now < 100 else 0.3,
    "loaded every second minute": lambda now: 1.2 if int(now / 60) % 2 else 0.3,
    "slower in the last tenth": lambda now: 0.3 if now < 540 else 0.6,
    "few long steps": lambda now: 20.0 if now < 300 else 40.0,
}


@pytest.mark.parametrize("duration", SPEEDS.values(), ids=SPEEDS.keys())
def test_a_run_ends_within_a_tenth_of_its_budget(
    monkeypatch: pytest.MonkeyPatch, duration: Callable[[float], float]
) -> None:
    machine = Machine(monkeypatch, duration)
    machine.train()
    assert machine.now == pytest.approx(60 * MINUTES, rel=0.1)


@pytest.mark.parametrize("duration", SPEEDS.values(), ids=SPEEDS.keys())
def test_validations_are_part_of_the_budget(
    monkeypatch: pytest.MonkeyPatch, duration: Callable[[float], float]
) -> None:
    machine = Machine(monkeypatch, duration, validation=10.0)
    machine.train()
    tolerance = 0.3 if duration(599) > 20 else 0.1  # a validation at the end takes 400 seconds of the 600
    assert machine.now == pytest.approx(60 * MINUTES, rel=tolerance)


@pytest.mark.parametrize(
    ("minutes", "seconds", "over"), [(10, 600, ""), (10, 659, ""), (10, 661, "1:01"), (1, 89, ""), (1, 91, "0:31")]
)
def test_an_overrun_is_described(monkeypatch: pytest.MonkeyPatch, minutes: float, seconds: float, over: str) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: seconds)
    sentence = RunClock(TrainerConfig(max_minutes=minutes), started=0.0).describe_overrun()
    assert sentence == (
        f"The training took {over} longer than its time limit, because the last checks of the network took longer than "
        "expected or other programs slowed this computer down. Leave more time, or close other programs."
        if over
        else ""
    )


def test_a_run_without_a_budget_has_no_overrun() -> None:
    assert RunClock(TrainerConfig(steps=10), started=-1e6).describe_overrun() == ""


def test_a_slow_machine_does_not_spend_its_budget_on_validations(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, lambda now: 8.0, validation=10.0)
    machine.train()
    assert machine.step >= 50, "400 seconds of steps"
    assert len(machine.validations) == 2 and machine.now == pytest.approx(60 * MINUTES, rel=0.1)


def test_a_steady_machine_is_planned_once(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, lambda now: 0.3)
    machine.train()
    assert machine.clock.plan_changes == [[20, 2000]] and machine.step == 2000  # 3 warm-up steps, then 5 seconds


def test_a_budget_measured_under_load_is_not_used_up_by_few_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, lambda now: 40.0 if now < 199 else 0.3)
    machine.train()
    assert machine.clock.plan_changes[0] == [5, 15], "the first plan is that of a machine under load"
    assert machine.step > 500


def test_the_learning_rate_does_not_rise_in_the_last_tenth_and_ends_near_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, lambda now: 1.0 if now < 560 else 0.01)
    rates = []
    real = machine.clock.add_step

    def record(seconds: float) -> None:
        total = machine.clock.total_steps
        rates.append((machine.now, learning_rate_at(machine.step - 1, peak=1.0, schedule="cosine", total_steps=total)))
        real(seconds)

    monkeypatch.setattr(machine.clock, "add_step", record)
    machine.train()
    late = [rate for now, rate in rates if now > 545]
    assert late == sorted(late, reverse=True) and late[-1] < 1e-3


def test_a_resumed_run_counts_the_time_of_earlier_sessions(monkeypatch: pytest.MonkeyPatch) -> None:
    first = Machine(monkeypatch, lambda now: 0.3)
    first.train(until=200)
    second = Machine(monkeypatch, lambda now: 0.6)
    plan = {"total_steps": first.clock.total_steps, "max_minutes": MINUTES, "seconds": 200.0}
    planned = resumed_steps(second.config, plan, first.step)
    assert planned == first.clock.total_steps
    second.step = first.step
    second.clock = RunClock(
        second.config, started=0.0, previous_seconds=200.0, previous_step=first.step, planned_steps=planned
    )
    second.train()
    assert second.now + 200 == pytest.approx(60 * MINUTES, rel=0.1)


def test_another_budget_changes_the_plan_by_the_speed_so_far() -> None:
    plan = {"total_steps": 2000, "max_minutes": 10.0, "seconds": 300.0}
    assert resumed_steps(TrainerConfig(max_minutes=20.0), plan, 1000) == 4000
    assert resumed_steps(TrainerConfig(max_minutes=10.0), plan, 1000) == 2000
    assert resumed_steps(TrainerConfig(steps=77), plan, 1000) == 77, "steps end the budget"
    assert resumed_steps(TrainerConfig(max_minutes=10.0), {"max_minutes": 10.0}, 0) is None


@pytest.mark.parametrize("minutes", [60.0, 30.0])
def test_a_run_saved_before_its_speed_was_known_is_measured_when_it_is_resumed(minutes: float) -> None:
    plan = {"total_steps": None, "max_minutes": 60.0, "seconds": 180.0}  # three steps, and a slow first validation
    assert resumed_steps(TrainerConfig(max_minutes=minutes), plan, 3) is None


def test_a_plan_is_checked_after_half_of_the_steps_that_it_left() -> None:
    budget = TimeBudget(1000.0)
    for _ in range(3 + 1):
        budget.add_step(10.0)
    budget.record_check(4, 40.0)
    assert not budget.is_check_due(5, 12, 41.0), "no step was measured"
    budget.add_step(0.1)
    assert not budget.is_check_due(7, 12, 41.0)
    assert budget.is_check_due(8, 12, 41.0)
    assert budget.is_check_due(5, 12, 90.0), "a twentieth of the budget has passed"
    assert not budget.is_check_due(12, 12, 90.0), "the run is over"
