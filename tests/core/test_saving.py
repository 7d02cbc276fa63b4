"""The writes of one run without a run: what failed is kept and repeated, once it can succeed, and only that."""

from __future__ import annotations

import errno
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, cast

import pytest

pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos
from trainer_core.control import RunControl
from trainer_core.events import Event, Notice
from trainer_core.planning.plan import make_plan
from trainer_core.training import saving
from trainer_core.training.saving import Saving

FULL = OSError(errno.ENOSPC, "No space left on device")


class Disk:
    """Writes that fail with `error` until it is None, recorded by name."""

    def __init__(self) -> None:
        self.error: OSError | None = FULL
        self.tried: list[str] = []

    def write(self, name: str) -> Callable[[], None]:
        def action() -> None:
            self.tried.append(name)
            if self.error is not None:
                raise self.error

        return action


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def heard() -> list[Event]:
    return []


@pytest.fixture
def writes(tmp_path: Path, disk: Disk, heard: list[Event], monkeypatch: pytest.MonkeyPatch) -> Saving:
    """A `Saving` that may repeat at once, in which checkpoint, best and settings of step 5 have failed."""
    monkeypatch.setattr(saving, "_FIRST_DELAY", 0.0)
    photos = make_photos(tmp_path / "photos", 3)
    plan = make_plan({**TINY, "source_dir": str(photos), "workspace": str(tmp_path / "w")})
    plan.workspace.create()
    start, lock = SimpleNamespace(warm_start_record=None), SimpleNamespace(check=lambda: "")
    made = Saving(plan, cast(Any, start), cast(Any, lock), RunControl(), heard.append)
    assert not any(made.write(name, disk.write(name), step=5) for name in ("checkpoint", "best", "settings"))
    return made


def test_failed_writes_are_announced_once_and_repeated_until_they_succeed(
    writes: Saving, disk: Disk, heard: list[Event]
) -> None:
    assert [event.level for event in heard if isinstance(event, Notice)] == ["error"] and writes.is_behind
    disk.error = None
    writes.retry(step=6)
    assert disk.tried[3:] == ["checkpoint", "best", "settings"] and not writes.is_behind
    assert [event.level for event in heard if isinstance(event, Notice)] == ["error", "info"]


def test_a_full_disk_is_not_written_to_before_there_is_room(
    writes: Saving, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "free_bytes", lambda folder: 100)
    writes.retry(step=6)
    assert len(disk.tried) == 3
    monkeypatch.setattr(saving, "free_bytes", lambda folder: 10**12)
    writes.retry(step=7)
    assert len(disk.tried) == 6


def test_a_run_that_goes_back_never_writes_the_states_it_left(writes: Saving, disk: Disk) -> None:
    writes.forget(None)
    disk.error = None
    writes.retry(step=2)
    assert disk.tried[3:] == ["settings"] and writes.saver.newest is None
