"""trainer_core.pixels: one rule for each conversion, for arrays and tensors alike."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from trainer_core import pixels

ALL_LEVELS = np.arange(256 * 3, dtype=np.int64).astype(np.uint8).reshape(16, 16, 3)


def photo(height: int = 6, width: int = 5) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


def test_every_level_comes_back_from_a_tensor_bit_for_bit() -> None:
    torch = pytest.importorskip("torch")
    image = pixels.to_tensor(ALL_LEVELS)
    assert image.shape == (3, 16, 16) and image.dtype == torch.float32
    assert float(image.max()) == 1.0
    assert np.array_equal(pixels.to_uint8(image), ALL_LEVELS)
    batch = pixels.to_uint8(pixels.to_tensor(np.stack([ALL_LEVELS, ALL_LEVELS[::-1]])))
    assert np.array_equal(batch, np.stack([ALL_LEVELS, ALL_LEVELS[::-1]]))


def test_arrays_that_torch_cannot_share_become_tensors_too() -> None:
    torch = pytest.importorskip("torch")
    fixed = photo()
    fixed.flags.writeable = False
    mirrored = photo()[:, ::-1]
    for array in (fixed, mirrored):
        assert torch.equal(pixels.to_tensor(array), pixels.to_tensor(np.array(array)))


def test_values_are_clamped_and_rounded_halves_to_even() -> None:
    torch = pytest.importorskip("torch")
    row = torch.tensor([-0.3, 0.5 / 255, 1.5 / 255, 0.999, 7.0], dtype=torch.float64).expand(3, 1, 5)
    assert pixels.to_uint8(row)[0, :, 0].tolist() == [0, 0, 2, 255, 255]
    levels = pixels.round_to_8bit(torch.rand(3, 9, 9) * 3 - 1)
    assert np.array_equal(pixels.to_uint8(levels), (levels * 255).round().permute(1, 2, 0).numpy())


def test_luma_of_an_array_and_of_a_tensor_agree() -> None:
    torch = pytest.importorskip("torch")
    assert float(pixels.luma(np.full((1, 1, 3), 200, np.uint8))[0, 0]) == pytest.approx(200)
    assert pixels.luma(np.array([[[0, 255, 0]]], np.uint8))[0, 0] == pytest.approx(0.587 * 255)
    of_tensor = pixels.luma(torch.from_numpy(photo()).double().permute(2, 0, 1)[None])
    assert of_tensor.shape == (1, 1, 6, 5)
    assert np.array_equal(of_tensor[0, 0].numpy(), pixels.luma(photo()))


def test_gray_becomes_rgb_and_has_no_color() -> None:
    gray = photo()[..., 0]
    rgb = pixels.as_rgb(gray)
    assert rgb.shape == (6, 5, 3) and (rgb == gray[..., None]).all()
    assert pixels.as_rgb(rgb) is rgb
    assert not pixels.has_color(rgb)
    rgb[2, 3, 1] ^= 1
    assert pixels.has_color(rgb)


def test_a_strip_repeats_the_pixels_of_the_small_image_and_leaves_white_gaps() -> None:
    small, large = photo(3, 4), photo(6, 8)
    strip = pixels.make_strip([small, large], gap=2)
    assert strip.shape == (6, 8 + 2 + 8, 3)
    assert np.array_equal(strip[:, :8], small.repeat(2, 0).repeat(2, 1))
    assert (strip[:, 8:10] == 255).all()
    assert np.array_equal(strip[:, 10:], large)
    assert np.array_equal(pixels.make_strip([large, large]), np.concatenate([large, large], 1))


@pytest.mark.parametrize("image", [photo(), photo()[..., 0]], ids=["rgb", "gray"])
def test_png_keeps_every_pixel(image: np.ndarray) -> None:
    for level in (-1, 0, 9):
        content = pixels.png_bytes(image, compress_level=level)
        assert np.array_equal(np.asarray(Image.open(io.BytesIO(content))), image)
