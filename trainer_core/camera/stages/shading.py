"""Lens shading: light falls off toward the corners by 1 − v·r², around a center that may differ from the middle.

r is 1 at a frame corner if the center is the middle. Measured: corners 10-30 % darker after the tone curve (mono);
129-142 against 193 in the center (color, one wall), where red and blue fall off less than green.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from trainer_core.camera.stages import per_sample
from trainer_core.camera.view import FrameView


class RadialField:
    """r² of a batch of frames, evaluated on regions.

    Args:
        view: the regions and their frames.
        centre_x: [B], half frame widths to the right of the middle.
        centre_y: [B], half frame heights below the middle.
    """

    def __init__(self, view: FrameView, centre_x: Tensor, centre_y: Tensor) -> None:
        self._view = view
        half_width, half_height = view.frame_width / 2, view.frame_height / 2
        self._diagonal = math.hypot(half_width, half_height)
        self._x = (half_width * (1 + centre_x)).unsqueeze(1)
        self._y = (half_height * (1 + centre_y)).unsqueeze(1)

    def evaluate_on_region(self, height: int, width: int, scale: int) -> Tensor:
        """Compute r² [B, 1, height, width] at the region's pixels, `scale` per LR pixel along each axis."""
        x = self._view.left.unsqueeze(1) + self._pixel_centers(width, 1 / scale)
        y = self._view.top.unsqueeze(1) + self._pixel_centers(height, 1 / scale)
        return self._radius_squared(x, y)

    def _pixel_centers(self, count: int, pitch: float) -> Tensor:
        return (torch.arange(count, device=self._x.device) + 0.5) * pitch

    def _radius_squared(self, x: Tensor, y: Tensor) -> Tensor:
        across = ((x - self._x) / self._diagonal).square()
        down = ((y - self._y) / self._diagonal).square()
        return (down.unsqueeze(2) + across.unsqueeze(1)).unsqueeze(1)


def falloff(radius_squared: Tensor, vignette: Tensor) -> Tensor:
    """Compute the share of light that remains, 0..1, for r² [B, 1, H, W] and the loss in a corner [B]."""
    return (radius_squared * -per_sample(vignette)).add_(1).clamp_min_(0)


def color_falloff(radius_squared: Tensor, vignette: Tensor, red: Tensor, blue: Tensor) -> Tensor:
    """Compute `falloff` by channel [B, 3, H, W]; red and blue are multiplied by (1 + red·r²) and (1 + blue·r²)."""
    gain = per_sample(torch.stack((red, torch.zeros_like(red), blue), 1))
    return (gain * radius_squared).add_(1).mul_(falloff(radius_squared, vignette))
