"""The output converter: rounding and clipping.

Apart from the fixed 2x2 pattern, captures show no dithering, and no missing or doubled levels.
"""

from __future__ import annotations

from torch import Tensor


def quantize(image: Tensor, white: float, levels: int) -> Tensor:
    """Round codes 0..white to the nearest of `levels` evenly spaced values, returned as 0..1."""
    steps = levels - 1
    return (image * (steps / white)).round_().clamp_(0, steps) / steps
