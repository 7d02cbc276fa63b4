"""The exponential moving average of the weights: what is validated and exported."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Ema:
    """Averaged copies of a network's parameters.

    The decay warms up, min(decay, (1 + t) / (10 + t)) at update t, so that the average follows the first
    steps instead of the initial weights.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._names = [name for name, _ in network.named_parameters()]
        self._parameters = list(network.parameters())
        self._average = [p.detach().clone() for p in self._parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Move the average towards the present weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._average, [p.detach() for p in self._parameters], 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """The averaged weights by name (not copies)."""
        return dict(zip(self._names, self._average))

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor], updates: int) -> None:
        """Continue from stored averages."""
        for name, average in zip(self._names, self._average):
            average.copy_(state[name])
        self.updates = updates
