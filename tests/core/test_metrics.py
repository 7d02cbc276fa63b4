"""PSNR and SSIM against values computed by hand."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from trainer_core.training.metrics import psnr, ssim


def test_psnr_and_ssim_of_known_pictures() -> None:
    reference = torch.full((1, 3, 32, 32), 0.5)
    assert float(psnr(reference + 0.1, reference)) == pytest.approx(20.0, abs=1e-4)
    noise = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    assert float(ssim(noise, noise)) == pytest.approx(1.0)
    assert float(ssim(noise, noise.flip(-1))) < 0.3
    # a shift of means only: (2 a b + C1) / (a^2 + b^2 + C1), Wang et al. 2004, eq. 6
    flat = (2 * 0.5 * 0.6 + 1e-4) / (0.25 + 0.36 + 1e-4)
    assert float(ssim(reference + 0.1, reference)) == pytest.approx(flat, abs=1e-4)
