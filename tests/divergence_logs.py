"""Record the numbers that the divergence detector sees in short real runs, healthy and sick ones.

    python -m tests.divergence_logs

writes `tests/data/divergence_logs.json`: by name, whether the run is sick, and its numbers in order, `[loss, skips]` of
a step or `[step, psnr, bicubic, contrast]` of a validation, null for NaN. The detector is silent while they are
recorded.
"""

from __future__ import annotations

import json
import math
import tempfile
from pathlib import Path
from typing import Any, Callable, Optional
from unittest import mock

import torch

from tests.small_runs import TINY, make_photos
from trainer_core.planning.plan import make_plan
from trainer_core.training.divergence import DivergenceDetector
from trainer_core.training.learner import Learner
from trainer_core.training.trainer import Trainer

FILE = Path(__file__).parent / "data" / "divergence_logs.json"
STEPS, HARMED = 130, 110
_MAX_NUMBERS = 144  # those of one run; a run with weights that are not finite cannot be saved and goes back
Harm = Optional[Callable[[Learner], None]]

HEALTHY: dict[str, dict[str, Any]] = {
    **{f"x{scale} {'mono' if mono else 'color'}": dict(scale=scale, monochrome_style=mono)
       for scale in (2, 4, 8) for mono in (True, False)},
    **{f"lr {rate:g}": dict(learning_rate=rate) for rate in (1e-5, 5e-5, 2e-4, 5e-4, 2e-3, 5e-3)},
    "constant schedule": dict(schedule="constant"),
    "constant schedule, lr 0.005": dict(schedule="constant", learning_rate=5e-3),
    "batch 1": dict(batch_size=1),
    "two micro-batches": dict(grad_accum_steps=2),
    "fast EMA": dict(ema_decay=0.5),
    "frequency loss": dict(frequency_weight=0.1),
    "bicubic degradation": dict(degradation="bicubic"),
    "other seed": dict(seed=7),
}  # fmt: skip
WARM_STARTS: dict[str, dict[str, Any]] = {"warm start": {}, "warm start, lr 0.005": dict(learning_rate=5e-3)}


def _weights(learner: Learner) -> list[torch.Tensor]:
    return [values.detach() for values in (*learner.network.parameters(), *learner.ema.state().values())]


def _multiply(factor: float) -> Harm:
    return lambda learner: torch._foreach_mul_(_weights(learner), factor)


def _negate_output(learner: Learner) -> None:
    for state in (dict(learner.network.named_parameters()), learner.ema.state()):
        for name in ("conv_last.weight", "conv_last.bias"):
            state[name].detach().mul_(-1)


def _scatter(learner: Learner) -> None:
    for values in _weights(learner):
        values.add_(torch.randn(values.shape, generator=torch.Generator().manual_seed(1)))


def _poison(learner: Learner) -> None:
    _weights(learner)[0].fill_(float("nan"))


SICK: dict[str, tuple[dict[str, Any], Harm]] = {
    "lr 1": (dict(learning_rate=1.0, schedule="constant"), None),
    "lr 0.3": (dict(learning_rate=0.3, schedule="constant"), None),
    "weights zeroed": ({}, _multiply(0.0)),
    "weights times 50": ({}, _multiply(50.0)),
    "weights times 4": ({}, _multiply(4.0)),
    "output negated": ({}, _negate_output),
    "weights scattered": ({}, _scatter),
    "weights not a number": ({}, _poison),
}


def record(photos: Path, workspace: Path, settings: dict[str, Any], harm: Harm = None) -> tuple[list[Any], Path | None]:
    """Run once and return the numbers and the model."""
    numbers: list[Any] = []
    real, count = Learner.update, 0

    def add_step(self: DivergenceDetector, loss: float, skips: int = 0) -> str:
        numbers.append([float(f"{loss:.4g}"), skips])
        return ""

    def add_validation(self: DivergenceDetector, step: int, *scores: float) -> str:
        numbers.append([step, *(round(score, 3) for score in scores)])
        return ""

    def update(self: Learner, *arguments: Any, **named: Any) -> None:
        nonlocal count
        real(self, *arguments, **named)
        count += 1
        if harm is not None and count == HARMED:
            harm(self)

    quiet = dict(val_interval=10, checkpoint_interval=1000, image_log_max_samples=0, steps=STEPS)
    plan = make_plan({**TINY, "source_dir": str(photos), "workspace": str(workspace), **quiet, **settings})
    with (
        mock.patch.object(DivergenceDetector, "add_step", add_step),
        mock.patch.object(DivergenceDetector, "add_validation", add_validation),
        mock.patch.object(Learner, "update", update),
    ):
        return numbers, Trainer(plan, lambda event: None).run().model


def _to_json(value: float) -> float | None:
    return value if math.isfinite(value) else None


def main() -> None:
    """Record every run."""
    logs: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        photos = make_photos(folder / "photos", 6)
        model = None
        for number, (title, settings) in enumerate(HEALTHY.items()):
            numbers, made = record(photos, folder / f"h{number}", settings)
            model = made if title == "x4 mono" else model
            logs[title] = {"sick": False, "numbers": numbers}
        for number, (title, settings) in enumerate(WARM_STARTS.items()):
            numbers, _ = record(photos, folder / f"w{number}", {**settings, "init_weights": str(model)})
            logs[title] = {"sick": False, "numbers": numbers}
        for number, (title, (settings, harm)) in enumerate(SICK.items()):
            numbers, _ = record(photos, folder / f"s{number}", settings, harm)
            logs[title] = {"sick": True, "numbers": numbers}
    for log in logs.values():
        log["numbers"] = [[_to_json(value) for value in entry] for entry in log["numbers"][:_MAX_NUMBERS]]
    lines = [f"{json.dumps(title)}: {json.dumps(log, separators=(',', ':'))}" for title, log in logs.items()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")


if __name__ == "__main__":
    main()
