"""What a run leaves behind: its tensors are freed when it ends, without the cyclic collector."""

from __future__ import annotations

import contextlib
import gc
import sys
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torch._dynamo")  # as in the window; else the first optimizer imports it, and frames stay alive

from tests.small_runs import TINY, make_photos
from trainer_core.control import RunControl
from trainer_core.events import Event, StepDone
from trainer_core.planning.hardware import Hardware
from trainer_core.planning.plan import make_plan
from trainer_core.training import trainer
from trainer_core.training.learner import Learner
from trainer_core.training.trainer import Trainer
from trainer_core.training.validation import Validator


@pytest.fixture
def alive(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[weakref.ref[Any]]]:
    """References to what each run builds; the cyclic collector is off, as in the idle window."""
    found: list[weakref.ref[Any]] = []
    for kind in (Learner, Validator):

        def watched(self: Any, *arguments: Any, _init: Any = kind.__init__, **more: Any) -> None:
            found.append(weakref.ref(self))
            _init(self, *arguments, **more)

        monkeypatch.setattr(kind, "__init__", watched)
    gc.collect()
    gc.disable()
    yield found
    gc.enable()


def run(tmp_path: Path, control: RunControl | None = None, stop_at: int | None = None, **settings: Any) -> str:
    """Train and return the outcome."""
    photos = make_photos(tmp_path / "photos")
    given = {**TINY, "source_dir": str(photos), "workspace": str(tmp_path / "run"), "steps": 6, **settings}
    control = control or RunControl()

    def sink(event: Event) -> None:
        if isinstance(event, StepDone) and event.step == stop_at:
            control.stop()

    return Trainer(make_plan(given), sink, control).run().outcome


def fail(monkeypatch: pytest.MonkeyPatch, error: type[Exception], text: str) -> None:
    """Let the fourth update fail."""
    update = Learner.update

    def failing(self: Learner, *arguments: Any, **more: Any) -> None:
        if self.ema.updates > 2:
            raise error(text)
        update(self, *arguments, **more)

    monkeypatch.setattr(Learner, "update", failing)


def test_a_completed_run_frees_its_tensors(alive: list[weakref.ref[Any]], tmp_path: Path) -> None:
    assert run(tmp_path, val_interval=2, checkpoint_interval=3) == "completed"
    assert len(alive) == 2 and not any(reference() for reference in alive)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="peers were tried on Linux only")
def test_a_run_that_processes_share_frees_its_tensors(alive: list[weakref.ref[Any]], tmp_path: Path) -> None:
    assert run(tmp_path, val_interval=2, processes=2) == "completed"
    assert len(alive) == 2 and not any(reference() for reference in alive)


def test_a_stopped_run_frees_its_tensors(alive: list[weakref.ref[Any]], tmp_path: Path) -> None:
    assert run(tmp_path, stop_at=3) == "stopped"
    assert not any(reference() for reference in alive)


@pytest.mark.parametrize("error", [torch.OutOfMemoryError, ValueError])
def test_a_failed_run_frees_its_tensors(
    alive: list[weakref.ref[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    fail(monkeypatch, error, "out of memory")
    assert run(tmp_path) == "failed"
    assert not any(reference() for reference in alive)


def test_a_run_returns_the_memory_of_its_device_after_its_tensors_are_freed(
    alive: list[weakref.ref[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log: list[str] = []

    @contextlib.contextmanager
    def use_device(hardware: Hardware) -> Iterator[None]:
        log.append("used")
        yield
        log.append("returned" if alive and not any(reference() for reference in alive) else "too early")

    monkeypatch.setattr(trainer, "use_device", use_device)
    fail(monkeypatch, torch.OutOfMemoryError, "CUDA out of memory")
    assert run(tmp_path) == "failed"
    assert log == ["used", "returned"]
