"""The stages of the cameras, one per file; `mono` and `color` call them in order.

Each stage is a function of batched images and per-sample parameters ([B] tensors) that works by broadcasting, so that
the same code runs on CPU and CUDA. Positions in the frame are in LR pixels from its upper left corner.
"""

from __future__ import annotations

from torch import Tensor


def per_sample(values: Tensor) -> Tensor:
    """Reshape [B] to [B, 1, 1, 1] or [B, C] to [B, C, 1, 1], to broadcast with images."""
    channels = 1 if values.dim() == 1 else values.shape[1]
    return values.reshape(-1, channels, 1, 1)
