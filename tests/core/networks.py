"""Small networks whose every parameter matters, for the tests of weight files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec


def network_of(spec: NetworkSpec, seed: int = 1) -> RRDBNet:
    """A network ready to run: initialized as for a training, then disturbed everywhere."""
    network = RRDBNet(spec).eval().requires_grad_(False)
    initialize(network, seed)
    generator = torch.Generator().manual_seed(seed)
    for parameter in network.parameters():
        parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))
    return network


def saved(network: RRDBNet, path: Path, **more: Any) -> Path:
    """`network` in a file, bare of metadata."""
    torch.save({"params": network.state_dict(), **more}, path)
    return path


def noise(channels: int = 3, height: int = 16, width: int = 16, seed: int = 5) -> Tensor:
    """An LR picture [1, channels, height, width] in 0..1."""
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(seed))


def distance(one: Tensor, two: Tensor) -> float:
    """The largest difference."""
    assert one.shape == two.shape
    return float((one - two).abs().max())
