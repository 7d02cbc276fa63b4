"""Steering a run: stop, pause, one-shot requests."""

from __future__ import annotations

import threading
from types import SimpleNamespace

import pytest

from trainer_core import control as control_module
from trainer_core.control import Activity, RunControl, RunRequest, StopMode


def test_a_stop_ends_a_pause_and_the_first_kind_of_stop_wins() -> None:
    control = RunControl()
    control.pause()
    assert control.is_paused and not control.wait_while_paused(0.01)
    waiter = threading.Thread(target=control.wait_while_paused)
    waiter.start()
    control.stop(StopMode.DISCARD)
    waiter.join(2)
    assert not waiter.is_alive()
    control.stop(StopMode.SAVE)
    assert control.stop_requested is StopMode.DISCARD
    control.pause()
    assert not control.is_paused


def test_a_pause_is_reached_when_the_loop_has_come_to_it_each_time() -> None:
    control = RunControl()
    control.wait_while_paused(0)
    control.pause()
    assert control.is_paused and not control.is_waiting
    control.wait_while_paused(0)
    control.pause()
    assert control.is_waiting
    control.resume()
    assert not control.is_waiting
    control.pause()
    assert not control.is_waiting  # the loop has gone on meanwhile


def test_requests_are_served_once() -> None:
    control = RunControl()
    control.request(RunRequest.SAVE)
    control.request(RunRequest.SAVE)
    assert control.pop_requests() == {RunRequest.SAVE}
    assert not control.pop_requests()


def test_an_activity_is_known_while_it_lasts_and_once_it_is_worth_a_mention(monkeypatch: pytest.MonkeyPatch) -> None:
    now, control = [100.0], RunControl()
    monkeypatch.setattr(control_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with control.during(Activity.VALIDATING):
        assert control.activity is None
        now[0] += 1
        assert control.activity is Activity.VALIDATING
        with control.during(Activity.SAVING):
            now[0] += 1
            assert control.activity is Activity.SAVING
        assert control.activity is Activity.VALIDATING
    assert control.activity is None
    with control.during(Activity.VALIDATING):
        assert control.activity_count is None
        control.count_activity(3, 24)
        assert control.activity_count == (3, 24)
        with control.during(Activity.SAVING):
            assert control.activity_count is None
    assert control.activity_count is None
    measured = control.during(Activity.MEASURING)(lambda: control.activity)
    assert measured() is None


def test_the_clock_of_an_activity_starts_again_with_each_of_its_phases(monkeypatch: pytest.MonkeyPatch) -> None:
    now, control = [100.0], RunControl()
    monkeypatch.setattr(control_module, "time", SimpleNamespace(monotonic=lambda: now[0]))
    with control.during(Activity.VALIDATING):
        now[0] += 9
        control.count_activity(8, 8)
        control.begin_phase(Activity.TESTING)
        assert (control.activity, control.activity_seconds) == (Activity.TESTING, 0), "the run does no steps yet"
        assert control.activity_count is None
        now[0] += 4
        assert control.activity_seconds == 4
    assert control.activity is None
    control.begin_phase(Activity.TESTING)
    assert control.activity_seconds == 0, "there is nothing of which it would be a phase"
