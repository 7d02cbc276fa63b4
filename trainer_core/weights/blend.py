"""Blending of two models of the same dimensions: `blend_states` mixes their weights."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from trainer_core.errors import UserError
from trainer_core.model.spec import NetworkSpec


def check_same_dimensions(name: str, spec: NetworkSpec, other: str, other_spec: NetworkSpec) -> None:
    """Refuse two models that cannot be blended.

    Raises:
        UserError: the networks have different dimensions.
    """
    if spec != other_spec:
        raise UserError(
            f"Only networks of the same dimensions can be blended: {name} is {spec.describe()}, "
            f"{other} is {other_spec.describe()}. Choose two models of one run, or of runs with the same network."
        )


def blend_states(state: Mapping[str, Tensor], other: Mapping[str, Tensor], share: float) -> dict[str, Tensor]:
    """Return (1 - share) * `state` + share * `other`, by parameter name."""
    return {name: torch.lerp(values, other[name].to(values), share) for name, values in state.items()}
