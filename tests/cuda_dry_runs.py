"""Dry runs on the fake CUDA device: single steps and whole runs, for tests and for benchmarks/cuda_dry_run.py."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

from tests.fake_cuda import Watch, use_fake_cuda
from tests.small_runs import TINY, make_photos, make_region
from trainer_core.events import Event
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning import plan
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.batches import Batch, BatchMaker
from trainer_core.training.cameras import make_camera, make_region_spec
from trainer_core.training.learner import Learner
from trainer_core.training.trainer import Trainer


def make_gpu(precision: str) -> Hardware:
    """Describe the fake GPU."""
    return Hardware("cuda:0", precision, "fake GPU")


def do_steps(config: TrainerConfig, precision: str, *, steps: int = 2) -> tuple[Watch, Learner]:
    """Do steps with regions that are made up; the watch has seen the last one only.

    Its regions are "camera" for the micro-batches and "update" for the rest of the step.
    """
    camera = make_camera(config)
    side, size = make_region_spec(config, camera).hr_side, config.effective_batch // config.grad_accum_steps
    network = RRDBNet(plan.network_spec(config))
    with use_fake_cuda() as watch:
        learner = Learner(config, network, make_gpu(precision))
        maker = BatchMaker(config, camera, learner.device)
        for step in range(steps):
            watch.clear()

            def make_batches(first: int = step * config.effective_batch) -> Iterator[Batch]:
                for start in range(first, first + config.effective_batch, size):
                    regions = [make_region(side, n) for n in range(start, start + size)]
                    with watch.region("camera"):
                        batch = maker.make_batch(maker.prepare(regions))
                    yield batch

            with watch.region("update"):
                learner.update(make_batches(), count=config.grad_accum_steps, learning_rate=1e-4)
    return watch, learner


def run_twice(folder: Path, precision: str, **settings: Any) -> tuple[Watch, list[Event]]:
    """Train for 2 steps with validation, preview and checkpoint, then resume and do the same after one more step."""
    photos = make_photos(folder / "photos", width=400, height=400)
    given: dict[str, Any] = {
        **TINY,
        "source_dir": str(photos),
        "workspace": str(folder / "run"),
        "device": "auto",
        **settings,
    }
    events: list[Event] = []
    with use_fake_cuda() as watch, contextlib.ExitStack() as undo:
        for owner, name, region in ((Learner, "update", "update"), (BatchMaker, "make_batch", "camera")):
            undo.enter_context(mock.patch.object(owner, name, _in_region(watch, region, getattr(owner, name))))
        undo.enter_context(mock.patch.object(plan, "choose_hardware", return_value=make_gpu(precision)))
        for steps, resume in ((2, None), (3, "latest")):
            more = {"steps": steps, **({"resume_from": resume} if resume else {})}
            result = Trainer(plan.make_plan({**given, **more}), events.append).run()
            assert result.outcome == "completed", result.error
    return watch, events


def _in_region(watch: Watch, region: str, method: Any) -> Any:
    def call(*arguments: Any, **options: Any) -> Any:
        with watch.region(region):
            return method(*arguments, **options)

    return call
