"""The source of samples of a run: how many threads it has, and how long the training waits for it."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos
from trainer_core.data import regions
from trainer_core.events import Event, StepDone
from trainer_core.planning.plan import make_plan
from trainer_core.settings.config import TrainerConfig
from trainer_core.training import samples
from trainer_core.training.trainer import Trainer


@pytest.mark.parametrize(("processors", "threads"), [(1, 2), (2, 2), (6, 3), (16, 8), (128, 8)])
def test_the_number_of_threads_follows_the_machine(
    processors: int, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(samples, "count_processors", lambda: processors)
    assert samples.count_threads(TrainerConfig()) == threads
    assert samples.count_threads(TrainerConfig(num_workers=5)) == 5
    assert samples.count_threads(TrainerConfig(num_workers=0)) == 1


def waits(folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: float) -> list[float]:
    """The share of waiting after each step if a sample takes `seconds` to cut."""
    real = regions.RegionSource._make_region

    def slow(*arguments: Any) -> regions.Region:
        time.sleep(seconds)
        return real(*arguments)

    monkeypatch.setattr(regions.RegionSource, "_make_region", slow)
    events: list[Event] = []
    folder.mkdir()
    photos = make_photos(folder / "photos", 6)
    Trainer(
        make_plan({**TINY, "source_dir": str(photos), "workspace": str(folder / "run"), "steps": 8, "num_workers": 1}),
        events.append,
    ).run()
    return [event.photo_wait for event in events if isinstance(event, StepDone)]


def test_a_training_states_how_much_of_its_time_it_waits_for_photos(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = waits(tmp_path / "slow", monkeypatch, 1.0)
    assert slow[0] == 0 and slow[-1] > 0.3, "the first batch cannot be there in advance"
