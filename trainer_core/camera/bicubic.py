"""The degradation of published tables: an antialiased bicubic downscale as in MATLAB, without a watch camera.

Source: Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = −1/2, stretched by the
scale so that it also filters, weights normalized, borders mirrored, as MATLAB's `imresize` does. LR is rounded to
8 bit; the target is the HR itself.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from trainer_core.camera.interface import Camera
from trainer_core.camera.stages.quantizer import quantize
from trainer_core.camera.view import FrameView
from trainer_core.pixels import luma
from trainer_core.uploads import constant
from trainer_core.watches import WQV1


class BicubicCamera(Camera):
    """A bicubic downscale of the HR.

    Args:
        scale: HR pixels per LR pixel.
        frame_width: LR pixels.
        frame_height: LR pixels.
        monochrome: whether to convert the HR to luma (ITU-R BT.601, as `rgb2gray` does) in three equal channels first.
    """

    name = "bicubic"
    region_multiple = 1
    margin = 3

    def __init__(
        self,
        scale: int,
        *,
        frame_width: int = WQV1.frame_width,
        frame_height: int = WQV1.frame_height,
        monochrome: bool = False,
    ) -> None:
        self.scale = scale
        self.frame_width = frame_width
        self.frame_height = frame_height
        self._monochrome = monochrome

    def draw_table(self, seed: int, indices: Sequence[int]) -> np.ndarray:
        """Return a table without columns: this camera has no parameters; see `Camera.draw_table`."""
        return np.zeros((len(indices), 0), np.float32)

    @torch.no_grad()
    def simulate(self, view: FrameView, values: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Camera.simulate`; values and generator are not used."""
        target = luma(view.hr).expand(-1, 3, -1, -1) if self._monochrome else view.hr
        return quantize(bicubic_downscale(target, self.scale), 1.0, 256), target


def bicubic_downscale(image: Tensor, scale: int) -> Tensor:
    """Downscale [B, C, h*scale, w*scale] to [B, C, h, w], not rounded."""
    down, across = (constant(image.device, _make_matrix, length, scale) for length in image.shape[-2:])
    return down @ image @ across.T


def _make_matrix(length: int, scale: int) -> np.ndarray:
    return bicubic_matrix(length, scale).float().numpy()


def bicubic_matrix(length: int, scale: int) -> Tensor:
    """Return the weights [length // scale, length], float64 on the CPU; rows sum to 1."""
    outputs = length // scale
    centers = (torch.arange(outputs, dtype=torch.float64).unsqueeze(1) + 0.5) * scale - 0.5
    taps = torch.arange(-2 * scale, 2 * scale + 1)
    places = centers.floor().long() + taps
    weights = _cubic_kernel((places - centers) / scale)
    mirrored = torch.where(places < 0, -1 - places, places)
    mirrored = torch.where(mirrored >= length, 2 * length - 1 - mirrored, mirrored).clamp(0, length - 1)
    matrix = torch.zeros(outputs, length, dtype=torch.float64).scatter_add_(1, mirrored, weights)
    return matrix / weights.sum(1, keepdim=True)


def _cubic_kernel(x: Tensor) -> Tensor:
    x = x.abs()
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return torch.where(x <= 1, near, torch.where(x < 2, far, torch.zeros_like(x)))
