"""The stages of the watch, one concern a file; `mono` and `color` put them in order.

Every stage is a function of batched images and of per-sample parameters ([B] tensors) and keeps to broadcasting, so
that it runs alike on CPU and CUDA. Places in the frame are given in LR pixels from its upper left corner.
"""

from __future__ import annotations

from torch import Tensor


def per_sample(values: Tensor) -> Tensor:
    """[B] -> [B, 1, 1, 1]; [B, C] -> [B, C, 1, 1]: ready to meet an image."""
    channels = 1 if values.dim() == 1 else values.shape[1]
    return values.reshape(-1, channels, 1, 1)
