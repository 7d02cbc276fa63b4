"""The exponential moving average (EMA) of the weights, which is validated and exported."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


class Ema:
    """EMA weights of a network.

    The decay at update t is min(decay, (1 + t) / (10 + t)), so that the EMA weights follow the first steps instead of
    staying near the initial weights.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._names = [name for name, _ in network.named_parameters()]
        self._parameters = list(network.parameters())
        self._ema_weights = [p.detach().clone() for p in self._parameters]

    @torch.no_grad()
    def update(self) -> None:
        """Move the EMA weights toward the current weights."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        torch._foreach_lerp_(self._ema_weights, [p.detach() for p in self._parameters], 1 - decay)

    def state(self) -> dict[str, Tensor]:
        """Return the EMA weights by name; not copies."""
        return dict(zip(self._names, self._ema_weights))

    @torch.no_grad()
    def load(self, state: Mapping[str, Tensor], updates: int) -> None:
        """Load stored EMA weights and the number of their updates."""
        for name, weight in zip(self._names, self._ema_weights):
            weight.copy_(state[name])
        self.updates = updates
