"""The degradation of a general-purpose trainer, to compare the watch cameras with: see `does_it_pay.py`.

Everything happens at HR size, as such trainers do it: style (gray, or color as
it is), Gaussian blur of half of the samples, Gaussian noise, a JPEG round trip with the encoder's own tables and full
chroma, then a resize with a random kernel. Mono LR and target are rounded to 16 levels. The target keeps the noise.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from trainer_core.camera import Camera, FrameView
from trainer_core.camera.bicubic import bicubic_downscale
from trainer_core.camera.parameters import Parameter, Params, draw_table
from trainer_core.camera.stages.quantizer import quantize
from trainer_core.pixels import luma

_RANGES = {"blur": (0.2, 1.2), "noise": (0.002, 0.01), "quality": (30.0, 85.0), "kernel": (0.0, 3.0)}
_CHANCES = {"blurred": 0.5}
_LEVELS = 16


def _parameter(unit: str, law: str, meaning: str) -> Tensor:
    value: Tensor = field(metadata={"parameter": Parameter(unit, 0.0, 100.0, law, meaning)})
    return value


@dataclass(frozen=True)
class PlainParams(Params):
    """The parameters of one sample each."""

    blur: Tensor = _parameter("HR px", "uniform", "Gaussian sigma")
    blurred: Tensor = _parameter("probability", "chance", "whether there is any blur")
    noise: Tensor = _parameter("1", "uniform", "standard deviation, of full scale")
    quality: Tensor = _parameter("1", "uniform", "of the JPEG encoder")
    kernel: Tensor = _parameter("1", "uniform", "below 1 area, below 2 bilinear, else bicubic")


class PlainCamera(Camera):
    """A degradation without any watch.

    Args:
        scale: HR pixels per LR pixel.
        mono: gray with 16 levels, frames of 120x120; otherwise color, 176x144.
    """

    name = "plain"
    region_multiple = 1
    margin = 3

    def __init__(self, scale: int, *, mono: bool) -> None:
        self.scale = scale
        self.frame_width, self.frame_height = (120, 120) if mono else (176, 144)
        self._mono = mono

    def draw_table(self, seed: int, indices: Sequence[int]) -> np.ndarray:
        """See `Camera.draw_table`."""
        return draw_table(PlainParams, _RANGES, _CHANCES, seed, indices)

    @torch.no_grad()
    def simulate(self, view: FrameView, values: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """See `Camera.simulate`."""
        params = PlainParams.from_columns(values)
        clean = luma(view.hr).expand(-1, 3, -1, -1) if self._mono else view.hr
        noise = torch.randn(clean[:, :1].shape, generator=generator, device=clean.device)
        noisy = _blur(clean, params.blur * params.blurred) + noise * params.noise.view(-1, 1, 1, 1)
        coded = torch.stack([_jpeg(image, int(q)) for image, q in zip(noisy, params.quality.tolist())])
        lr = torch.stack([self._reduce(image, int(k)) for image, k in zip(coded, params.kernel.tolist())])
        target = clean + noise * params.noise.view(-1, 1, 1, 1) if self._mono else clean
        levels = _LEVELS if self._mono else 256
        return quantize(lr, 1.0, levels), quantize(target, 1.0, levels) if self._mono else target

    def _reduce(self, image: Tensor, kernel: int) -> Tensor:
        size = (image.shape[-2] // self.scale, image.shape[-1] // self.scale)
        if kernel == 0:
            return F.interpolate(image[None], size, mode="area")[0]
        if kernel == 1:
            return F.interpolate(image[None], size, mode="bilinear", antialias=True)[0]
        return bicubic_downscale(image[None], self.scale)[0]


def _blur(image: Tensor, sigma: Tensor) -> Tensor:
    """Gaussian blur [B, 3, H, W] with a sigma for each sample, in pixels; 0 leaves a sample as it is."""
    taps = torch.arange(-4, 5, device=image.device)
    weights = torch.exp(-taps.square() / (2 * sigma.clamp_min(1e-3).square().view(-1, 1)))
    weights = (weights / weights.sum(1, keepdim=True)).repeat_interleave(3, 0)
    batch, channels, height, width = image.shape
    flat = F.pad(image, (4, 4, 4, 4), mode="reflect").reshape(1, batch * channels, height + 8, width + 8)
    flat = F.conv2d(flat, weights.view(-1, 1, 1, 9), groups=batch * channels)
    flat = F.conv2d(flat, weights.view(-1, 1, 9, 1), groups=batch * channels)
    return flat.view(batch, channels, height, width)


def _jpeg(image: Tensor, quality: int) -> Tensor:
    pixels = (image.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    decoded = np.asarray(Image.open(buffer), dtype=np.float32) / 255
    return torch.from_numpy(decoded).permute(2, 0, 1).to(image.device)
