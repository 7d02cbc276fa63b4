"""The same run on a real GPU: numbers close to the CPU's, no wait within a step, checkpoints that move, lack of memory.

Skipped without a CUDA GPU; `test_cuda_path.py` runs the same path without numbers on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.small_runs import TINY, make_photos, make_region
from trainer_core.events import Event, Notice, StepDone, Validated
from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import choose_hardware, estimate_memory
from trainer_core.planning.plan import make_plan, network_spec
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.batches import Batch, BatchMaker
from trainer_core.training.cameras import make_camera, make_region_spec
from trainer_core.training.checkpoint import load_checkpoint
from trainer_core.training.learner import Learner
from trainer_core.training.trainer import RunResult, Trainer

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU on this machine"),
]


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("gpu") / "photos", width=400, height=400)


def train(photos: Path, workspace: Path, device: str, **settings: Any) -> tuple[RunResult, list[Event]]:
    events: list[Event] = []
    given = {**TINY, "source_dir": str(photos), "workspace": str(workspace), "device": device, **settings}
    return Trainer(make_plan(given), events.append).run(), events


def losses_of(events: list[Event]) -> dict[int, float]:
    return {event.step: event.losses["total"] for event in events if isinstance(event, StepDone)}


@pytest.mark.parametrize("is_mono", [True, False])
@pytest.mark.parametrize("amp", [False, True])
def test_a_run_has_nearly_the_losses_of_the_cpu(is_mono: bool, amp: bool, photos: Path, tmp_path: Path) -> None:
    settings = {"steps": 50, "monochrome_style": is_mono, "monochrome_noise": 0.0}
    runs = [
        train(photos, tmp_path / device, device, amp=device == "cuda" and amp, **settings) for device in ("cpu", "cuda")
    ]
    assert [result.outcome for result, _ in runs] == ["completed", "completed"]
    here, there = (losses_of(events) for _, events in runs)
    common = sorted(set(here) & set(there))
    assert 50 in common  # on a GPU not every step is read
    assert [there[step] for step in common] == pytest.approx([here[step] for step in common], rel=0.1 if amp else 0.03)
    psnrs = [[event.psnr for event in events if isinstance(event, Validated)][-1] for _, events in runs]
    assert psnrs[1] == pytest.approx(psnrs[0], abs=0.3)


@pytest.mark.parametrize(("is_mono", "gan_weight"), [(True, 0.0), (False, 0.0), (True, 0.1)])
def test_no_step_waits_for_the_gpu(is_mono: bool, gan_weight: float) -> None:
    config = TrainerConfig(source_dir="photos", workspace="run", device="cuda").replace(
        **{**TINY, "device": "cuda", "amp": True, "monochrome_style": is_mono, "grad_accum_steps": 2},
        gan_weight=gan_weight,
    )
    hardware, camera = choose_hardware(config), make_camera(config)
    network = RRDBNet(network_spec(config))
    initialize(network, 1)
    learner = Learner(config, network, hardware)
    maker = BatchMaker(config, camera, learner.device, hardware.memory_format)
    side = make_region_spec(config, camera).hr_side
    prepared = [maker.prepare([make_region(side, 2 * k), make_region(side, 2 * k + 1)]) for k in range(2)]

    def make_batches() -> Iterator[Batch]:
        yield from (maker.make_batch(batch) for batch in prepared)

    learner.update(make_batches(), count=2, learning_rate=1e-4)  # also chooses kernels and makes constants
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(3):
            learner.update(make_batches(), count=2, learning_rate=1e-4)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert learner.read_latest().skipped == 0


def test_a_checkpoint_moves_to_the_cpu_and_back(photos: Path, tmp_path: Path) -> None:
    steps = 0
    for device in ("cuda", "cpu", "cuda"):
        steps += 4
        more = {"resume_from": "latest"} if steps > 4 else {}
        result, events = train(photos, tmp_path, device, steps=steps, checkpoint_interval=4, val_interval=4, **more)
        assert (result.outcome, result.step) == ("completed", steps)
        losses = losses_of(events)
        assert max(losses) == steps and all(np.isfinite(loss) for loss in losses.values())


def test_a_gpu_without_memory_for_a_batch_completes_the_run_with_smaller_ones(photos: Path, tmp_path: Path) -> None:
    settings = {"num_feat": 64, "num_block": 4, "num_grow_ch": 32, "batch_size": 64, "patch_size": 32}
    config = TrainerConfig(source_dir="photos", workspace="run").replace(**{**TINY, **settings, "device": "cuda"})
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    room = estimate_memory(config, network_spec(config), choose_hardware(config), 16)  # less than half of a batch needs
    torch.cuda.set_per_process_memory_fraction(min(1.0, (torch.cuda.memory_reserved() + room) / total))
    try:
        result, events = train(photos, tmp_path, "cuda", steps=2, **settings)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
        torch.cuda.empty_cache()
    assert (result.outcome, result.step, result.error) == ("completed", 2, None)
    warnings = [event.text for event in events if isinstance(event, Notice) and event.level == "warning"]
    shortages = [text for text in warnings if text.startswith("Memory ran out")]
    assert shortages and shortages[0].startswith("Memory ran out with micro-batches of 64 patches.")
    assert "the same effective batch" in shortages[-1]
    checkpoint = load_checkpoint(tmp_path / "checkpoints" / "scale4_final.pth")
    assert checkpoint.plan["micro_batch"] == 64 // 2 ** len(shortages), "each shortage halves the micro-batch"
    assert max(losses_of(events)) == 2
