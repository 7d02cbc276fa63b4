"""The journal follower: what another process writes into a journal, and a history without superseded events."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer_core.events import CheckpointSaved, Event, Notice, RunFinished, RunStarted, StepDone, Validated
from trainer_core.sinks import journal_follower
from trainer_core.sinks.journal import format_json_line
from trainer_core.sinks.journal_follower import JournalFollower, without_repeats


def begun(start_step: int = 0, run_id: str = "a") -> RunStarted:
    return RunStarted(run_id, "w", 4, True, start_step, 100, "cpu", "fp32", 1, {"train": 4})


def step(number: int) -> StepDone:
    return StepDone(number, 100, {"l1": 0.1, "total": 0.1}, 1e-4, 1.0, 10.0, 1.0, 1.0, 1)


def append(path: Path, *events: Event, text: str = "") -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write("".join(format_json_line(event) + "\n" for event in events) + text)


def test_each_event_comes_once_and_a_line_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = JournalFollower(path)
    assert list(journal.read_new_events()) == []  # not there yet
    append(path, begun(), step(1))
    assert list(journal.read_new_events()) == [begun(), step(1)]
    line = format_json_line(step(2))
    append(path, text=line[:20])
    assert list(journal.read_new_events()) == []
    append(path, text=line[20:] + "\n")
    assert list(journal.read_new_events()) == [step(2)]
    append(path, step(3), text="torn{\n" + '{"event": "Invented"}\n')
    append(path, step(4))
    assert list(journal.read_new_events()) == [step(3), step(4)]
    assert journal.files == 1


def test_another_run_in_the_same_place_restarts_the_history(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    append(path, begun(), step(1), step(2))
    journal = JournalFollower(path)
    list(journal.read_new_events())
    path.rename(tmp_path / "aside")
    assert list(journal.read_new_events()) == []  # nothing for a moment
    assert journal.files == 1
    append(path, begun(run_id="b"), step(1), step(2), step(3), step(4))  # longer than the one before
    assert next(journal.read_new_events()) == begun(run_id="b")
    assert journal.files == 2
    path.write_text("", "utf-8")  # truncated
    assert list(journal.read_new_events()) == []
    assert journal.files == 3
    append(path, step(7))
    assert list(journal.read_new_events()) == [step(7)]


def test_a_journal_that_is_shorter_than_its_head_grows_without_being_another(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    append(path, Notice("info", "short"))
    journal = JournalFollower(path)
    assert list(journal.read_new_events()) == [Notice("info", "short")]
    append(path, begun(), step(1))
    assert list(journal.read_new_events()) == [begun(), step(1)]
    assert journal.files == 1


def test_a_long_journal_is_read_block_by_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_follower, "_BLOCK_BYTES", 1000)
    path = tmp_path / "journal.jsonl"
    events: list[Event] = [begun(), *(step(number) for number in range(1, 30))]
    append(path, *events, text="\0" * 5000 + "\n")  # zeros as a power cut leaves them
    append(path, step(30), text=format_json_line(step(31))[:20])
    journal = JournalFollower(path)
    assert list(journal.read_new_events()) == [*events, step(30)]
    append(path, text=format_json_line(step(31))[20:] + "\n")
    assert list(journal.read_new_events()) == [step(31)]


def test_a_journal_that_is_replaced_between_two_blocks_is_not_mixed_with_its_successor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_follower, "_BLOCK_BYTES", 1000)
    path = tmp_path / "journal.jsonl"
    other: list[Event] = [begun(run_id="b"), *(step(number) for number in range(50, 90))]
    events: list[Event] = [begun(), *(step(number) for number in range(1, 30))]
    append(path, *events)
    journal = JournalFollower(path)
    first = journal.read_new_events()
    path.rename(tmp_path / "aside")
    append(path, *other)
    read = list(first)
    assert 0 < len(read) < len(events) and read == events[: len(read)]
    assert journal.files == 1
    assert list(journal.read_new_events()) == other and journal.files == 2


def test_a_history_without_repeats_drops_superseded_events_and_all_but_the_last_of_successive_steps() -> None:
    measured = Validated(30, "val", 30.0, 0.9, 29.0, 0.8, True, 4, 0.1)
    saved = CheckpointSaved(20, "x.pth", "step")
    stopped = RunFinished("discarded", 35)
    first: list[Event] = [begun(), step(1), step(2), saved, step(30), measured, step(35), stopped]
    assert without_repeats(first) == [begun(), step(2), saved, step(30), measured, step(35), stopped]
    again = begun(start_step=20)
    assert without_repeats([*first, again, step(21)]) == [begun(), step(2), saved, stopped, again, step(21)]
