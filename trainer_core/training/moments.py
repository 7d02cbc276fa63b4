"""The moments of Adam: loaded from a checkpoint, and passed to other processes with their weights in one tensor.

A checksum tells whether processes have the same weights.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
Moments = dict[int, dict[str, Tensor]]
"""Number of a parameter -> its moments."""


def load_moments(optimizer: torch.optim.Optimizer, stored: Mapping[str, Any]) -> None:
    """Load the moments and the latest learning rate of a stored state; betas and weight decay stay as configured."""
    configured = optimizer.state_dict()["param_groups"]
    saved = stored.get("param_groups")
    if isinstance(saved, list) and saved and isinstance(saved[0], dict) and type(saved[0].get("lr")) is float:
        configured[0]["lr"] = saved[0]["lr"]  # each step sets its own; a state saved before one has the same bits
    optimizer.load_state_dict({"state": stored["state"], "param_groups": configured})
    for parameter, moments in optimizer.state.items():
        for name in ("exp_avg", "exp_avg_sq"):
            # the fused update walks through memory: moments must have the memory layout of their weights
            moments[name] = torch.empty_like(parameter).copy_(moments[name])


def clear_moments(optimizer: torch.optim.Optimizer, parameters: Iterable[Tensor]) -> None:
    """Set the moments of these weights to those of a new optimizer."""
    for parameter in parameters:
        moments = optimizer.state[parameter]
        moments.update({name: torch.zeros_like(values) for name, values in moments.items()})


def flatten(params: Mapping[str, Tensor], optimizer: Mapping[str, Any]) -> Tensor:
    """Return weights and moments as one float32 tensor [n] on the CPU, without moments before the first step."""
    moments = optimizer["state"]
    listed = [moments[number][name] for number in sorted(moments) for name in MOMENTS]
    return torch.cat([tensor.reshape(-1).float() for tensor in (*params.values(), *listed)])


def unflatten(flat: Tensor, shapes: Mapping[str, Sequence[int]]) -> tuple[dict[str, Tensor], Moments]:
    """Return the weights of these shapes and the moments from what `flatten` returned; no moments if it has none."""
    sizes = [torch.Size(shape).numel() for shape in shapes.values()]
    has_moments = len(flat) > sum(sizes)
    parts = iter(torch.split(flat, sizes + [part for size in sizes for part in (1, size, size)] * has_moments))
    params = {name: next(parts).view(tuple(shape)) for name, shape in shapes.items()}
    moments = {
        number: {"step": next(parts)[0], **{name: next(parts).view(tuple(shape)) for name in MOMENTS[1:]}}
        for number, shape in enumerate(shapes.values() if has_moments else ())
    }
    return params, moments


def compute_checksum(tensors: Iterable[Tensor]) -> int:
    """Return a number below 2**62 that depends on each bit of float32 tensors, not on their memory layout."""
    sums = [tensor.detach().view(torch.int32).long().square().sum() for tensor in tensors]
    return int(torch.stack(sums).sum()) % 2**62
