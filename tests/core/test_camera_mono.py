"""The mono camera as training uses it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")
import torch.nn.functional as F

from trainer_core.camera import BicubicCamera, CameraProfile, FrameView, MonoCamera, build_camera
from trainer_core.camera.parameters import MonoParams, Params

SCALE = 4


def _camera(**options: Any) -> MonoCamera:
    return MonoCamera(CameraProfile.builtin("wqv1"), SCALE, **options)


def unique(values: Tensor) -> Tensor:
    found: Tensor = torch.unique(values)
    return found


def _frames(count: int, seed: int = 0) -> Tensor:
    coarse = torch.rand(count, 3, 20, 20, generator=torch.Generator().manual_seed(seed))
    return F.interpolate(coarse, (120 * SCALE, 120 * SCALE), mode="bicubic").clamp(0, 1)


def _crop(whole: FrameView, left: int, top: int, side: int) -> FrameView:
    rows, columns = slice(top * SCALE, (top + side) * SCALE), slice(left * SCALE, (left + side) * SCALE)
    corner = torch.ones_like(whole.left)
    return replace(whole, hr=whole.hr[..., rows, columns], left=corner * left, top=corner * top)


def _shoot(camera: MonoCamera, view: FrameView, params: MonoParams, seed: int = 0) -> tuple[Tensor, Tensor]:
    return camera(view, params, torch.Generator().manual_seed(seed))


def test_lr_has_sixteen_grays_and_the_target_has_more() -> None:
    camera = _camera()
    lr, target = _shoot(camera, FrameView.whole_frames(_frames(2), SCALE), camera.draw(1, [0, 1]))
    assert lr.shape == (2, 3, 120, 120) and target.shape == (2, 3, 480, 480)
    assert lr.dtype == target.dtype == torch.float32
    assert (lr * 15).allclose((lr * 15).round(), atol=1e-5)
    assert lr[:, 0].equal(lr[:, 1]) and lr[:, 0].equal(lr[:, 2]) and target[:, 0].equal(target[:, 2])
    assert lr.min() >= 0 and lr.max() <= 1 and target.min() >= 0 and target.max() <= 1
    assert unique(target).numel() > 1000


def test_monochrome_levels_set_the_number_of_grays() -> None:
    camera = _camera(levels=4)
    lr, _ = _shoot(camera, FrameView.whole_frames(_frames(1), SCALE), camera.draw(1, [0]))
    assert unique(lr * 3).tolist() == pytest.approx([0, 1, 2, 3], abs=1e-5)


def test_a_samples_parameters_depend_on_seed_and_index_alone() -> None:
    camera = _camera()
    together = camera.draw(7, [3, 900, 12])
    alone = camera.draw(7, [900])
    for name in MonoParams.parameters():
        assert getattr(together, name)[1] == getattr(alone, name)[0]
    assert camera.draw(8, [900]).psf_v != alone.psf_v
    assert unique(together.psf_v).numel() == 3


def test_drawn_parameters_fill_their_ranges() -> None:
    camera = _camera()
    params = camera.draw(5, range(2000))
    for name, (low, high) in camera.profile.ranges.items():
        values = getattr(params, name)
        assert values.min() >= low - 1e-6 and values.max() <= high + 1e-6
        assert values.max() - values.min() >= 0.98 * (high - low)
    chance = camera.profile.chances["indoor"]
    assert params.indoor.mean().item() == pytest.approx(chance, abs=4 * (chance / 2000) ** 0.5)


def test_the_same_generator_state_gives_the_same_photograph_and_another_one_other_noise() -> None:
    camera = _camera()
    view, params = FrameView.whole_frames(_frames(1), SCALE), camera.draw(1, [0])
    first, target = _shoot(camera, view, params, seed=5)
    again, _ = _shoot(camera, view, params, seed=5)
    other, same_target = _shoot(camera, view, params, seed=6)
    assert first.equal(again) and not first.equal(other)
    assert target.equal(same_target)


def test_noise_strength_zero_leaves_no_random_noise() -> None:
    camera = _camera(noise_strength=0.0)
    view, params = FrameView.whole_frames(_frames(1), SCALE), camera.draw(1, [0])
    assert _shoot(camera, view, params, seed=5)[0].equal(_shoot(camera, view, params, seed=6)[0])


def test_a_region_is_what_the_whole_frame_shows_there() -> None:
    camera = _camera(noise_strength=0.0)
    whole, params = FrameView.whole_frames(_frames(4), SCALE), camera.draw(3, range(4))
    lr, target = _shoot(camera, whole, params)
    left, top, side, cut = 31, 58, 40, camera.margin
    part_lr, part_target = _shoot(camera, _crop(whole, left, top, side), params)
    assert part_target.allclose(
        target[..., top * SCALE : (top + side) * SCALE, left * SCALE :][..., : side * SCALE], atol=1e-5
    )
    inner = part_lr[..., cut:-cut, cut:-cut]
    expected = lr[..., top + cut : top + side - cut, left + cut : left + side - cut]
    assert ((inner - expected).abs() > 0.01).float().mean() < 0.005
    assert (inner - expected).abs().max() < 1.5 / 15


def test_exposure_brings_a_dark_and_a_bright_frame_to_the_drawn_mean() -> None:
    camera = _camera(noise_strength=0.0)
    frames = _frames(1).repeat(2, 1, 1, 1)
    frames[0] *= 0.4
    params = camera.draw(3, range(2))
    _, target = _shoot(camera, FrameView.whole_frames(frames, SCALE), params)
    assert (target.mean((1, 2, 3)) * 15).tolist() == pytest.approx(params.mean_level.tolist(), abs=0.35)


def test_lr_agrees_with_the_target_when_blur_enhancer_and_pattern_are_off() -> None:
    camera = _camera(noise_strength=0.0)
    params = camera.draw(3, range(2))
    off = torch.zeros(2)
    params = replace(params, psf_v=off, psf_h=off, sharpen_h=off, sharpen_v=off, odd_rows=off, odd_columns=off)
    lr, target = _shoot(camera, FrameView.whole_frames(_frames(2), SCALE), params)
    error = (lr - F.avg_pool2d(target, SCALE)).abs() * 15
    assert error.max() < 1 and error.mean() < 0.28  # rounding alone leaves 0.25 on average


def test_horizontal_edges_come_out_softer_than_vertical_ones() -> None:
    camera = _camera(noise_strength=0.0)
    frames = torch.full((2, 3, 480, 480), 0.25)
    frames[0, :, 240:] = 0.6
    frames[1, :, :, 240:] = 0.6
    params = camera.draw(4, [0, 0])
    lr, _ = _shoot(camera, FrameView.whole_frames(frames, SCALE), params)
    across_rows = lr[0, 0, 50:70, 60].diff().abs().max()
    across_columns = lr[1, 0, 60, 50:70].diff().abs().max()
    assert across_columns > 1.8 * across_rows


def test_the_builder_hands_options_on() -> None:
    camera = build_camera(CameraProfile.builtin("wqv1"), 2, levels=4, mono_frame_side=60)
    assert isinstance(camera, MonoCamera)
    assert (camera.name, camera.scale, camera.frame_width, camera.frame_height) == ("wqv1", 2, 60, 60)


def test_the_camera_runs_at_every_scale() -> None:
    for scale in (2, 4, 8):
        camera = build_camera(CameraProfile.builtin("wqv1"), scale)
        assert isinstance(camera, MonoCamera)
        view = FrameView(
            torch.rand(1, 3, 16 * scale, 24 * scale),
            torch.zeros(1).long(),
            torch.zeros(1).long(),
            120,
            120,
            np.full((1, 8, 8, 3), 128, np.uint8),
        )
        lr, target = camera(view, camera.draw(0, [0]), torch.Generator().manual_seed(0))
        assert lr.shape == (1, 3, 16, 24) and target.shape == (1, 3, 16 * scale, 24 * scale)


def test_bicubic_on_a_ramp_is_a_ramp_and_on_flat_is_flat() -> None:
    camera = BicubicCamera(SCALE)
    ramp = torch.linspace(0.1, 0.9, 480).expand(1, 3, 480, 480)
    view = FrameView.whole_frames(ramp, SCALE)
    lr, target = camera(view, Params(), torch.Generator())
    assert target.equal(ramp)
    assert (lr[..., 8:-8] - F.avg_pool2d(ramp, SCALE)[..., 8:-8]).abs().max() <= 0.5 / 255 + 1e-4
    assert (lr * 255).allclose((lr * 255).round(), atol=1e-4)


def test_bicubic_weights_are_the_stretched_cubic() -> None:
    from trainer_core.camera.bicubic import bicubic_matrix

    row = bicubic_matrix(32, 2)[8]
    # scale 2: taps lie at odd multiples of 1/4 px from the center; w(x) of Keys with a = -1/2, halved
    near, far = [0.8671875, 0.2265625], [-0.0703125, -0.0234375]
    expected = torch.tensor([far[1], far[0], near[1], near[0], near[0], near[1], far[0], far[1]]).double() / 2
    assert row[13:21].allclose(expected, atol=1e-9)
    assert row.sum().item() == pytest.approx(1.0)
    assert bicubic_matrix(32, 4).sum(1).allclose(torch.ones(8, dtype=torch.float64))


def test_bicubic_can_be_gray() -> None:
    camera = BicubicCamera(2, monochrome=True)
    lr, target = camera(FrameView.whole_frames(torch.rand(1, 3, 16, 16), 2), Params(), torch.Generator())
    assert lr[:, 0].equal(lr[:, 2]) and target[:, 0].equal(target[:, 1])
