"""Fast access to the values of tensors on the CPU: whether all are finite, and their bytes."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def all_finite(tensor: Tensor) -> bool:
    """Whether every value is finite: fast if the sum is; a sum that overflowed is followed by a check of each value."""
    return bool(torch.isfinite(tensor.sum())) or bool(torch.isfinite(tensor).all())


def bytes_of(tensor: Tensor) -> np.ndarray:
    """Return the bytes of a tensor in row-major order, uint8 [n]; not a copy if it is contiguous."""
    flat = tensor.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy() if len(flat) else np.empty(0, np.uint8)
