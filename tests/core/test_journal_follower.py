"""Reading a journal while another process writes it, and knowing that process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from trainer_core.errors import UserError
from trainer_core.events import CheckpointSaved, Event, Notice, RunFinished, RunStarted, StepDone, Validated
from trainer_core.files import write_json
from trainer_core.sinks.journal import json_line
from trainer_core.sinks.journal_follower import JournalFollower, gist
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.other_process import can_be_stopped, running_elsewhere, stop


def begun(start_step: int = 0, run_id: str = "a") -> RunStarted:
    return RunStarted(run_id, "w", 4, True, start_step, 100, "cpu", "fp32", 1, {"train": 4})


def step(number: int) -> StepDone:
    return StepDone(number, 100, {"l1": 0.1, "total": 0.1}, 1e-4, 1.0, 10.0, 1.0, 1.0, 1)


def append(path: Path, *events: Event, text: str = "") -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write("".join(json_line(event) + "\n" for event in events) + text)


def test_each_event_comes_once_and_a_line_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = JournalFollower(path)
    assert list(journal.news()) == []  # not there yet
    append(path, begun(), step(1))
    assert list(journal.news()) == [begun(), step(1)]
    line = json_line(step(2))
    append(path, text=line[:20])
    assert list(journal.news()) == []
    append(path, text=line[20:] + "\n")
    assert list(journal.news()) == [step(2)]
    append(path, step(3), text="torn{\n" + '{"event": "Invented"}\n')
    append(path, step(4))
    assert list(journal.news()) == [step(3), step(4)]
    assert journal.files == 1


def test_another_run_in_the_same_place_begins_anew(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    append(path, begun(), step(1), step(2))
    journal = JournalFollower(path)
    list(journal.news())
    path.rename(tmp_path / "aside")
    assert list(journal.news()) == []  # nothing for a moment
    assert journal.files == 1
    append(path, begun(run_id="b"), step(1), step(2), step(3), step(4))  # longer than the one before
    assert next(journal.news()) == begun(run_id="b")
    assert journal.files == 2
    path.write_text("", "utf-8")  # truncated
    assert list(journal.news()) == []
    assert journal.files == 3
    append(path, step(7))
    assert list(journal.news()) == [step(7)]


def test_a_journal_that_is_shorter_than_its_head_grows_without_being_another(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    append(path, Notice("info", "short"))
    journal = JournalFollower(path)
    assert list(journal.news()) == [Notice("info", "short")]
    append(path, begun(), step(1))
    assert list(journal.news()) == [begun(), step(1)]
    assert journal.files == 1


def test_the_gist_of_a_run_leaves_out_what_was_done_again_and_steps_in_a_row() -> None:
    measured = Validated(30, "val", 30.0, 0.9, 29.0, 0.8, True, 4, 0.1)
    saved = CheckpointSaved(20, "x.pth", "step")
    stopped = RunFinished("discarded", 35)
    first = [begun(), step(1), step(2), saved, step(30), measured, step(35), stopped]
    assert gist(first) == [begun(), step(2), saved, step(30), measured, step(35), stopped]
    again = begun(start_step=20)
    assert gist([*first, again, step(21)]) == [begun(), step(2), saved, stopped, again, step(21)]


@pytest.fixture
def other(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that holds the workspace and leaves with 7 on SIGINT."""
    code = (
        "import signal, sys, time\nsignal.signal(signal.SIGINT, lambda *a: sys.exit(7))\n"
        "print('ready', flush=True)\ntime.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    write_json(tmp_path / ".lock.json", {"pid": process.pid, "host": socket.gethostname(), "since": ""})
    yield process
    process.kill()
    process.communicate()


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_the_other_process_can_be_asked_to_stop(tmp_path: Path, other: subprocess.Popen[bytes]) -> None:
    workspace = Workspace(tmp_path)
    assert running_elsewhere(workspace) == other.pid
    assert can_be_stopped(other.pid)
    stop(workspace, other.pid)
    assert other.wait(timeout=20) == 7
    assert running_elsewhere(workspace) is None
    with pytest.raises(UserError, match="any more"):
        stop(workspace, other.pid)


@pytest.mark.skipif(os.name == "nt", reason="there is no such signal")
def test_a_process_that_took_over_a_dead_one_s_number_is_left_alone(
    tmp_path: Path, other: subprocess.Popen[bytes]
) -> None:
    os.utime(tmp_path / ".lock.json", (0, 0))  # written long before that process began
    with pytest.raises(UserError):
        stop(Workspace(tmp_path), other.pid)
    assert other.poll() is None


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_what_is_not_ours_or_not_there_cannot_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(process: int, number: int) -> None:
        raise PermissionError

    assert can_be_stopped(os.getpid())
    monkeypatch.setattr(os, "kill", refuse)
    assert not can_be_stopped(1)
