"""The size of a micro-batch: chosen from the free memory, halved when memory runs out, and kept by a resumed run."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.small_runs import TINY, make_photos
from trainer_core import machine
from trainer_core.events import Event, Notice, RunFinished, StepDone
from trainer_core.planning import hardware, plan
from trainer_core.planning.hardware import Hardware, estimate_memory
from trainer_core.planning.micro_batch import fit_micro_batch, resumed_micro_batch
from trainer_core.planning.plan import make_plan, network_spec, resolved_config_json
from trainer_core.settings.batch_sizes import halve_micro_batch
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import PRESETS
from trainer_core.training.failures import explain_failure, suggest_remedy

CPU = Hardware("cpu", "fp32", "a processor")
OUT_OF_MEMORY = "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


def free_for(config: TrainerConfig, size: int) -> int:
    return int(estimate_memory(config, network_spec(config), CPU, size) / 0.9) + 1


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("size", [16, 8, 4, 1])
def test_an_automatic_batch_fits_into_the_free_memory_and_keeps_the_patches_of_a_step(preset: str, size: int) -> None:
    config = TrainerConfig(preset=preset, **PRESETS[preset]).replace(batch_size="auto")
    spec = network_spec(config)
    assert config.effective_batch == 16
    fitting = fit_micro_batch(config, spec, CPU, free_for(config, size))
    assert fitting == size or (fitting > size and free_for(config, fitting) == free_for(config, size))
    assert fit_micro_batch(config, spec, CPU, 0) == 1
    assert fit_micro_batch(config.replace(batch_size=16), spec, CPU, 0) == 16, "a chosen number stays"


def test_a_step_is_a_whole_number_of_smaller_micro_batches() -> None:
    def sizes(batch: int, count: int = 1) -> list[int]:
        config, found = TrainerConfig(batch_size=batch, grad_accum_steps=count), [batch]
        while found[-1] > 1:
            found.append(halve_micro_batch(config, found[-1]))
        return found

    assert sizes(16) == [16, 8, 4, 2, 1]
    assert sizes(7) == [7, 1]
    assert sizes(15, 2) == [15, 6, 3, 1]


def test_a_resume_keeps_the_size_of_its_checkpoint_unless_the_settings_change() -> None:
    config = TrainerConfig(batch_size=16)
    recorded = {"batch_size": 16, "grad_accum_steps": 1}
    assert resumed_micro_batch(config, recorded, 4) == 4
    for other in (config.replace(batch_size=8), config.replace(grad_accum_steps=2), config.replace(batch_size="auto")):
        assert resumed_micro_batch(other, recorded, 4) is None
    for odd in (None, 0, -2, 3, 32, 4.0, True, "4"):
        assert resumed_micro_batch(config, recorded, odd) is None


def test_the_plan_states_the_automatic_size(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {**TINY, "preset": "nano", "batch_size": "auto", "source_dir": str(photos), "workspace": str(tmp_path)}
    config = TrainerConfig(**{**given, "num_workers": 1})
    monkeypatch.setattr(plan, "available_memory", lambda found: free_for(config, 4))
    made = make_plan(given)
    assert made.micro_batch == 4 and "--batch-size auto: 4 micro-batches of 4 patches per step." in made.notices
    shown = resolved_config_json(made)
    assert (shown["batch_size"], shown["derived"]["micro_batch_size"]) == ("auto", 4)
    assert shown["derived"]["effective_batch_size"] == 16
    monkeypatch.setattr(plan, "available_memory", lambda found: free_for(config, 1))
    assert "--batch-size auto: 16 micro-batches of 1 patch per step." in make_plan(given).notices
    assert shown["derived"]["memory_estimate_mb"] < 0.9 * free_for(config, 4) / 1e6 + 1


def test_processes_of_one_machine_share_the_memory_that_an_automatic_size_fits_into(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from trainer_core.training.resources import check_resources

    given = {**TINY, "preset": "nano", "batch_size": "auto", "source_dir": str(photos), "workspace": str(tmp_path)}
    free = free_for(TrainerConfig(**{**given, "num_workers": 1}), 16)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": free}))
    monkeypatch.setattr(machine, "_room_in_groups", lambda: [])
    alone = make_plan(given)
    assert alone.micro_batch == 16 and "processes" not in check_resources(alone).text
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    shared = make_plan(given)
    assert shared.micro_batch < 16
    assert f"{free / 2e9:.1f} GB free for each of 2 processes" in check_resources(shared).text


def test_out_of_memory_outside_a_step_names_a_smaller_batch() -> None:
    config, error = TrainerConfig(batch_size=6), RuntimeError(OUT_OF_MEMORY)
    assert suggest_remedy(error, config, 6) == {"batch_size": 3, "grad_accum_steps": 2}
    assert "--batch-size 3 and --grad-accum-steps 2" in explain_failure(error, config, 6)
    assert "same patches" in explain_failure(error, config, 6) and "ratings" not in explain_failure(error, config, 6)
    assert "ratings of fewer patches" in explain_failure(error, config.replace(gan_weight=0.1), 6)
    assert suggest_remedy(error, config, 1) == {} and "one patch at a time" in explain_failure(error, config, 1)


class Run:
    """A short run that fails in each micro-batch for which `has_room(steps done, patches)` is false."""

    failure = OUT_OF_MEMORY

    def __init__(self, photos: Path, workspace: Path, has_room: Callable[[int, int], bool], **given: Any) -> None:
        pytest.importorskip("torch")
        from trainer_core.training.batches import Batch, BatchMaker, PreparedBatch
        from trainer_core.training.trainer import Trainer

        self.events: list[Event] = []
        self.samples: list[int] = []
        real = BatchMaker.make_batch

        def make(maker: BatchMaker, prepared: PreparedBatch) -> Batch:
            size = len(prepared.offsets)
            if not has_room(self.step, size):
                raise RuntimeError(self.failure)
            self.samples += range(prepared.first, prepared.first + size)
            return real(maker, prepared)

        base = {} if given.get("resume_from") else {**TINY, "batch_size": 4, "checkpoint_interval": 1}
        settings = {**base, "keep_checkpoints": 9, "source_dir": str(photos), "workspace": str(workspace), **given}
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(BatchMaker, "make_batch", make)
            self.plan = make_plan(settings)
            self.result = Trainer(self.plan, self.events.append).run()

    @property
    def step(self) -> int:
        return max((event.step for event in self.events if isinstance(event, StepDone)), default=0)

    def losses(self, first: int) -> list[float]:
        return [e.losses["total"] for e in self.events if isinstance(e, StepDone) and e.step >= first]

    def warnings(self) -> list[str]:
        return [e.text for e in self.events if isinstance(e, Notice) and e.text.startswith("Memory ran out")]


def recorded(workspace: Path, step: int) -> Any:
    from trainer_core.training.checkpoint import load_checkpoint

    return load_checkpoint(workspace / "checkpoints" / f"scale4_step{step}.pth").plan["micro_batch"]


def test_a_run_that_runs_out_of_memory_goes_on_with_half_the_micro_batch(photos: Path, tmp_path: Path) -> None:
    run = Run(photos, tmp_path, lambda step, size: size <= 2 or step < 2, steps=5)
    assert run.result.outcome == "completed" and run.samples == list(range(20)), "each sample once, in order"
    assert run.warnings() == [
        "Memory ran out with micro-batches of 4 patches. Training continues with 2 at a time and the same effective "
        "batch."
    ]
    assert [recorded(tmp_path, step) for step in (2, 3, 4)] == [4, 2, 2]


def test_a_run_resumed_after_that_is_the_same_bit_for_bit(photos: Path, tmp_path: Path) -> None:
    run = Run(photos, tmp_path, lambda step, size: size <= 2 or step < 2, steps=6)
    later = Run(photos, tmp_path, lambda step, size: True, resume_from=_step_file(tmp_path, 4))
    assert later.plan.micro_batch == 2 and later.losses(5) == run.losses(5)
    earlier = Run(photos, tmp_path, lambda step, size: size <= 2, resume_from=_step_file(tmp_path, 2))
    assert earlier.plan.micro_batch == 4 and earlier.losses(3) == run.losses(3) and len(earlier.warnings()) == 1


def test_a_size_that_processes_can_share_stays_below_that_of_the_checkpoint(photos: Path, tmp_path: Path) -> None:
    run = Run(photos, tmp_path, lambda step, size: True, steps=2)
    from trainer_core.training.checkpoint import load_checkpoint
    from trainer_core.training.resume import merge_checkpoint

    state = load_checkpoint(Path(_step_file(tmp_path, 1)))
    assert state.plan["micro_batch"] == 4
    for planned, merged in ((4, 4), (2, 2), (16, 4)):
        assert merge_checkpoint(dataclasses.replace(run.plan, micro_batch=planned), state).micro_batch == merged


def _step_file(workspace: Path, step: int) -> str:
    name = f"scale4_step{step}.pth"
    return str(next(path for path in sorted(workspace.rglob(name)) if path.parent.name == "checkpoints"))


def test_memory_that_is_gone_in_the_middle_of_a_step_costs_no_sample(photos: Path, tmp_path: Path) -> None:
    answers = iter([True, True, True, False])  # no room for the second micro-batch of the second step
    run = Run(photos, tmp_path, lambda step, size: next(answers, True), batch_size=2, grad_accum_steps=2, steps=3)
    assert run.result.outcome == "completed" and len(run.warnings()) == 1
    assert run.samples == [0, 1, 2, 3, 4, 5, *range(4, 12)], "the step begins again"


def test_a_run_ends_when_one_patch_does_not_fit(photos: Path, tmp_path: Path) -> None:
    run = Run(photos, tmp_path, lambda step, size: step < 2, steps=5)
    assert run.result.outcome == "failed" and "even with one patch at a time" in (run.result.error or "")
    assert recorded(tmp_path, 2) == 4 and [text.partition("with ")[2] for text in run.warnings()] == [
        "micro-batches of 4 patches. Training continues with 2 at a time and the same effective batch.",
        "micro-batches of 2 patches. Training continues with 1 at a time and the same effective batch.",
        "micro-batches of 1 patch. Training continues with 1 at a time and --memory low.",
    ]
    assert [event.remedy for event in run.events if isinstance(event, RunFinished)] == [{}]


def test_a_single_patch_may_need_low_memory(photos: Path, tmp_path: Path) -> None:
    answers = iter([True, False])  # no room at step 2 until the blocks are computed twice
    settings = {"batch_size": 1, "steps": 4}
    run = Run(photos, tmp_path / "short", lambda step, size: next(answers, True), **settings)
    assert run.result.outcome == "completed" and run.warnings()[0].endswith("with 1 at a time and --memory low.")
    assert run.losses(1) == Run(photos, tmp_path / "plenty", lambda step, size: True, **settings).losses(1)
    none = Run(photos, tmp_path / "none", lambda step, size: step < 2, memory="low", **settings)
    assert none.result.outcome == "failed" and not none.warnings()


def test_other_failures_are_not_repeated(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Run, "failure", "something else")
    run = Run(photos, tmp_path, lambda step, size: step < 2, steps=5)
    assert run.result.outcome == "failed" and not run.warnings() and run.result.error == "something else"


@pytest.mark.gpu
def test_a_gpu_that_runs_out_of_memory_goes_on(photos: Path, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("there is no GPU on this machine")
    from trainer_core.training.trainer import Trainer

    events: list[Event] = []
    settings = dict(preset="light", device="cuda", batch_size=256, steps=3, image_log_max_samples=0)
    made = make_plan({**settings, "source_dir": str(photos), "workspace": str(tmp_path)})
    need = estimate_memory(made.config, made.spec, made.hardware, 64)
    torch.cuda.set_per_process_memory_fraction(need / (hardware.total_memory(made.hardware) or need))
    try:
        result = Trainer(made, events.append).run()
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert result.outcome == "completed"
    assert any(isinstance(event, Notice) and event.text.startswith("Memory ran out") for event in events)
