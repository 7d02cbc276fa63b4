"""Events: as JSON, and passed on to every sink that still works."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path
from typing import Any, get_args

import pytest

from trainer_core import events
from trainer_core.events import (
    Event,
    Fanout,
    Notice,
    RunStarted,
    StepDone,
    Validated,
    event_from_json,
    event_to_json,
    is_superseded,
)
from trainer_core.sinks.journal import format_json_line, read_journal
from trainer_core.sinks.journal_follower import without_repeats
from trainer_core.text import OutputError


def test_a_sink_that_raises_is_reported_once_and_detached() -> None:
    received: list[Event] = []
    calls = []

    def broken(event: Event) -> None:
        calls.append(event)
        raise OSError("disk full")

    fanout = Fanout(broken, received.append)
    fanout(Notice("info", "one"))
    fanout(Notice("info", "two"))
    assert len(calls) == 1
    texts = [event.text for event in received if isinstance(event, Notice)]
    assert texts[-1] == "two" and sum("disk full" in text for text in texts) == 1


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(28, "No space left on device"), "No space left on device."),
        (OutputError(OSError(5, "Input/output error")), "The output cannot be written: "),
        (KeyError("step"), "KeyError('step')"),  # an error of the program, which its name helps to find
    ],
)
def test_a_sink_that_fails_is_reported_in_a_sentence(error: Exception, reason: str) -> None:
    class Stream:
        name = "the event stream"

        def __call__(self, event: Event) -> None:
            raise error

    received: list[Event] = []
    Fanout(Stream(), received.append)(Notice("info", "one"))
    text = next(event.text for event in received if isinstance(event, Notice) and event.level == "warning")
    assert text.startswith(f"The event stream failed and receives no further events: {reason}")


def test_events_are_json() -> None:
    event = StepDone(3, None, {"l1": 0.5}, 1e-3, 0.1, 2.0, 1.0, None, 100)
    line = json.loads(json.dumps(event_to_json(event)))
    assert line["event"] == "StepDone" and line["losses"] == {"l1": 0.5} and line["time"] > 0


@pytest.mark.parametrize("kind", get_args(Event), ids=lambda kind: kind.__name__)
def test_each_event_class_states_whether_a_resumed_run_replaces_it(kind: Any, tmp_path: Path) -> None:
    assert isinstance(vars(kind).get("can_be_superseded"), bool)
    plain = {"int": 9, "float": 0.0, "bool": False, "str": "", "dict": {}, "tuple": ()}
    values = {field.name: plain[str(field.type).split("[")[0].split(" ")[0]] for field in dataclasses.fields(kind)}
    assert not kind.can_be_superseded or "step" in values
    later = kind(**values)
    again = RunStarted("a", "w", 4, True, 5, 9, "cpu", "fp32", 1, {})
    (tmp_path / "journal.jsonl").write_text("".join(f"{format_json_line(event)}\n" for event in (later, again)))
    in_journal = [record["event"] for record in read_journal(tmp_path / "journal.jsonl")]
    followed = [type(event).__name__ for event in without_repeats([later, again])]
    assert in_journal == followed == ([] if kind.can_be_superseded else [kind.__name__]) + ["RunStarted"]


def test_every_event_class_can_be_read_from_a_journal() -> None:
    classes = {value for value in vars(events).values() if dataclasses.is_dataclass(value)}
    assert classes == {*get_args(Event), events.PreviewImage}


def test_of_an_unknown_event_only_what_lies_before_the_start_is_kept() -> None:
    assert is_superseded("ThermalPause", 6, 5) and not is_superseded("ThermalPause", 5, 5)
    assert not is_superseded("ThermalPause", None, 5) and not is_superseded("Notice", 6, 5)


def test_a_resumed_run_replaces_what_belongs_to_a_step_and_nothing_that_belongs_to_a_session() -> None:
    replaced = {kind.__name__ for kind in get_args(Event) if kind.can_be_superseded}
    assert replaced == {"PlanChanged", "StepDone", "Validated", "PreviewReady", "CheckpointSaved"}


def test_unknown_records_are_no_events() -> None:
    assert event_from_json({"event": "Invented"}) is None
    assert event_from_json({"event": "Notice"}) is None
    for odd in (5, None, ["x"], {"a": 1}, True):
        assert event_from_json({"event": "Notice", "level": "info", "text": odd}) is None
    assert event_from_json({**event_to_json(Notice("info", "x")), "added_later": 1}) == Notice("info", "x")


@pytest.mark.parametrize(
    ("field", "odd"),
    [("step", "abc"), ("step", None), ("step", 1.5), ("losses", [1]), ("losses", {"total": "x"}), ("elapsed", True)],
)
def test_a_record_with_a_value_of_another_kind_is_no_event(field: str, odd: object) -> None:
    step = StepDone(1, 2, {"total": 0.5}, 1e-4, 1.0, 2.0, 3.0, None, 4)
    record = event_to_json(step)
    assert event_from_json(record) == step
    assert event_from_json({**record, field: odd}) is None


def test_a_figure_that_was_not_finite_comes_back_as_nan() -> None:
    record = {**event_to_json(Validated(1, "val", 1.0, 1.0, 1.0, 1.0, True, 1, 1.0)), "psnr": None}
    event = event_from_json(record)
    assert isinstance(event, Validated) and math.isnan(event.psnr)
