"""The stages of the cameras, each against a value worked out another way."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

from trainer_core.camera.metering import decode_thumbnail, luminance, radius_squared
from trainer_core.camera.stages.enhancer import enhance_columns, enhance_rows
from trainer_core.camera.stages.exposure import find_exposure
from trainer_core.camera.stages.light import decode_luminance, decode_srgb
from trainer_core.camera.stages.mosaic import leak_lines, mosaic_color
from trainer_core.camera.stages.noise import MONO_SENSOR, NoiseSource
from trainer_core.camera.stages.optics import sample_image, sampling_matrix, sampling_weights
from trainer_core.camera.stages.pattern import column_parity, parity_offsets, row_parity
from trainer_core.camera.stages.quantizer import quantize
from trainer_core.camera.stages.shading import RadialField, falloff
from trainer_core.camera.stages.tone import apply_tone_curve
from trainer_core.camera.stages.ycbcr import to_rgb, to_ycbcr
from trainer_core.camera.view import FrameView


def _view(left: int, top: int, side: int, scale: int) -> FrameView:
    hr = torch.zeros(1, 3, side * scale, side * scale)
    return FrameView(hr, torch.tensor([left]), torch.tensor([top]), 120, 120)


def _weights(sigmas: list[float], scale: int, largest: float) -> Tensor:
    weights: Tensor = torch.from_numpy(sampling_weights(np.array(sigmas, np.float32), scale, largest))
    return weights


def test_srgb_decoding_follows_the_standard() -> None:
    codes = torch.linspace(0, 1, 256, dtype=torch.float64)
    exact = torch.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)
    decoded = decode_srgb(codes.float().reshape(1, 1, 16, 16)).flatten()
    assert torch.allclose(decoded.double(), exact, atol=2e-6)


def test_luminance_of_a_gray_is_its_linear_light_and_green_counts_most() -> None:
    assert decode_luminance(torch.full((1, 3, 2, 2), 1.0)).allclose(torch.ones(1, 1, 2, 2))
    green = torch.tensor([0.0, 1.0, 0.0]).reshape(1, 3, 1, 1)
    assert decode_luminance(green).item() == pytest.approx(0.7152, abs=1e-5)


def test_without_blur_sampling_is_the_area_average() -> None:
    image = torch.rand(2, 1, 24, 32, generator=torch.Generator().manual_seed(0))
    weights = _weights([0.0, 0.0], 4, 1.0)
    sampled = sample_image(image, weights, weights, 4)
    assert sampled.allclose(torch.nn.functional.avg_pool2d(image, 4), atol=1e-5)


@pytest.mark.parametrize("sigma", [0.3, 1.0, 1.45])
def test_sampling_weights_are_a_gaussian_seen_through_one_lr_pixel(sigma: float) -> None:
    scale, size, fine = 4, 24, 64
    matrix = sampling_matrix(_weights([sigma], scale, 1.5), size, scale)[0].double().numpy()
    row = 12  # numeric integration on a fine grid, in LR px, around a pixel far from the borders
    aperture = row + (np.arange(fine) + 0.5) / fine
    for column in range(row * scale - 8, row * scale + 12):
        hr = (column + (np.arange(fine) + 0.5) / fine) / scale
        density = np.exp(-0.5 * ((aperture[:, None] - hr[None]) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
        assert matrix[row, column] == pytest.approx(density.mean() / scale, abs=2e-4)


def test_sampling_keeps_flat_light_flat_up_to_the_borders() -> None:
    weights = _weights([0.2, 1.4], 4, 1.4)
    flat = sample_image(torch.full((2, 1, 32, 32), 0.7), weights, weights, 4)
    assert flat.allclose(torch.full((2, 1, 8, 8), 0.7), atol=1e-5)


def test_rows_and_columns_are_blurred_by_their_own_sigma() -> None:
    dot = torch.zeros(1, 1, 64, 64)
    dot[0, 0, 32:36, 32:36] = 1.0
    spread = sample_image(dot, _weights([1.2], 4, 1.5), _weights([0.2], 4, 1.5), 4)[0, 0]
    assert spread[10, 8] > 5 * spread[8, 10]


def test_shading_of_a_region_is_the_crop_of_the_frames_shading() -> None:
    center = torch.tensor([0.2]), torch.tensor([-0.1])
    frame = RadialField(_view(0, 0, 120, 4), *center)
    region = RadialField(_view(40, 56, 16, 4), *center)
    assert region.evaluate_on_region(16, 16, 1).allclose(
        frame.evaluate_on_region(120, 120, 1)[..., 56:72, 40:56], atol=1e-6
    )
    assert region.evaluate_on_region(64, 64, 4).allclose(
        frame.evaluate_on_region(480, 480, 4)[..., 224:288, 160:224], atol=1e-6
    )


def test_a_corner_loses_the_vignettes_share_of_light() -> None:
    field = RadialField(_view(0, 0, 120, 4), torch.zeros(1), torch.zeros(1))
    light = falloff(field.evaluate_on_region(480, 480, 4), torch.tensor([0.4]))
    assert light[0, 0, 0, 0].item() == pytest.approx(0.6, abs=0.01)
    assert light[0, 0, 240, 240].item() == pytest.approx(1.0, abs=0.001)


def _floats(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


@pytest.mark.parametrize("channels", [1, 3])
def test_exposure_puts_the_mean_where_it_was_asked_for(channels: int) -> None:
    light = torch.rand(4, channels, 30, 30, generator=torch.Generator().manual_seed(1)) ** 3
    light[3] = (light[3] > 0.01).float() * 0.01  # most of the pixels have the same light
    gamma, black = _floats(0.5, 0.7, 0.9, 0.6), _floats(0.4, 0.8, 1.3, 1.0)[:, None] / channels
    black, white = np.repeat(black, channels, 1), np.full((4, channels), 15 / channels, np.float32)
    mean = _floats(7.2, 8.0, 9.0, 10.5)
    gain = torch.from_numpy(find_exposure(light.numpy(), gamma, black, white, mean))
    exposed = (light * gain.reshape(4, 1, 1, 1)).clamp_max(1)
    levels = apply_tone_curve(exposed, torch.from_numpy(gamma), torch.from_numpy(black), 15.0 / channels)
    assert levels.mean((2, 3)).sum(1).allclose(torch.from_numpy(mean), atol=1e-3)


def test_exposure_that_cannot_reach_the_mean_ends_at_its_limits() -> None:
    one = np.ones(1, np.float32)
    dark, gray = np.zeros((1, 1, 4, 4), np.float32), np.full((1, 1, 4, 4), 0.5, np.float32)
    assert find_exposure(dark, one, one[:, None], 15 * one[:, None], 8 * one) == 1024
    assert find_exposure(gray, one, one[:, None], 15 * one[:, None], 16 * one) == 1024
    assert find_exposure(gray, one, one[:, None], 15 * one[:, None], 0.5 * one) == 1 / 1024


def test_exposure_does_not_depend_on_the_other_samples_of_a_batch() -> None:
    light = torch.rand(5, 3, 40, 40, generator=torch.Generator().manual_seed(4)).numpy() ** 2
    gamma, black = _floats(0.5, 0.6, 0.7, 0.8, 0.9), np.full((5, 3), 4, np.float32)
    white, mean = np.full((5, 3), 85, np.float32), _floats(100, 120, 140, 160, 180)
    together = find_exposure(light, gamma, black, white, mean)
    for k in range(5):
        one = slice(k, k + 1)
        assert find_exposure(light[one], gamma[one], black[one], white[one], mean[one]) == together[k]


def test_metering_sees_the_light_and_the_shading_of_the_device() -> None:
    codes = np.random.default_rng(1).integers(0, 256, (2, 30, 40, 3)).astype(np.uint8)
    linear = decode_thumbnail(codes)
    encoded = torch.from_numpy(codes).permute(0, 3, 1, 2) / 255
    assert torch.from_numpy(linear).allclose(decode_srgb(encoded), atol=2e-6)
    assert torch.from_numpy(luminance(linear)).allclose(decode_luminance(encoded), atol=2e-6)
    center = torch.tensor([0.2]), torch.tensor([-0.1])
    on_region = RadialField(_view(0, 0, 120, 4), *center).evaluate_on_region(480, 480, 4)
    metered = radius_squared((480, 480), (120, 120), *(value.numpy() for value in center))
    assert torch.from_numpy(metered).allclose(on_region, atol=1e-6)


def test_tone_goes_from_black_to_white_along_the_power() -> None:
    light = torch.tensor([-0.1, 0.0, 0.25, 1.0]).reshape(1, 1, 1, 4)
    codes = apply_tone_curve(light, torch.tensor([0.5]), torch.tensor([1.0]), 15.0).flatten()
    assert codes.tolist() == pytest.approx([1.0, 1.0, 8.0, 15.0], abs=1e-4)


def test_the_enhancer_lifts_edges_along_its_axis_only() -> None:
    edge = torch.tensor([4.0, 4.0, 4.0, 10.0, 10.0, 10.0]).expand(1, 1, 6, 6).contiguous()
    half, even = torch.tensor([0.5]), torch.zeros(1)
    sharp = enhance_rows(edge, half, half, even)[0, 0, 2]
    assert sharp.tolist() == pytest.approx([4.0, 4.0, 1.5, 12.5, 10.0, 10.0])
    assert enhance_columns(edge, half, half, even).equal(edge)


def test_a_biased_enhancer_lifts_the_bright_side_more_than_it_lowers_the_dark_one() -> None:
    edge = torch.tensor([4.0, 4.0, 4.0, 10.0, 10.0, 10.0]).reshape(1, 1, 1, 6).expand(2, 1, 1, 6)
    half = torch.tensor([0.5, 0.5])
    fair, biased = enhance_rows(edge, half, half, torch.tensor([0.0, 0.4]))[:, 0, 0] - edge[:, 0, 0]
    assert fair.tolist() == pytest.approx([0.0, 0.0, -2.5, 2.5, 0.0, 0.0])
    assert biased.tolist() == pytest.approx([0.0, 0.0, -2.5 * 0.6, 2.5 * 1.4, 0.0, 0.0])


def test_the_enhancer_leaves_detail_below_its_coring_alone() -> None:
    ripple = torch.tensor([8.0, 8.2] * 4).reshape(1, 1, 1, 8)
    assert enhance_rows(ripple, torch.tensor([0.9]), torch.tensor([0.3]), torch.tensor([0.4])).equal(ripple)


def test_the_fixed_pattern_depends_on_the_place_in_the_frame() -> None:
    view = _view(3, 5, 4, 1)
    step = torch.tensor([0.1])
    rows = parity_offsets(row_parity(view, 4), step).flatten().tolist()
    columns = parity_offsets(column_parity(view, 4), step).flatten().tolist()
    assert rows == pytest.approx([0.05, -0.05, 0.05, -0.05])
    assert columns == pytest.approx([0.05, -0.05, 0.05, -0.05])


def test_sensor_noise_grows_with_light_and_gain() -> None:
    light = torch.cat((torch.zeros(1, 1, 200, 200), torch.ones(1, 1, 200, 200)))
    noise = NoiseSource(torch.Generator().manual_seed(2)).sensor_noise(light, torch.tensor([2.0, 2.0]), MONO_SENSOR)
    dark, bright = noise.std((1, 2, 3)).tolist()
    assert dark == pytest.approx(2 * 0.007, rel=0.03)
    assert bright == pytest.approx(2 * math.hypot(0.007, 0.017), rel=0.03)


def test_noise_strength_zero_is_silence() -> None:
    image = torch.ones(2, 1, 4, 4)
    source = NoiseSource(torch.Generator().manual_seed(0), strength=0.0)
    for noise in (source.image_noise(image, torch.ones(2)), source.row_noise(image, torch.ones(2))):
        assert not noise.any()


def test_a_gray_scene_passes_the_mosaic_unchanged() -> None:
    parity = torch.tensor([0.0, 1.0] * 4)
    gray = torch.rand(1, 1, 8, 8, generator=torch.Generator().manual_seed(3))
    flat = torch.full((1, 3, 8, 8), 0.5)
    rows, columns = parity.reshape(1, 1, 8, 1), parity.reshape(1, 1, 1, 8)
    assert mosaic_color(flat, rows, columns).allclose(flat, atol=1e-6)
    seen = mosaic_color(gray.expand(1, 3, 8, 8), rows, columns)
    luma, _ = to_ycbcr(seen)
    assert luma.allclose(gray, atol=1e-6)
    assert not seen.allclose(gray.expand(1, 3, 8, 8), atol=1e-3)  # fine detail turns into false color


def test_a_red_scene_leaks_bright_even_rows() -> None:
    rows = torch.tensor([0.0, 1.0]).reshape(1, 1, 2, 1)
    red = torch.tensor([0.6, 0.2, 0.1]).reshape(1, 3, 1, 1).expand(1, 3, 2, 2)
    leaked = leak_lines(red, rows, torch.tensor([0.06]))
    assert (leaked[0, :, 0, 0] - leaked[0, :, 1, 0]).tolist() == pytest.approx([0.03] * 3)


def test_ycbcr_comes_back() -> None:
    rgb = 255 * torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(4))
    assert to_rgb(*to_ycbcr(rgb)).allclose(rgb, atol=1e-2)


def test_the_quantizer_rounds_and_clips() -> None:
    codes = torch.tensor([-1.0, 0.4, 0.6, 7.4, 14.6, 18.0])
    assert (quantize(codes, 15.0, 16) * 15).tolist() == pytest.approx([0, 0, 1, 7, 15, 15])
    assert (quantize(codes, 15.0, 2)).tolist() == [0, 0, 0, 0, 1, 1]
