"""The real training over a simulated asynchronous device: what it says of its speed, and how long a budget takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos
from trainer_core.control import RunControl
from trainer_core.events import Event, PlanChanged, StepDone, Validated
from trainer_core.planning.hardware import Hardware
from trainer_core.planning.plan import make_plan
from trainer_core.training import clock as clock_module
from trainer_core.training.evaluation import Evaluator
from trainer_core.training.learner import Learner
from trainer_core.training.trainer import Trainer
from trainer_core.training.validation import Validator


@dataclass
class Device:
    """A device that works through a queue, on a clock that only calls and waits move.

    Attributes:
        call: seconds of the processor for a step.
        work: seconds of the device for a step.
        queue: seconds of work that the queue holds; a call waits until its work fits.
        validation: seconds of the device for a validation.
        pause_at: the step after which the run is paused.
    """

    call: float
    work: float
    queue: float = 1e9
    validation: float = 0.0
    pause_at: int = 0
    steps: int = 0
    now: float = 1000.0
    free_at: float = 0.0

    def step(self) -> None:
        """Call a step: the device begins with its first kernel and works on while the others are queued."""
        self.free_at = max(self.now, self.free_at) + self.work
        self.now += self.call
        self.now = max(self.now, self.free_at - self.queue)
        self.steps += 1

    def wait(self) -> None:
        """Wait until the queue is empty."""
        self.now = max(self.now, self.free_at)


class PausingControl(RunControl):
    """Ends each pause at once and records when the run had reached it."""

    reached = 0.0

    def wait_while_paused(self, timeout: float | None = None) -> bool:
        """End the pause."""
        self.reached = time.monotonic()
        self.resume()
        return True


@pytest.fixture
def simulate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., list[tuple[float, Event]]]:
    """Train on a simulated device and return the events with their times."""

    def run(device: Device, control: RunControl | None = None, **settings: Any) -> list[tuple[float, Event]]:
        control = control or RunControl()
        update, read, measure = Learner.update, Learner.read_latest, Validator.measure

        def simulated_update(self: Learner, *arguments: Any, **more: Any) -> None:
            update(self, *arguments, **more)
            device.step()
            if device.steps == device.pause_at:
                control.pause()

        def simulated_read(self: Learner) -> Any:
            device.wait()
            return read(self)

        def simulated_measure(self: Validator, *arguments: Any, **more: Any) -> Any:
            device.wait()
            device.now += device.validation
            return measure(self, *arguments, **more)

        monkeypatch.setattr(Learner, "update", simulated_update)
        monkeypatch.setattr(Learner, "read_latest", simulated_read)
        monkeypatch.setattr(Validator, "measure", simulated_measure)
        monkeypatch.setattr(Evaluator, "estimate_validation_seconds", lambda self: device.validation)
        monkeypatch.setattr(Hardware, "is_asynchronous", property(lambda self: True))
        monkeypatch.setattr(clock_module, "_CHECKPOINT_SECONDS", 0.0)
        monkeypatch.setattr(time, "monotonic", lambda: device.now)
        events: list[tuple[float, Event]] = []
        photos = make_photos(tmp_path / "photos")
        intervals = dict.fromkeys(("val_interval", "checkpoint_interval", "image_log_interval"), 100_000)
        given = {**TINY, **intervals, "source_dir": str(photos), "workspace": str(tmp_path / "run"), **settings}
        result = Trainer(make_plan(given), lambda event: events.append((device.now, event)), control).run()
        assert result.outcome == "completed", result.error
        return events

    return run


def steps_of(events: list[tuple[float, Event]]) -> list[tuple[float, StepDone]]:
    return [(now, event) for now, event in events if isinstance(event, StepDone)]


# In turn: the processor is slower, the queue slows it down, long steps, and steps of one launch each.
@pytest.mark.parametrize(
    ("call", "work", "queue"), [(0.05, 0.02, 1e9), (0.02, 0.1, 0.3), (0.01, 0.3, 1e9), (0.001, 0.1, 1e9)]
)
def test_speed_time_left_and_time_budget_are_those_of_the_device(
    simulate: Any, call: float, work: float, queue: float
) -> None:
    each = max(call, work)
    device = Device(call, work, queue)
    budget = 120 * each
    events = simulate(device, max_minutes=budget / 60)
    assert device.now - 1000.0 == pytest.approx(budget, rel=0.05)
    planned = next(event.total_steps for _, event in events if isinstance(event, PlanChanged))
    seen = [(now, event) for now, event in steps_of(events) if event.step > 20]
    assert [event.steps_per_second for _, event in seen] == pytest.approx([1 / each] * len(seen), rel=0.05)
    now, event = seen[len(seen) // 2]
    assert event.total_steps == planned
    assert event.seconds_left == pytest.approx(seen[-1][0] - now, rel=0.05)


def test_values_are_read_often_however_quickly_steps_are_queued(simulate: Any) -> None:
    times = [now for now, _ in steps_of(simulate(Device(0.0001, 0.1), steps=40))]
    assert max(after - before for before, after in zip(times, times[1:])) < 0.5


def test_a_validation_does_not_pay_for_the_steps_before_it(simulate: Any) -> None:
    events = simulate(Device(0.001, 0.07, validation=0.4), steps=40, val_interval=5)
    costs = [event.seconds for _, event in events if isinstance(event, Validated) and event.split == "val"]
    assert len(costs) == 8
    assert costs == pytest.approx([0.4] * len(costs), rel=0.05)
    speeds = [event.steps_per_second for _, event in steps_of(events)[10:]]
    assert speeds == pytest.approx([1 / 0.07] * len(speeds), rel=0.05)


def test_a_pause_begins_when_the_device_has_finished_its_steps(simulate: Any) -> None:
    control = PausingControl()
    events = simulate(Device(0.001, 0.06, pause_at=23), control, steps=40)
    before = [(now, event.step) for now, event in steps_of(events) if now <= control.reached]
    assert before[-1][1] == 23
    assert before[-1][0] - before[0][0] == pytest.approx(22 * 0.06, rel=0.05)
