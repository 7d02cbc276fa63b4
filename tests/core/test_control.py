"""Steering a run, and telling of it."""

from __future__ import annotations

import json
import os
import signal
import threading

import pytest

from trainer_core.cli import _Signals
from trainer_core.control import Request, RunControl, Stop
from trainer_core.events import Event, Fanout, Notice, StepDone, to_json


def test_a_stop_ends_a_pause_and_the_first_kind_of_stop_wins() -> None:
    control = RunControl()
    control.pause()
    assert control.paused and not control.wait_while_paused(0.01)
    waiter = threading.Thread(target=control.wait_while_paused)
    waiter.start()
    control.stop(Stop.DISCARD)
    waiter.join(2)
    assert not waiter.is_alive()
    control.stop(Stop.SAVE)
    assert control.stop_requested is Stop.DISCARD
    control.pause()
    assert not control.paused


def test_a_pause_is_reached_when_the_loop_has_come_to_it_each_time() -> None:
    control = RunControl()
    control.wait_while_paused(0)
    control.pause()
    assert control.paused and not control.waiting
    control.wait_while_paused(0)
    control.pause()
    assert control.waiting
    control.resume()
    assert not control.waiting
    control.pause()
    assert not control.waiting  # the loop has gone on meanwhile


def test_requests_are_served_once() -> None:
    control = RunControl()
    control.request(Request.SAVE)
    control.request(Request.SAVE)
    assert control.take_requests() == {Request.SAVE}
    assert not control.take_requests()


def test_a_sink_that_raises_is_reported_once_and_detached() -> None:
    heard: list[Event] = []
    calls = []

    def broken(event: Event) -> None:
        calls.append(event)
        raise OSError("disk full")

    fanout = Fanout(broken, heard.append)
    fanout(Notice("info", "one"))
    fanout(Notice("info", "two"))
    assert len(calls) == 1
    texts = [event.text for event in heard if isinstance(event, Notice)]
    assert texts[-1] == "two" and sum("disk full" in text for text in texts) == 1


def test_events_are_json() -> None:
    event = StepDone(3, None, {"l1": 0.5}, 1e-3, 0.1, 2.0, 1.0, None, 100)
    line = json.loads(json.dumps(to_json(event)))
    assert line["event"] == "StepDone" and line["losses"] == {"l1": 0.5} and line["time"] > 0


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_first_signal_asks_the_run_to_stop_and_the_second_leaves_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    control, exits = RunControl(), []
    monkeypatch.setattr(os, "_exit", exits.append)
    signals = _Signals(control)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        assert control.stop_requested is Stop.SAVE and signals.exit_code == 143 and not exits
        os.kill(os.getpid(), signal.SIGTERM)
        assert exits == [143]
    finally:
        signals.restore()
