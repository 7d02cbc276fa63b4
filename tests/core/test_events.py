"""Events: as JSON, and passed on to every sink that still works."""

from __future__ import annotations

import json

from trainer_core.events import Event, Fanout, Notice, StepDone, to_json


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
