"""The same photograph on every device: within rounding, and never with TF32's ten bits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

from tests.small_runs import picture
from trainer_core.camera import (
    BUILTIN_PROFILES,
    CameraProfile,
    ColorCamera,
    FrameView,
    MonoCamera,
    Params,
    build_camera,
)
from trainer_core.camera.interface import Camera
from trainer_core.camera.stages.optics import sample_image

SCALE = 2


def frames_of(camera: Camera, count: int = 3) -> Tensor:
    size = (camera.frame_width * SCALE, camera.frame_height * SCALE)
    pixels = [torch.frombuffer(bytearray(picture(n, *size).tobytes()), dtype=torch.uint8) for n in range(count)]
    frames: Tensor = torch.stack(pixels).reshape(count, size[1], size[0], 3).permute(0, 3, 1, 2).float() / 255
    return frames


def draw(camera: Camera, indices: Sequence[int]) -> Params:
    assert isinstance(camera, (MonoCamera, ColorCamera))
    params: Params = camera.draw(1, indices)
    return params


@pytest.fixture
def tf32() -> Iterator[None]:
    """Allowed, as the training sets it on a GPU."""
    matmul, cudnn = torch.backends.cuda.matmul, torch.backends.cudnn
    before = matmul.allow_tf32, cudnn.allow_tf32
    matmul.allow_tf32 = cudnn.allow_tf32 = True
    yield
    matmul.allow_tf32, cudnn.allow_tf32 = before


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU on this machine")
@pytest.mark.parametrize("name", BUILTIN_PROFILES)
def test_a_gpu_takes_the_same_photograph(name: str, tf32: None) -> None:
    camera = build_camera(CameraProfile.builtin(name), SCALE)
    frames, params = frames_of(camera), draw(camera, range(3))
    here, there = (
        camera(FrameView.whole_frames(frames.to(device), SCALE), params, torch.Generator().manual_seed(2))
        for device in (torch.device("cpu"), torch.device("cuda"))
    )
    step = 1 / 15 if name == "wqv1" else 1 / 255
    assert (here[1] - there[1].cpu()).abs().max() < 1e-4
    differs = (here[0] - there[0].cpu()).abs() > step / 2
    assert differs.float().mean() < 0.002  # values beside a rounding step, and the JPEG blocks that they are in


@pytest.mark.parametrize("name", BUILTIN_PROFILES)
def test_the_camera_works_in_full_float32_and_leaves_the_choice_as_it_was(
    name: str, tf32: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    camera = build_camera(CameraProfile.builtin(name), SCALE)
    seen: list[tuple[bool, bool]] = []
    module = f"trainer_core.camera.{'mono' if name == 'wqv1' else 'color'}.sample_image"

    def watching(*arguments: Any) -> Tensor:
        seen.append((torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32))
        sampled: Tensor = sample_image(*arguments)
        return sampled

    monkeypatch.setattr(module, watching)
    params = draw(camera, [0])
    camera(FrameView.whole_frames(frames_of(camera, 1), SCALE), params, torch.Generator().manual_seed(2))
    assert seen and set(seen) == {(False, False)}
    assert torch.backends.cuda.matmul.allow_tf32 and torch.backends.cudnn.allow_tf32
