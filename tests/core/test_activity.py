"""What a run does in place of steps, as its control shows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.core.test_trainer import train
from tests.small_runs import make_photos
from trainer_core import control as control_module
from trainer_core.control import Activity, RunControl
from trainer_core.data.regions import RegionSource
from trainer_core.events import Event
from trainer_core.training.evaluation import Evaluator
from trainer_core.training.saving import Saving
from trainer_core.workers import WorkerPool


def test_a_run_shows_what_it_does_in_place_of_steps(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control_module, "_SHORT", 0.0)
    seen: dict[str, set[Activity | None]] = {}
    controls: list[RunControl] = []

    counts: dict[Activity | None, list[tuple[int, int]]] = {}

    def count_noting(control: RunControl, number: int, total: int) -> None:
        counts.setdefault(control.activity, []).append((number, total))

    def note(name: str) -> None:
        seen.setdefault(name, set()).add(controls[-1].activity)

    def on_event(event: Event, control: RunControl) -> None:
        controls.append(control)
        note(type(event).__name__)

    make, iterate, estimate = Saving.__init__, RegionSource.iterate_prepared, Evaluator.estimate_validation_seconds

    def make_saving(saving: Saving, *given: Any) -> None:
        make(saving, *given)
        pool, control = saving._pool, saving._control
        controls.append(control)

        def wait(*arguments: Any) -> Any:
            note("saving")
            return WorkerPool.wait(pool, *arguments)

        monkeypatch.setattr(pool, "wait", wait)

    def iterate_noting(*arguments: Any, **more: Any) -> Iterator[Any]:
        for samples in iterate(*arguments, **more):
            note("samples")
            yield samples

    def estimate_noting(evaluator: Evaluator) -> float:
        note("estimate")
        return estimate(evaluator)

    monkeypatch.setattr(RunControl, "count_activity", count_noting)
    monkeypatch.setattr(Saving, "__init__", make_saving)
    monkeypatch.setattr(RegionSource, "iterate_prepared", iterate_noting)
    monkeypatch.setattr(Evaluator, "estimate_validation_seconds", estimate_noting)
    photos = make_photos(tmp_path / "photos", 6)
    shares = {"train_split": 0.5, "val_split": 0.3}
    train(photos, tmp_path / "a", on_event, steps=6, val_interval=4, image_log_interval=3, **shares)
    train(photos, tmp_path / "b", on_event, max_minutes=0.02, val_interval="auto")
    assert seen["StepDone"] == {None}
    assert seen["Validated"] == {Activity.VALIDATING, Activity.TESTING, Activity.PREVIEWING}
    assert {*counts} == {Activity.VALIDATING, Activity.TESTING, Activity.PREVIEWING}
    for activity, found in counts.items():
        assert found[0][0] == 1 and found[-1][0] == found[-1][1], f"{activity}: all are counted, by themselves"
    assert seen["PreviewReady"] == {Activity.PREVIEWING}
    assert seen["samples"] == {Activity.WAITING}
    assert seen["saving"] == {Activity.SAVING}
    assert seen["estimate"] == {Activity.MEASURING}
