"""Conversion between RGB and luma with color differences, as JFIF defines it (ITU-R BT.601, full range, 0..255).

Color differences are centered on 0 here; a JPEG file adds 128.
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainer_core.pixels import luma


def to_ycbcr(rgb: Tensor) -> tuple[Tensor, Tensor]:
    """Convert RGB [B, 3, h, w] to luma [B, 1, h, w] and (Cb, Cr) [B, 2, h, w]."""
    y = luma(rgb)
    differences = torch.cat(((rgb[:, 2:3] - y) / 1.772, (rgb[:, 0:1] - y) / 1.402), 1)
    return y, differences


def to_rgb(y: Tensor, differences: Tensor) -> Tensor:
    """Convert luma [B, 1, h, w] and (Cb, Cr) [B, 2, h, w] to RGB [B, 3, h, w]."""
    blue_difference, red_difference = differences[:, 0:1], differences[:, 1:2]
    green = y - 0.344136 * blue_difference - 0.714136 * red_difference
    return torch.cat((y + 1.402 * red_difference, green, y + 1.772 * blue_difference), 1)
