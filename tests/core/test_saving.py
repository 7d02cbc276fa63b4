"""The writes of one run: what failed is repeated once it can succeed, and nothing waits for the disk but the end."""

from __future__ import annotations

import errno
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Callable, cast

import pytest

pytest.importorskip("torch")

from tests.core.test_trainer import only, state_digest, train
from tests.small_runs import TINY, make_photos
from trainer_core.control import RunControl, RunRequest, StopMode
from trainer_core.events import CheckpointSaved, Event, Notice, StepDone
from trainer_core.planning.plan import make_plan
from trainer_core.training import checkpoint, saving
from trainer_core.training.evaluation import Evaluator
from trainer_core.training.saver import Write
from trainer_core.training.saving import Saving
from trainer_core.weights.export import Deployable

FULL = OSError(errno.ENOSPC, "No space left on device")


class Disk:
    """Writes that fail with `error` until it is None, recorded by name."""

    def __init__(self) -> None:
        self.error: OSError | None = FULL
        self.tried: list[str] = []

    def prepare(self, name: str) -> Callable[[], Write]:
        def write() -> None:
            self.tried.append(name)
            if self.error is not None:
                raise self.error

        return lambda: write


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def events() -> list[Event]:
    return []


@pytest.fixture
def writes(tmp_path: Path, disk: Disk, events: list[Event], monkeypatch: pytest.MonkeyPatch) -> Iterator[Saving]:
    """A `Saving` that may repeat at once, in which checkpoint, best and settings of step 5 have failed."""
    monkeypatch.setattr(saving, "_FIRST_DELAY", 0.0)
    photos = make_photos(tmp_path / "photos", 3)
    plan = make_plan({**TINY, "source_dir": str(photos), "workspace": str(tmp_path / "w")})
    plan.workspace.create()
    start, lock = SimpleNamespace(warm_start_record=None), SimpleNamespace(check=lambda: "")
    made = Saving(plan, cast(Any, start), cast(Any, lock), RunControl(), events.append)
    for name in ("checkpoint", "best", "settings"):
        made.write(name, disk.prepare(name), step=5)
    made.collect(step=5, leave=0)
    yield made
    made.close()


def test_failed_writes_are_announced_once_and_repeated_until_they_succeed(
    writes: Saving, disk: Disk, events: list[Event]
) -> None:
    assert [event.level for event in events if isinstance(event, Notice)] == ["error"] and writes.is_behind
    disk.error = None
    writes.retry(step=6)
    writes.collect(step=6, leave=0)
    assert disk.tried[3:] == ["checkpoint", "best", "settings"] and not writes.is_behind
    assert [event.level for event in events if isinstance(event, Notice)] == ["error", "info"]


def test_a_full_disk_is_not_written_to_before_there_is_room(
    writes: Saving, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "free_bytes", lambda folder: 100)
    writes.retry(step=6)
    assert len(disk.tried) == 3
    monkeypatch.setattr(saving, "free_bytes", lambda folder: 10**12)
    writes.retry(step=7)
    writes.collect(step=7, leave=0)
    assert len(disk.tried) == 6


def test_a_run_that_goes_back_never_writes_the_states_it_left(writes: Saving, disk: Disk) -> None:
    writes.forget(None)
    disk.error = None
    writes.retry(step=2)
    writes.collect(step=2, leave=0)
    assert disk.tried[3:] == ["settings"] and writes.saver.newest is None


# -- runs -----------------------------------------------------------------------------------------

PACE: dict[str, Any] = {"steps": 6, "checkpoint_interval": 2, "val_interval": 100, "keep_checkpoints": 9}


class Gate:
    """Stops the writing of each checkpoint until it is open."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.event, self.begun = threading.Event(), 0
        real = checkpoint.write_checkpoint

        def write(path: Path, tree: Any) -> None:
            self.begun += 1
            assert self.event.wait(30)
            real(path, tree)

        monkeypatch.setattr(checkpoint, "write_checkpoint", write)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    made = Gate(monkeypatch)
    yield made
    made.event.set()


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 4)


def digest(workspace: Path, step: int) -> str:
    return state_digest(workspace / f"checkpoints/scale4_step{step}.pth")


def test_training_goes_on_while_a_checkpoint_of_an_earlier_step_is_written(
    photos: Path, tmp_path: Path, gate: Gate
) -> None:
    def open_gate(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone) and event.step == 5:
            gate.event.set()

    result, events = train(photos, tmp_path / "late", open_gate, **PACE)
    assert result.outcome == "completed"
    order = [event.step for event in events if isinstance(event, (StepDone, CheckpointSaved))]
    assert order[:5] == [1, 2, 3, 4, 5] and order.count(2) == 2, "step 2 is saved after step 5"
    train(photos, tmp_path / "straight", **PACE)
    for step in (2, 4, 6):
        assert digest(tmp_path / "late", step) == digest(tmp_path / "straight", step)


def test_a_write_begins_when_the_one_before_it_is_reported(writes: Saving, disk: Disk, events: list[Event]) -> None:
    disk.error = None
    disk.tried.clear()

    def prepare(name: str) -> Callable[[], Write]:
        def write() -> CheckpointSaved:
            disk.tried.append(f"{name} after {len(only(CheckpointSaved, events))} reports")
            return CheckpointSaved(6, name, "step")

        return lambda: write

    for name in ("best", "checkpoint"):
        writes.write(name, prepare(name), step=6)
    writes.collect(step=7, leave=0)
    assert disk.tried == ["best after 0 reports", "checkpoint after 1 reports"]


def test_a_paused_run_reports_what_was_saved(photos: Path, tmp_path: Path) -> None:
    reported: list[bool] = []

    def pause(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone) and event.step == 1:
            control.pause()
            control.request(RunRequest.SAVE)
            threading.Timer(20, control.resume).start()  # only if nothing is reported
        if isinstance(event, CheckpointSaved) and event.step == 1:
            reported.append(control.is_paused)
            control.resume()

    train(photos, tmp_path, pause, steps=2, val_interval=100, checkpoint_interval=100)
    assert reported == [True]


def test_a_requested_save_does_not_wait_for_previews(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    write, preview = Saving.write, Evaluator.preview

    def log_write(saving: Saving, name: str, *given: Any, **options: Any) -> None:
        order.append(name)
        write(saving, name, *given, **options)

    def log_preview(evaluator: Evaluator, step: int) -> None:
        order.append(f"previews of step {step}")
        preview(evaluator, step)

    monkeypatch.setattr(Saving, "write", log_write)
    monkeypatch.setattr(Evaluator, "preview", log_preview)

    def ask_for_both(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone) and event.step == 1:
            control.request(RunRequest.PREVIEW)
            control.request(RunRequest.SAVE)

    train(photos, tmp_path, ask_for_both, steps=3, val_interval=100, checkpoint_interval=100)
    assert order[:3] == ["previews of step 0", "checkpoint", "previews of step 1"]


def test_no_more_than_two_states_wait_for_the_disk(photos: Path, tmp_path: Path, gate: Gate) -> None:
    steps: list[int] = []

    def watch(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone):
            steps.append(event.step)
            if event.step == 3:
                threading.Timer(0.5, gate.event.set).start()
        if isinstance(event, CheckpointSaved) and event.step == 1:
            assert steps == [1, 2, 3], "the state of step 3 waits"

    _, events = train(photos, tmp_path, watch, **{**PACE, "checkpoint_interval": 1})
    assert [event.step for event in only(CheckpointSaved, events) if event.kind != "best"] == [1, 2, 3, 4, 5, 6]


@pytest.mark.parametrize("mode", [StopMode.SAVE, StopMode.DISCARD])
def test_a_stop_waits_for_the_checkpoint_that_is_being_written(
    photos: Path, tmp_path: Path, gate: Gate, mode: StopMode
) -> None:
    def stop(event: Event, control: RunControl) -> None:
        if isinstance(event, StepDone) and event.step == 3:
            control.stop(mode)
            threading.Timer(0.3, gate.event.set).start()

    result, events = train(photos, tmp_path, stop, **PACE)
    saved = [event.step for event in only(CheckpointSaved, events)]
    assert saved == ([2] if mode is StopMode.DISCARD else [2, 3]) and result.step == 3
    for thread in threading.enumerate():
        if thread.name == "saving":
            thread.join(30)
            assert not thread.is_alive(), "no thread outlives the run"
    assert checkpoint.load_checkpoint(tmp_path / "checkpoints/scale4_step2.pth").step == 2


@pytest.mark.parametrize("is_mid_update", [False, True])
def test_a_failed_run_still_reports_the_checkpoint_that_was_being_written(
    photos: Path, tmp_path: Path, gate: Gate, monkeypatch: pytest.MonkeyPatch, is_mid_update: bool
) -> None:
    from trainer_core.training.learner import Learner

    real, calls = Learner.update, []

    def fail(*args: Any, **kwargs: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            threading.Timer(0.3, gate.event.set).start()
            args[0].is_mid_update = is_mid_update
            raise RuntimeError("broken")
        return real(*args, **kwargs)

    monkeypatch.setattr(Learner, "update", fail)
    result, events = train(photos, tmp_path, **PACE)
    assert result.outcome == "failed" and [event.step for event in only(CheckpointSaved, events)] == [2]


def test_the_thread_that_writes_never_calls_torch(photos: Path, tmp_path: Path) -> None:
    called: set[str] = set()
    threads: set[str] = set()

    def record(frame: Any, event: str, argument: Any) -> None:
        if threading.current_thread().name != "saving":
            return
        threads.add(frame.f_code.co_name)
        owner = getattr(argument, "__self__", None)
        names = (
            frame.f_globals.get("__name__", ""),
            type(owner).__module__,
            getattr(argument, "__module__", None) or "",
        )
        if any(name.split(".")[0] == "torch" for name in names):
            called.add(f"{event} {frame.f_code.co_name} {argument}")

    threading.setprofile(record)
    try:
        train(photos, tmp_path, **PACE)
    finally:
        threading.setprofile(cast(Any, None))
        sys.setprofile(None)
    assert {"write_tree", "verify_tree", "compute_digest"} <= threads and not called


def test_a_repeated_save_does_not_write_its_checkpoint_again(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saving, "_WAIT_DELAY", 0.0)
    written: list[str] = []
    failures = [FULL]
    real_checkpoint, real_model = checkpoint.write_checkpoint, Deployable.write

    def write_checkpoint(path: Path, tree: Any) -> None:
        written.append(path.name)
        real_checkpoint(path, tree)

    def write_model(self: Deployable) -> Any:
        if self.path.name == "scale4_step2_deploy.pth" and failures:
            raise failures.pop()
        return real_model(self)

    monkeypatch.setattr(checkpoint, "write_checkpoint", write_checkpoint)
    monkeypatch.setattr(Deployable, "write", write_model)
    result, _ = train(photos, tmp_path, steps=2, val_interval=100, checkpoint_interval=100)
    assert result.outcome == "completed" and not failures
    assert written.count("scale4_step2.pth") == 1
