"""First weights: a function of the seed, near interpolation."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

import torch.nn.functional as F

from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec


@pytest.mark.parametrize("scale", [2, 4, 8])
def test_an_untrained_network_interpolates_smoothly(scale: int) -> None:
    network = RRDBNet(NetworkSpec(scale, 16, 2, 8))
    initialize(network, seed=1)
    coarse = torch.rand(1, 3, 5, 5, generator=torch.Generator().manual_seed(2))
    lr = F.interpolate(coarse, size=(24, 24), mode="bilinear")
    with torch.no_grad():
        sr = network(lr)
    smooth = F.interpolate(lr, scale_factor=scale, mode="bilinear")
    inner = slice(3 * scale, -3 * scale)
    error = (sr - smooth)[..., inner, inner].abs().mean()
    assert float(error) < 0.05, "the network should start as an interpolator"


def test_the_start_depends_on_the_seed_alone() -> None:
    networks = [RRDBNet(NetworkSpec(4, 8, 1, 4)) for _ in range(3)]
    for network, seed in zip(networks, (1, 1, 2)):
        initialize(network, seed)
    first, same, other = (n.state_dict()["body.0.rdb1.conv1.weight"] for n in networks)
    assert torch.equal(first, same) and not torch.equal(first, other)
