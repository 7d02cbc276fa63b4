"""The color camera and its JPEG."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")
import torch.nn.functional as F
from PIL import Image

from trainer_core.camera import CameraProfile, ColorCamera, FrameView, build_camera
from trainer_core.camera.jpeg import (
    ANNEX_K_CHROMA,
    ANNEX_K_LUMA,
    CHROMA_TABLE,
    LUMA_TABLE,
    jpeg_round_trip,
    select_tables,
)
from trainer_core.camera.parameters import ColorParams

SCALE = 2


def _camera(noise_strength: float = 1.0) -> ColorCamera:
    return ColorCamera(CameraProfile.builtin("wqv10"), SCALE, noise_strength=noise_strength)


def _frames(count: int) -> Tensor:
    coarse = torch.rand(count, 3, 18, 22, generator=torch.Generator().manual_seed(0))
    return F.interpolate(coarse, (144 * SCALE, 176 * SCALE), mode="bicubic").clamp(0, 1)


def _picture(height: int = 144, width: int = 176) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    smooth = F.interpolate(torch.rand(1, 3, 12, 12, generator=generator), (height, width), mode="bicubic")
    fine = torch.rand(1, 3, height, width, generator=generator) * 0.15
    levels: Tensor = ((smooth + fine) * 255).round().clamp(0, 255)
    return levels


def _through_pillow(rgb: Tensor, tables: tuple[tuple[int, ...], tuple[int, ...]]) -> Tensor:
    pixels = rgb[0].permute(1, 2, 0).numpy().astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", qtables=[list(table) for table in tables], subsampling=2)
    decoded = Image.open(buffer)
    assert list(decoded.quantization[0]) == list(tables[0]) and list(decoded.quantization[1]) == list(tables[1])  # type: ignore[attr-defined]
    pixels_read: Tensor = torch.from_numpy(np.asarray(decoded).copy()).permute(2, 0, 1).float().unsqueeze(0)
    return pixels_read


@pytest.mark.parametrize("tables", [(LUMA_TABLE, CHROMA_TABLE), (ANNEX_K_LUMA, ANNEX_K_CHROMA)])
def test_the_jpeg_equals_pillows_with_the_same_tables(tables: tuple[tuple[int, ...], tuple[int, ...]]) -> None:
    rgb = _picture()
    ours = jpeg_round_trip(rgb, torch.tensor(tables[0]).float(), torch.tensor(tables[1]).float())
    error = (ours - _through_pillow(rgb, tables)).abs()
    assert error.mean() < 0.2  # what is left are coefficients next to a half, where integer transforms disagree too
    assert (error <= 1).float().mean() > 0.95
    assert error.max() <= 12
    assert (ours - rgb).abs().mean() > 3  # and it does lose something


def test_jpeg_returns_whole_codes_and_leaves_flat_pictures_alone() -> None:
    tables = select_tables(torch.zeros(1))
    flat = torch.full((1, 3, 32, 32), 120.0)
    assert jpeg_round_trip(flat, *tables).equal(flat)
    coded = jpeg_round_trip(_picture(32, 48), *tables)
    assert coded.equal(coded.round()) and coded.min() >= 0 and coded.max() <= 255


def test_every_sample_has_its_own_jpeg_tables() -> None:
    rgb = _picture(32, 32).repeat(2, 1, 1, 1)
    both = jpeg_round_trip(rgb, *select_tables(torch.tensor([0.0, 1.0])))
    assert both[0:1].equal(jpeg_round_trip(rgb[:1], *select_tables(torch.zeros(1))))
    assert both[1:2].equal(jpeg_round_trip(rgb[:1], *select_tables(torch.ones(1))))
    assert not both[0].equal(both[1])


def test_lr_is_a_decoded_jpeg_and_the_target_is_not() -> None:
    camera = _camera()
    lr, target = camera(FrameView.whole_frames(_frames(2), SCALE), camera.draw(1, [0, 1]), torch.Generator())
    assert lr.shape == (2, 3, 144, 176) and target.shape == (2, 3, 288, 352)
    assert (lr * 255).allclose((lr * 255).round(), atol=1e-3)
    assert target.min() >= 0 and target.max() <= 1 and len(set(target.flatten().tolist())) > 1000


def test_what_goes_into_the_encoder_comes_out_as_lr() -> None:
    camera = _camera()
    view, params = FrameView.whole_frames(_frames(1), SCALE), camera.draw(1, [0])
    raw, _ = camera.render_before_jpeg(view, camera.meter_view(view, params), torch.Generator().manual_seed(3))
    lr, _ = camera(view, params, torch.Generator().manual_seed(3))
    assert raw.equal(raw.round()) and raw.min() >= 0 and raw.max() <= 255
    assert (lr * 255).allclose(jpeg_round_trip(raw, *select_tables(params.annex_k)), atol=1e-3)


def test_a_region_is_what_the_whole_frame_shows_there() -> None:
    camera = _camera(noise_strength=0.0)
    whole, params = FrameView.whole_frames(_frames(3), SCALE), camera.draw(3, range(3))
    lr, target = camera(whole, params, torch.Generator())
    left, top, side, cut = 48, 32, 64, camera.margin
    rows, columns = slice(top * SCALE, (top + side) * SCALE), slice(left * SCALE, (left + side) * SCALE)
    corner = torch.ones_like(whole.left)
    part = replace(whole, hr=whole.hr[..., rows, columns], left=corner * left, top=corner * top)
    raw, _ = camera.render_before_jpeg(whole, camera.meter_view(whole, params), torch.Generator())
    part_raw, _ = camera.render_before_jpeg(part, camera.meter_view(part, params), torch.Generator())
    part_lr, part_target = camera(part, params, torch.Generator())
    assert part_target.allclose(target[..., rows, columns], atol=1e-5)
    inner = (slice(None), slice(None), slice(cut, -cut), slice(cut, -cut))
    raw_there = raw[..., top : top + side, left : left + side]
    assert (part_raw - raw_there)[inner].abs().mean() < 0.01
    unit = (slice(None), slice(None), slice(16, -16), slice(16, -16))  # coding units that hold no border pixel
    lr_there = lr[..., top : top + side, left : left + side]
    assert ((part_lr - lr_there)[unit].abs() * 255).mean() < 0.2


def test_exposure_puts_the_mean_luma_where_it_was_drawn() -> None:
    camera = _camera(noise_strength=0.0)
    params = camera.draw(3, range(3))
    _, target = camera(FrameView.whole_frames(_frames(3), SCALE), params, torch.Generator())
    luma = (target * torch.tensor([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1)).sum(1).mean((1, 2)) * 255
    assert luma.tolist() == pytest.approx(params.mean_luma.tolist(), abs=4)


def test_black_comes_out_purple_and_white_neutral() -> None:
    camera = _camera(noise_strength=0.0)
    frame = torch.zeros(1, 3, 144 * SCALE, 176 * SCALE)
    frame[..., 176:] = 1.0
    params = replace(camera.draw(5, [0]), red_balance=torch.zeros(1), blue_balance=torch.zeros(1))
    lr, _ = camera(FrameView.whole_frames(frame, SCALE), params, torch.Generator())
    red, green, blue = (lr[0, :, 40:100, 10:60] * 255).mean((1, 2)).tolist()
    assert blue > red > green + 4 and blue > green + 15
    bright = (lr[0, :, 60:80, 110:140] * 255).mean((1, 2))
    assert (bright.max() - bright.min()).item() < 12


def test_the_target_keeps_the_blacks_of_the_watch() -> None:
    camera = _camera()
    frame = torch.zeros(1, 3, 144 * SCALE, 176 * SCALE)
    frame[..., 176:] = 1.0
    params = replace(camera.draw(5, [0]), flare=torch.zeros(1), saturation=torch.ones(1))
    _, target = camera(FrameView.whole_frames(frame, SCALE), params, torch.Generator())
    black = params.black.item()
    expected = [black + params.red_black.item(), black, black + params.blue_black.item()]
    assert (target[0, :, 50, 50] * 255).tolist() == pytest.approx(expected, abs=0.1)


def test_target_and_photo_are_equally_pale() -> None:
    camera = _camera(noise_strength=0.0)
    frame = torch.full((1, 3, 144 * SCALE, 176 * SCALE), 0.35)
    frame[:, 0] = 0.5
    casts = {}
    for saturation in (0.5, 1.0):
        params = replace(camera.draw(5, [0]), saturation=torch.full((1,), saturation), flare=torch.zeros(1))
        lr, target = camera(FrameView.whole_frames(frame, SCALE), params, torch.Generator())
        middle = (lr[0, :, 64:80, 80:96], target[0, :, 128:160, 160:192])
        casts[saturation] = [(image[0] - image[1]).mean().item() for image in middle]
        assert casts[saturation][0] == pytest.approx(casts[saturation][1], abs=0.03)
    assert casts[0.5][1] == pytest.approx(0.5 * casts[1.0][1], abs=0.01)


def test_red_light_leaks_into_even_rows_of_the_frame() -> None:
    camera = _camera(noise_strength=0.0)
    frame = torch.full((1, 3, 144 * SCALE, 176 * SCALE), 0.2)
    frame[:, 0] = 0.7
    none, strong = torch.zeros(1), torch.full((1,), 0.06)
    params = replace(camera.draw(5, [0]), odd_rows=none, line_leak=strong, red_balance=none, blue_balance=none)
    view = FrameView.whole_frames(frame, SCALE)
    raw, _ = camera.render_before_jpeg(view, camera.meter_view(view, params), torch.Generator())
    assert raw[0, 1, 40:100:2, 80].mean() > raw[0, 1, 41:101:2, 80].mean() + 1


def test_color_parameters_are_a_function_of_seed_and_index() -> None:
    camera = _camera()
    for name in ColorParams.parameters():
        assert getattr(camera.draw(2, [1, 40]), name)[1] == getattr(camera.draw(2, [40]), name)[0]
    many = camera.draw(2, range(1000))
    assert many.unfocused.mean().item() == pytest.approx(camera.profile.chances["unfocused"], abs=0.06)


def test_the_builder_makes_the_color_camera() -> None:
    camera = build_camera(CameraProfile.builtin("wqv10"), 4)
    assert isinstance(camera, ColorCamera)
    assert (camera.frame_width, camera.frame_height, camera.region_multiple, camera.margin) == (176, 144, 16, 8)
