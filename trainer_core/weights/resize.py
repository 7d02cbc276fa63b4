"""Conversion of an RRDB network to a wider, deeper or narrower one; wider and deeper ones keep the function exactly.

In a wider network the old outputs do not read the new channels (zero columns), so the values of these have no
effect. A dense block concatenates its input with the outputs of its convolutions, so with more features or growth
the old inputs move to other positions. An appended block is an identity: its last convolution has -5 on
the diagonal of the center tap, so that its last dense block gives y + 0.2 (-5 y) = 0, and the block x + 0.2 · 0 = x.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping

import torch
from torch import Tensor

from trainer_core.model.rrdb import RESIDUAL_SCALE
from trainer_core.model.spec import NetworkSpec

_DENSE = re.compile(r"body\.(\d+)\.rdb\d\.conv(\d)\.\w+")
SIZE_FIELDS = ("num_feat", "num_block", "num_grow_ch")


def common_spec(one: NetworkSpec, other: NetworkSpec) -> NetworkSpec:
    """Return the largest spec that fits into both; channels and scale are those of `one`."""
    return dataclasses.replace(one, **{name: min(getattr(one, name), getattr(other, name)) for name in SIZE_FIELDS})


def fits_into(small: NetworkSpec, big: NetworkSpec) -> bool:
    """Whether `embed` can make `big` compute exactly the same function as `small`."""
    rest = dataclasses.replace(small, **{name: getattr(big, name) for name in SIZE_FIELDS})
    return rest == big and common_spec(small, big) == small


@torch.no_grad()
def embed(
    state: Mapping[str, Tensor], small: NetworkSpec, big: NetworkSpec, base: Mapping[str, Tensor] | None = None
) -> dict[str, Tensor]:
    """Place the weights of `small` in the larger network `big`, which then computes the same.

    Args:
        state: weights of `small` by BasicSR name; some may be missing.
        small: dimensions of the network in `state`.
        big: dimensions of the result.
        base: weights of `big` for the new channels and blocks, which can be trained, and for parameters that `state`
            lacks; zeros by default.
    """
    shapes = small.shapes()
    result = {}
    for name, shape in big.shapes().items():
        old = torch.zeros(shape) if base is None else base[name].detach().clone()
        if name in shapes:
            result[name] = _place_values(state[name], old, name, small, big) if name in state else old
        else:
            result[name] = _neutralize(old, name)
    return result


@torch.no_grad()
def extract(state: Mapping[str, Tensor], big: NetworkSpec, small: NetworkSpec) -> dict[str, Tensor]:
    """Return the weights of `small` inside `big`: the reverse of `embed`."""
    result = {}
    for name, shape in small.shapes().items():
        if name not in state:
            continue
        rows = state[name][: shape[0]]
        if len(shape) == 4:
            rows = rows[:, _find_input_positions(name, shape[1], small, big)]
        result[name] = rows.clone()
    return result


def _place_values(values: Tensor, target: Tensor, name: str, small: NetworkSpec, big: NetworkSpec) -> Tensor:
    target[: len(values)] = 0.0
    if values.dim() == 4:
        columns = _find_input_positions(name, values.shape[1], small, big)
        target[: len(values), columns] = values.to(target)
    else:
        target[: len(values)] = values.to(target)
    return target


def _find_input_positions(name: str, inputs: int, small: NetworkSpec, big: NetworkSpec) -> Tensor:
    """Return the positions of the inputs of a convolution of `small` among those of `big`."""
    dense = _DENSE.fullmatch(name)
    if not dense:
        return torch.arange(inputs)
    added, starts = torch.arange(small.num_grow_ch), range(big.num_feat, 1 << 20, big.num_grow_ch)
    return torch.cat([torch.arange(small.num_feat), *(added + starts[k] for k in range(int(dense.group(2)) - 1))])


def _neutralize(values: Tensor, name: str) -> Tensor:
    """Change a parameter of an appended block in place so that the block is an identity."""
    if ".rdb3.conv5." in name:
        values.zero_()
        if name.endswith("weight"):
            diagonal = torch.arange(len(values))
            values[diagonal, diagonal, 1, 1] = -1.0 / RESIDUAL_SCALE
    return values
