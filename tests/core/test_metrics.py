"""PSNR and SSIM against values computed by hand."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

from trainer_core.training.metrics import grain, psnr, spectrum_distance, ssim


def test_psnr_and_ssim_of_known_pictures() -> None:
    reference = torch.full((1, 3, 32, 32), 0.5)
    assert float(psnr(reference + 0.1, reference)) == pytest.approx(20.0, abs=1e-4)
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert float(ssim(noise, noise)) == pytest.approx(1.0)
    assert float(ssim(noise, noise.flip(-1))) < 0.3
    # a shift of means only: (2 a b + C1) / (a^2 + b^2 + C1), Wang et al. 2004, eq. 6
    flat = (2 * 0.5 * 0.6 + 1e-4) / (0.25 + 0.36 + 1e-4)
    assert float(ssim(reference + 0.1, reference)) == pytest.approx(flat, abs=1e-4)


def noise(sigma: float, side: int = 160, seed: int = 1) -> Tensor:
    values: Tensor = torch.randn(1, 1, side, side, generator=torch.Generator().manual_seed(seed))
    return 0.5 + sigma * values.expand(-1, 3, -1, -1)


def test_the_spectrum_distance_of_noise_is_the_difference_of_its_power_in_db() -> None:
    assert float(spectrum_distance(noise(0.1), noise(0.1))) == 0.0
    assert float(spectrum_distance(noise(0.05), noise(0.1))) == pytest.approx(6.02, abs=0.15)
    assert float(spectrum_distance(noise(0.1), noise(0.05))) == pytest.approx(6.02, abs=0.15)
    assert float(spectrum_distance(noise(0.1, seed=2), noise(0.1))) < 1.0, "the place of details does not count"


def test_the_spectrum_distance_counts_blur_and_grain() -> None:
    target = noise(0.1)
    blurred = torch.nn.functional.avg_pool2d(target, 3, 1, 1)
    grainy = target + 0.1 * torch.randn(1, 1, 160, 160, generator=torch.Generator().manual_seed(9))
    assert float(spectrum_distance(blurred, target)) > 3.0
    assert float(spectrum_distance(grainy, target)) == pytest.approx(3.01, abs=0.2)


def test_the_spectrum_distance_of_images_without_detail_is_small_and_defined_for_each_image() -> None:
    flat = torch.full((1, 3, 80, 96), 0.5)
    assert float(spectrum_distance(flat, flat + 0.2 / 255)) < 0.1
    pair = torch.cat([noise(0.1), noise(0.05)])
    both = spectrum_distance(pair, torch.cat([noise(0.1), noise(0.1)]))
    assert both.shape == (2,) and float(both[0]) == 0.0 and float(both[1]) > 5


def test_grain_is_the_noise_of_the_places_where_the_target_is_quiet() -> None:
    target = torch.full((1, 3, 80, 80), 0.5)
    target[..., 40:, :] = noise(0.2, 80)[..., 40:, :]  # a restless half
    quiet, loud = target.clone(), target.clone()
    loud[..., :40, :] += 4 / 255 * (noise(1.0, 80, seed=3) - 0.5)[..., :40, :]
    quiet[..., 40:, :] = 0.5
    assert float(grain(target, target)) < 0.1 and float(grain(quiet, target)) < 0.1
    assert float(grain(loud, target)) == pytest.approx(4.0, rel=0.1)
    assert grain(torch.cat([loud, target]), torch.cat([target, target])).shape == (2,)
