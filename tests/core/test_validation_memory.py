"""The memory of validations: where the frames wait, what a lack of it is called, and what the first frame costs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests.fake_cuda import is_possible, use_fake_cuda
from tests.small_runs import TINY, make_photos
from trainer_core.camera import Camera
from trainer_core.data.frames import Frame, validation_frames
from trainer_core.data.photos import scan_photos
from trainer_core.errors import is_out_of_memory
from trainer_core.events import Event, RunFinished
from trainer_core.planning.plan import make_plan
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.batches import make_frame_batch
from trainer_core.training.cameras import make_camera, make_region_spec
from trainer_core.training.evaluation import Evaluator
from trainer_core.training.metrics import cut_border, psnr
from trainer_core.training.trainer import Trainer
from trainer_core.training.validation import FRAME_SEED, Validator


def make_frames(tmp_path: Path, **settings: Any) -> tuple[list[Frame], Camera, TrainerConfig]:
    """Three validation frames with their camera."""
    config = TrainerConfig(**{**TINY, **settings})
    camera = make_camera(config)
    photos = scan_photos(make_photos(tmp_path / "photos", 3, width=1500, height=1200)).photos
    frames = validation_frames(photos, make_region_spec(config, camera), seed=FRAME_SEED, limit=3)
    return list(frames)[:3], camera, config


@pytest.mark.parametrize("mono", [True, False])
def test_frames_wait_in_a_quarter_of_their_memory_and_lose_nothing_that_counts(tmp_path: Path, mono: bool) -> None:
    frames, camera, config = make_frames(tmp_path, monochrome_style=mono)
    device = torch.device("cpu")
    validator = Validator(frames, camera, scale=config.scale, device=device)
    height, width = camera.frame_height * config.scale, camera.frame_width * config.scale
    for index, (frame, case) in enumerate(zip(frames, validator._cases)):
        assert case.target.dtype == np.uint16 and case.target.shape == (1, 1 if mono else 3, height, width)
        hr = make_frame_batch(frame, camera, seed=FRAME_SEED, index=index, device=device).hr
        target = case.upload_target(device)
        assert target.shape == hr.shape and float((target - hr).abs().max()) < 1e-5
        noisy = (hr + 0.01 * torch.sin(torch.arange(width))).clamp(0, 1)
        exact, kept = (float(psnr(cut_border(noisy, 4), cut_border(image, 4))) for image in (hr, target))
        assert kept == pytest.approx(exact, abs=1e-4)


@pytest.mark.skipif(not is_possible(), reason="this torch cannot fake a CUDA device")
def test_frames_do_not_wait_on_the_gpu(tmp_path: Path) -> None:
    frames, camera, config = make_frames(tmp_path)
    with use_fake_cuda() as watch:
        Validator(frames[:1], camera, scale=config.scale, device=torch.device("cuda"))  # also makes the constants
        constants = watch.live
        validator = Validator(frames, camera, scale=config.scale, device=torch.device("cuda"))
        assert watch.live == constants
        validator.measure(torch.nn.Upsample(scale_factor=config.scale))
        assert watch.live == constants


@pytest.mark.parametrize(
    "text",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB",
        "MPS backend out of memory (MPS allocated: 5.00 GB)",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "HIPBLAS_STATUS_ALLOC_FAILED",
        "GET was unable to find an engine to execute this computation",
        "FIND was unable to find an engine to execute this computation",
        "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
    ],
)
def test_a_lack_of_memory_in_the_libraries_of_a_gpu_is_recognized(text: str) -> None:
    assert is_out_of_memory(RuntimeError(text))
    assert not is_out_of_memory(ValueError(text)) and not is_out_of_memory(RuntimeError("CUDNN_STATUS_BAD_PARAM"))


def train(tmp_path: Path, **settings: Any) -> list[Event]:
    given = {**TINY, "source_dir": str(make_photos(tmp_path / "photos")), "workspace": str(tmp_path / "w"), **settings}
    events: list[Event] = []
    Trainer(make_plan(given), events.append).run()
    return events


@pytest.mark.parametrize("work", ["measure", "__init__"])
def test_a_validation_without_memory_is_not_blamed_on_the_batch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, work: str
) -> None:
    def fail(self: Validator, *arguments: Any, **more: Any) -> None:
        raise RuntimeError("GET was unable to find an engine to execute this computation")

    monkeypatch.setattr(Validator, work, fail)
    finished = train(tmp_path, steps=4, val_interval=2)[-1]
    assert isinstance(finished, RunFinished) and finished.outcome == "failed"
    assert (finished.error or "").startswith("Out of memory in a validation, which needs the same memory with every")
    assert finished.remedy == {}
    assert finished.step == (2 if work == "measure" else 0)


def test_the_first_frame_is_no_measure_of_a_validation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds, estimates = [3.0], []
    render, estimate = Validator.render, Evaluator.estimate_validation_seconds

    def slow_render(self: Validator, *arguments: Any, **more: Any) -> Any:
        time.sleep(seconds.pop() if seconds else 0.0)
        return render(self, *arguments, **more)

    def watched_estimate(self: Evaluator) -> float:
        estimates.append(estimate(self))
        return estimates[-1]

    monkeypatch.setattr(Validator, "render", slow_render)
    monkeypatch.setattr(Evaluator, "estimate_validation_seconds", watched_estimate)
    train(tmp_path, max_minutes=0.1)
    assert not seconds and 0 < estimates[0] < 3.0
