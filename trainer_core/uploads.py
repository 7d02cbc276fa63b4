"""Copies to the device of a run that do not wait for it.

A copy to a CUDA device is asynchronous only from pinned memory; `torch.tensor(values, device=...)` always waits for all
work of the GPU. So values that change come through `upload`, and those that never change through `constant`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def upload(array: np.ndarray, device: torch.device | None = None) -> Tensor:
    """Return the array as a tensor of the same type on `device` (default: the CPU, where it may share memory)."""
    import torch

    tensor = torch.from_numpy(np.require(array, requirements=("C", "W")))
    if device is None or device.type == "cpu":
        return tensor
    if device.type == "cuda":
        return tensor.pin_memory().to(device, non_blocking=True)
    return tensor.to(device)


@lru_cache(maxsize=32)
def constant(device: torch.device, make: Callable[..., np.ndarray], *arguments: Any) -> Tensor:
    """Return the array `make(*arguments)` on `device`, made and copied only once; do not write into it."""
    return upload(make(*arguments), device)
