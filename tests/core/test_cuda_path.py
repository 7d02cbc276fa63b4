"""The path of a run on CUDA, on a fake device: no device mix-up, no wait within a step, types and layouts.

Numbers, speed and CUDA's own kernels need a GPU: `test_gpu.py`.
"""

from __future__ import annotations

import collections
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tests import fake_cuda
from tests.core.networks import network_of, saved
from tests.core.test_losses import vgg_file
from tests.cuda_dry_runs import do_steps, make_gpu, run_twice
from tests.fake_cuda import Watch, use_fake_cuda
from trainer_core import uploads
from trainer_core.camera.stages import noise, pattern
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import estimate_memory
from trainer_core.planning.plan import network_spec
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import PRESETS
from trainer_core.training.learner import Learner
from trainer_core.training.muon import find_inner_kernels
from trainer_core.training.time_estimate import measure_step_seconds
from trainer_core.verbs import upscale

pytestmark = pytest.mark.skipif(not fake_cuda.is_possible(), reason="this torch cannot fake a CUDA device")

SMALL = dict(num_feat=16, num_block=1, num_grow_ch=8, batch_size=2, patch_size=16, base_resolution=48)
CAMERA_LAUNCHES = {"mono": 200, "color": 375}
PLAIN_LAUNCHES = 308  # kernels of a step without the camera, plus 3 %; one more for each weight would exceed it
CONVOLUTION_TYPES = {"bf16": "bfloat16", "fp16": "float16", "fp32": "tf32"}


def make_config(**settings: Any) -> TrainerConfig:
    return TrainerConfig(source_dir="photos", workspace="run", monochrome_style=True).replace(**{**SMALL, **settings})


def waits_of(watch: Watch, *regions: str) -> list[str]:
    found = [f"{wait.kind} {wait.where}" for wait in watch.waits]
    return [text for text in found if not regions or any(f"[{region}]" in text for region in regions)]


def expected_convolutions(precision: str) -> set[str]:
    return {f"update {way} {CONVOLUTION_TYPES[precision]} nhwc x nhwc" for way in ("forward", "backward")}


@pytest.mark.parametrize(
    ("precision", "settings"),
    [
        ("bf16", {"frequency_weight": 0.1, "gradient_weight": 0.1, "artifact_weight": 0.1, "grad_accum_steps": 2}),
        ("fp16", {"monochrome_style": False}),
        ("bf16", {"optimizer": "muon", "weight_decay": 0.01}),
        ("fp16", {"optimizer": "muon"}),
        ("bf16", {"gan_weight": 0.1, "grad_accum_steps": 2}),
        ("fp16", {"gan_weight": 0.1}),
        ("fp32", {"monochrome_style": False, "degradation": "bicubic"}),
    ],
)
def test_nothing_in_a_step_waits_for_the_gpu(precision: str, settings: dict[str, Any]) -> None:
    watch, _ = do_steps(make_config(**settings), precision)
    assert waits_of(watch) == []
    assert set(watch.uploads) == {"camera"}


@pytest.mark.parametrize("precision", CONVOLUTION_TYPES)
def test_all_convolutions_have_the_precision_of_the_run_and_channels_last(precision: str) -> None:
    watch, _ = do_steps(make_config(), precision)
    assert set(watch.convolutions) == expected_convolutions(precision)


@pytest.mark.parametrize("precision", CONVOLUTION_TYPES)
def test_the_adversarial_stage_has_the_precision_of_the_run_and_channels_last(precision: str) -> None:
    watch, learner = do_steps(make_config(gan_weight=0.1), precision)
    assert set(watch.convolutions) == expected_convolutions(precision)
    assert learner.adversary is not None
    for parameter, state in learner.adversary.optimizer.state.items():
        assert all(state[name].stride() == parameter.stride() for name in ("exp_avg", "exp_avg_sq"))
        assert all(value.device.type == "cuda" for value in state.values())


def test_the_perceptual_loss_has_the_precision_of_the_run_and_channels_last(tmp_path: Path) -> None:
    weights = str(vgg_file(tmp_path / "vgg.pth"))
    watch, _ = do_steps(make_config(perceptual_weight=0.1, vgg_weights=weights), "bf16", steps=1)
    assert set(watch.convolutions) == expected_convolutions("bf16")
    assert waits_of(watch) == []


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_weights_moments_and_ema_have_one_layout_on_the_gpu(optimizer: str) -> None:
    _, learner = do_steps(make_config(optimizer=optimizer), "bf16")
    assert len(learner._optimizer.state) == len(list(learner.network.parameters()))
    for parameter, state in learner._optimizer.state.items():
        assert all(state[name].stride() == parameter.stride() for name in ("exp_avg", "exp_avg_sq"))
        assert all(value.device.type == "cuda" for value in state.values())
    for parameter, weight in zip(learner.network.parameters(), learner.ema.state().values()):
        assert (weight.stride(), weight.device) == (parameter.stride(), parameter.device)


@pytest.mark.parametrize("kind", CAMERA_LAUNCHES)
def test_the_camera_starts_few_kernels(kind: str) -> None:
    watch, _ = do_steps(make_config(monochrome_style=kind == "mono"), "bf16", steps=1)
    assert sum(watch.launches["camera"].values()) <= CAMERA_LAUNCHES[kind]


@pytest.mark.parametrize(
    ("settings", "most"),
    [
        ({}, PLAIN_LAUNCHES),
        ({"grad_accum_steps": 2}, 590),
        ({"num_block": 2}, 498),
        ({"optimizer": "muon"}, 742),
        ({"gan_weight": 0.1}, 1255),
    ],
    ids=["plain", "two micro-batches", "two blocks", "muon", "adversarial"],
)
def test_an_update_starts_few_kernels(settings: dict[str, Any], most: int) -> None:
    watch, _ = do_steps(make_config(**settings), "bf16")
    assert sum(watch.launches["update"].values()) <= most


def test_muon_starts_few_kernels_for_each_weight() -> None:
    counts = {}
    for optimizer in ("adam", "muon"):
        watch, learner = do_steps(make_config(optimizer=optimizer), "bf16")
        counts[optimizer] = sum(watch.launches["update"].values())
    shapes = [kernel.shape for kernel in find_inner_kernels(learner.network)]
    assert counts["muon"] - counts["adam"] <= 5 * len(shapes) + 56 * len(set(shapes))


@pytest.mark.parametrize("features", [0, 16, 64], ids=["plain", "small discriminator", "large discriminator"])
@pytest.mark.parametrize("is_perceptual", [False, True], ids=["pixels", "perceptual"])
def test_the_tensors_of_a_step_need_no_more_memory_than_estimated(
    is_perceptual: bool, features: int, tmp_path: Path
) -> None:
    more: dict[str, Any] = {"gan_weight": 0.1, "gan_features": features} if features else {}
    if is_perceptual:
        more.update(perceptual_weight=0.1, vgg_weights=str(vgg_file(tmp_path / "vgg.pth")))
    config = make_config(**PRESETS["nano"], **more)
    with use_fake_cuda() as watch:
        learner = Learner(config, RRDBNet(network_spec(config)), make_gpu("bf16"))
        lr, hr = (torch.zeros(config.effective_batch, 3, side, side, device="cuda") for side in (32, 128))
        learner.update([mock.Mock(lr=lr, hr=hr)], count=1, learning_rate=1e-4)
    estimate = estimate_memory(config, network_spec(config), make_gpu("bf16"), config.effective_batch)
    assert 0.5 * estimate < watch.peak < estimate


@pytest.mark.parametrize(
    ("precision", "settings"),
    [
        pytest.param("bf16", {"optimizer": "muon"}, id="mono"),
        pytest.param("fp16", {"gan_weight": 0.1, "gan_features": 16}, id="adversarial"),
        pytest.param("fp16", {"monochrome_style": False, "scale": 2}, id="color"),
    ],
)
def test_a_run_and_its_resume_mix_no_devices_and_no_step_waits(
    precision: str, settings: dict[str, Any], tmp_path: Path
) -> None:
    watch, events = run_twice(tmp_path, precision, **settings)
    kinds = collections.Counter(type(event).__name__ for event in events)
    assert kinds["StepDone"] == 3 and kinds["RunStarted"] == kinds["Validated"] == 2 and kinds["PreviewReady"] == 3
    assert kinds["CheckpointSaved"] >= 2
    assert waits_of(watch, "camera", "update") == []
    in_steps = {text for text in watch.convolutions if text.startswith("update ")}
    assert in_steps == expected_convolutions(precision)
    assert not any("tf32" in text for text in watch.convolutions)  # validations and previews are in full float32


@pytest.mark.parametrize(("half", "dtype"), [(False, "tf32"), (True, "float16")])
def test_pictures_are_upscaled_on_the_gpu(half: bool, dtype: str, tmp_path: Path) -> None:
    model = saved(network_of(NetworkSpec(2, 16, 1, 8)), tmp_path / "x2_model.pth")
    with use_fake_cuda() as watch, mock.patch.object(upscale, "choose_hardware", return_value=make_gpu("fp32")):
        upscaler = upscale.Upscaler(model, device="cuda", half=half, tile=64)
        picture = upscaler(np.zeros((100, 90, 3), np.uint8))
    assert picture.shape == (200, 180, 3)
    assert {text.split()[-4] for text in watch.convolutions} == {dtype}


@pytest.mark.parametrize("optimizer", ["adam", "muon"])
def test_the_time_of_a_step_is_estimated_on_the_gpu(optimizer: str) -> None:
    config = make_config(optimizer=optimizer)
    with use_fake_cuda() as watch:
        assert measure_step_seconds(config, network_spec(config), make_gpu("bf16"), micro_batch=2) > 0
    assert set(watch.convolutions) == {f" {way} bfloat16 nhwc x nhwc" for way in ("forward", "backward")}


# -- faults on purpose, each of which the fake device must notice ---------------------------------------------


def test_a_tensor_left_on_the_cpu_is_noticed() -> None:
    def parity(view: Any, height: int) -> Any:
        return ((view.top.unsqueeze(1) + torch.arange(height)) % 2).float().reshape(-1, 1, height, 1)

    with mock.patch("trainer_core.camera.mono.row_parity", parity), pytest.raises(RuntimeError, match="same device"):
        do_steps(make_config(), "bf16", steps=1)
    assert pattern.row_parity is not parity


def test_a_generator_of_the_cpu_is_noticed() -> None:
    def normal(source: Any, shape: tuple[int, ...], device: Any) -> Any:
        return torch.randn(shape, generator=torch.Generator(), device=device)

    with mock.patch.object(noise.NoiseSource, "_normal", normal), pytest.raises(RuntimeError, match="for generator"):
        do_steps(make_config(), "bf16", steps=1)


def test_a_value_that_is_read_within_a_step_is_noticed() -> None:
    apply = Learner._apply

    def reading(learner: Any, learning_rate: float) -> None:
        apply(learner, learning_rate)
        float(learner._gradient_norm)

    with mock.patch.object(Learner, "_apply", reading):
        watch, _ = do_steps(make_config(), "bf16", steps=1)
    assert [wait.split()[0] for wait in waits_of(watch)] == ["read"]


def test_a_kernel_for_each_weight_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def lerp(averages: list[Any], weights: list[Any], share: float) -> None:
        for average, weight in zip(averages, weights):
            average.lerp_(weight, share)

    monkeypatch.setattr(torch, "_foreach_lerp_", lerp)
    watch, _ = do_steps(make_config(), "bf16")
    assert sum(watch.launches["update"].values()) > PLAIN_LAUNCHES


def test_uploads_that_wait_are_noticed() -> None:
    with use_fake_cuda() as watch:
        torch.tensor([1.0, 2.0], device="cuda")
        torch.from_numpy(np.ones(2)).to("cuda", non_blocking=True)
        uploads.upload(np.ones(2), torch.device("cuda"))
    assert [wait.kind for wait in watch.waits] == ["upload", "pageable"]


def test_an_index_on_the_cpu_is_noticed() -> None:
    with use_fake_cuda() as watch:
        torch.zeros(4, device="cuda")[torch.from_numpy(np.array([1, 2]))]
    assert [wait.kind for wait in watch.waits] == ["upload"]


def test_moments_in_another_layout_than_their_weights_are_noticed() -> None:
    with use_fake_cuda():
        network = RRDBNet(NetworkSpec(4, 16, 1, 8))
        learner = Learner(make_config(), network, make_gpu("bf16"))
        lr, hr = (torch.zeros(1, 3, side, side, device="cuda") for side in (16, 64))
        batch = mock.Mock(lr=lr, hr=hr)
        learner.update([batch], count=1, learning_rate=1e-4)
        for state in learner._optimizer.state.values():
            state["exp_avg"] = state["exp_avg"].contiguous()
        with pytest.raises(RuntimeError, match="layout"):
            learner.update([batch], count=1, learning_rate=1e-4)


@pytest.mark.parametrize(
    ("fault", "found"),
    [
        ("type", "tf32 nhwc x nhwc"),
        ("layout of the image", "bfloat16 nchw x nhwc"),
        ("layout of the weight", "bfloat16 nhwc x nchw"),
    ],
)
def test_one_convolution_of_another_type_or_layout_within_a_step_is_noticed(fault: str, found: str) -> None:
    convolve = torch.nn.Conv2d._conv_forward

    def forward(layer: Any, image: Any, weight: Any, bias: Any) -> Any:
        if layer.out_channels != 3:  # the last layer is at fault
            return convolve(layer, image, weight, bias)
        if fault == "type":
            with torch.autocast("cuda", enabled=False):
                return convolve(layer, image.float(), weight, bias)
        is_image = fault == "layout of the image"
        image, weight = (image.contiguous(), weight) if is_image else (image, weight.contiguous())
        return convolve(layer, image, weight, bias)

    with mock.patch.object(torch.nn.Conv2d, "_conv_forward", forward):
        watch, _ = do_steps(make_config(), "bf16", steps=1)
    wrong = {f"update {way} {found}" for way in ("forward", "backward")}
    assert set(watch.convolutions) == expected_convolutions("bf16") | wrong


def test_a_weight_in_another_layout_is_noticed() -> None:
    def iterate(learner: Learner) -> Iterator[Any]:
        for parameter in learner.network.parameters():
            if parameter.dim() == 4:
                parameter.data = parameter.data.contiguous()
                yield parameter

    with use_fake_cuda() as watch:
        learner = Learner(make_config(), RRDBNet(NetworkSpec(4, 16, 1, 8)), make_gpu("bf16"))
        assert list(iterate(learner))
        learner.network(torch.zeros(1, 3, 16, 16, device="cuda"))
    assert any(text.endswith("x nchw") for text in watch.convolutions)


def test_everything_is_as_before_once_the_device_is_gone() -> None:
    generator, backward = torch.Generator, torch.Tensor.backward
    with use_fake_cuda():
        pass
    assert torch.Generator is generator and torch.Tensor.backward is backward
    assert not torch.cuda.is_available()
