"""The adversarial stage: a discriminator that learns to tell SR from HR, and the term that it adds to the loss.

`learner` owns an `Adversary` if `--gan-weight` is above 0, and updates it beside the generator. Both losses are
relativistic averages (Jolicoeur-Martineau 2018): ratings are compared with the mean rating of the other kind, within a
micro-batch.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from trainer_core.model.discriminator import Discriminator
from trainer_core.model.discriminator_spec import direction_shapes, parameter_shapes
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.adam import Adam
from trainer_core.training.checkpoint import copy_to_cpu
from trainer_core.training.moments import flatten, load_moments, unflatten


class Adversary:
    """The discriminator in training.

    Its learning rate and its betas are those of the generator; it has neither weight decay nor EMA weights.

    Args:
        config: settings of the run.
        hardware: device and precision.

    Attributes:
        features: channels of its first layer.
        network: the discriminator.
        optimizer: its optimizer, which `learner` steps.
        updates: number of its updates, with which the weight of the term rises.
    """

    def __init__(self, config: TrainerConfig, hardware: Hardware) -> None:
        self._config, self._autocast = config, hardware.autocast
        self.features = config.gan_features
        network = Discriminator(self.features, config.seed)
        self.network = network.to(hardware.torch_device).to(memory_format=hardware.memory_format)  # type: ignore[call-overload]
        self.optimizer = Adam(self.network.parameters(), lr=config.learning_rate, betas=config.betas, fused=True)
        self.updates = 0

    @property
    def weight(self) -> float:
        """Weight of the term in the next step, which rises linearly in the first `gan_ramp` updates."""
        return self._config.gan_weight * min(1.0, (self.updates + 1) / max(1, self._config.gan_ramp))

    def add_term(self, terms: dict[str, Tensor], sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Return the terms of the loss with that of the discriminator, `gan`, also in their `total`.

        Args:
            terms: the other terms.
            sr: float32 [B, 3, H, W] in 0..1.
            hr: likewise.
        """
        with self._frozen(), self._autocast():
            fake = self.network(sr)
            with torch.no_grad():
                real = self.network(hr)
        term = self.weight * relativistic_loss(fake.float(), real.float())
        return {**terms, "gan": term, "total": terms["total"] + term}

    def rate(self, sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        """Compute the `loss` of the discriminator, and its mean ratings `real` of HR and `fake` of SR, as scalars."""
        with self._autocast():
            real, fake = self.network(hr), self.network(sr)
        real, fake = real.float(), fake.float()
        return {"loss": relativistic_loss(real, fake), "real": real.mean(), "fake": fake.mean()}

    def end_step(self) -> None:
        """Prepare the next step after the optimizer's."""
        self.network.iterate()
        self.updates += 1

    # -- state ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """Return the field `discriminator` of a `TrainingState`, copied to the CPU."""
        return {
            "features": self.features,
            "updates": self.updates,
            "params": copy_to_cpu(dict(self.network.named_parameters())),
            "directions": copy_to_cpu(dict(self.network.named_buffers())),
            "optimizer": copy_to_cpu(self.optimizer.state_dict()),
        }

    @torch.no_grad()
    def load(self, state: Mapping[str, Any]) -> None:
        """Load what `state` returned for as many features."""
        for name, parameter in self.network.named_parameters():
            parameter.copy_(state["params"][name])
        for name, direction in self.network.named_buffers():
            direction.copy_(state["directions"][name])
        load_moments(self.optimizer, state["optimizer"])
        self.updates = state["updates"]

    def restart(self) -> None:
        """Return to the initial weights, with a new optimizer."""
        self.optimizer.zero_grad(set_to_none=True)
        self.optimizer.state.clear()
        initial = Discriminator(self.features, self._config.seed)
        self.network.load_state_dict(initial.state_dict())
        self.updates = 0

    # -- several processes ---------------------------------------------------------------------

    def flatten(self) -> Tensor:
        """Return all values of `state` but its counters as one float32 tensor [n] on the CPU."""
        state = self.state()
        directions = [direction.reshape(-1) for direction in state["directions"].values()]
        return torch.cat([*directions, flatten(state["params"], state["optimizer"])])

    def load_flat(self, flat: Tensor, updates: int) -> None:
        """Load what `flatten` returned in another process, after `updates` updates there."""
        shapes = direction_shapes(self.features)
        count = sum(shape[0] for shape in shapes.values())
        directions, _ = unflatten(flat[:count], shapes)
        params, moments = unflatten(flat[count:], parameter_shapes(self.features))
        optimizer = {"state": moments}
        self.load({"params": params, "directions": directions, "optimizer": optimizer, "updates": updates})

    @contextlib.contextmanager
    def _frozen(self) -> Iterator[None]:
        """Compute no gradients of the discriminator's weights."""
        self.network.requires_grad_(False)
        try:
            yield
        finally:
            self.network.requires_grad_(True)


def relativistic_loss(high: Tensor, low: Tensor) -> Tensor:
    """Compute the loss that is small where the ratings `high` exceed those of `low`, [B, 1, H, W] each, as a scalar."""
    return (F.softplus(low.mean() - high).mean() + F.softplus(low - high.mean()).mean()) / 2
