"""The color filter array: each pixel measures red, green or blue, and the others are interpolated.

Luma keeps the full sampling (in captures it is as sharp as that of the mono watch); color comes from a bilinear
demosaic of an RGGB mosaic whose parity counts from the frame's upper left pixel. Luma also has a leak by rows: even
rows measure red, odd rows blue, and part of their difference stays in luma (measured row alternation: −0.66 code
where red exceeds blue by 90, otherwise −0.1..−0.4).
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trainer_core.camera.stages import per_sample
from trainer_core.pixels import luma
from trainer_core.uploads import constant

_CORNERS = ((0.25, 0.5, 0.25), (0.5, 1.0, 0.5), (0.25, 0.5, 0.25))
_EDGES = ((0.0, 0.25, 0.0), (0.25, 1.0, 0.25), (0.0, 0.25, 0.0))


def mosaic_color(rgb: Tensor, odd_row: Tensor, odd_column: Tensor) -> Tensor:
    """Replace the color of linear RGB [B, 3, h, w] by that of a demosaiced RGGB reading; luma stays.

    Args:
        rgb: every channel at every pixel.
        odd_row: [B, 1, h, 1], 1 on odd frame rows, else 0.
        odd_column: [B, 1, 1, w], 1 on odd frame columns, else 0.
    """
    red = (1 - odd_row) * (1 - odd_column)
    blue = odd_row * odd_column
    sites = torch.cat((red, 1 - red - blue, blue), 1)
    kernels = constant(rgb.device, _make_kernels)
    demosaiced = F.conv2d(F.pad(rgb * sites, (1, 1, 1, 1), mode="reflect"), kernels, groups=3)
    return demosaiced + (luma(rgb) - luma(demosaiced))


def _make_kernels() -> np.ndarray:
    return np.array((_CORNERS, _EDGES, _CORNERS), np.float32)[:, None]


def leak_lines(rgb: Tensor, odd_row: Tensor, leak: Tensor) -> Tensor:
    """Add leak·(R − B)/2 to even rows and subtract it from odd rows, equally in all channels; leak is [B]."""
    difference = rgb[:, 0:1] - rgb[:, 2:3]
    return rgb + (0.5 - odd_row) * per_sample(leak) * difference
