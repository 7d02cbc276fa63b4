"""Fast checks of the values of tensors on the CPU: whether all are finite, and whether two tensors have equal bits."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor


def all_finite(tensor: Tensor) -> bool:
    """Whether every value is finite: fast if the sum is; a sum that overflowed is followed by a check of each value."""
    return bool(torch.isfinite(tensor.sum())) or bool(torch.isfinite(tensor).all())


def has_equal_bits(one: Tensor, two: Tensor) -> bool:
    """Whether two tensors have the same data type, shape and bits."""
    return one.dtype == two.dtype and one.shape == two.shape and np.array_equal(_words(one), _words(two))


def bytes_of(tensor: Tensor) -> np.ndarray:
    """Return the bytes of a tensor in row-major order, uint8 [n]; not a copy if it is contiguous."""
    flat = tensor.detach().contiguous().reshape(-1)
    return flat.view(torch.uint8).numpy() if len(flat) else np.empty(0, np.uint8)


def _words(tensor: Tensor) -> np.ndarray:
    """Return the bytes as words of 4 bytes, which are compared twice as fast, where their number allows it."""
    content = bytes_of(tensor)
    return content.view(np.int32) if len(content) % 4 == 0 else content
