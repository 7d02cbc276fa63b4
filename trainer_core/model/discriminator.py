"""The discriminator of the adversarial stage: a U-Net that rates each pixel of an image as real or made.

Architecture: Wang et al. 2021, "Real-ESRGAN" (U-Net with skip connections), with spectral normalization of the inner
convolutions (Miyato et al. 2018), so that no rating changes faster than the image does. The generator is in `rrdb`;
`training.adversary` trains both against each other.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from trainer_core.model.discriminator_spec import list_layers
from trainer_core.randomness import Stream, make_torch_generator

LEAKY_SLOPE = 0.2
_FIRST_ITERATIONS = 16  # of the search for the largest singular value
_LEAST_NORM = 1e-12


class NormalizedConv(nn.Module):
    """Convolution whose weight is divided by an estimate of its largest singular value.

    The estimate improves with each `iterate` only, not with each pass: all micro-batches of a step, whichever process
    computes them, use the same weight.

    Attributes:
        direction: the estimated singular vector, of unit length.
    """

    direction: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, kernel, kernel))
        self.register_buffer("direction", torch.empty(outputs))
        self._stride, self._padding = (2, 1) if kernel == 4 else (1, kernel // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve [B, inputs, H, W]; a kernel of 4 halves the sides."""
        weight = self.weight / self._project().norm().clamp_min(_LEAST_NORM)
        return F.conv2d(x, weight, stride=self._stride, padding=self._padding)

    def _project(self) -> Tensor:
        """Return the weight as a matrix, transposed, times the direction; in float32 also under autocast."""
        return (self.weight.flatten(1) * self.direction.unsqueeze(1)).sum(dim=0)

    @torch.no_grad()
    def iterate(self) -> None:
        """Do one step of the power iteration."""
        right = F.normalize(self._project(), dim=0, eps=_LEAST_NORM)
        self.direction.copy_(F.normalize((self.weight.flatten(1) * right).sum(dim=1), dim=0, eps=_LEAST_NORM))


class Discriminator(nn.Module):
    """U-Net from an image to one rating per pixel.

    Args:
        features: channels at full resolution.
        seed: of the initial weights.
    """

    def __init__(self, features: int, seed: int) -> None:
        super().__init__()
        for layer in list_layers(features):
            conv: nn.Module
            if layer.is_normalized:
                conv = NormalizedConv(layer.inputs, layer.outputs, layer.kernel)
            else:
                conv = nn.Conv2d(layer.inputs, layer.outputs, layer.kernel, padding=1)
            self.add_module(layer.name, conv)
        self.initialize(seed)

    @torch.no_grad()
    def initialize(self, seed: int) -> None:
        """Set every weight; the network must be on the CPU. The same seed and features give the same weights."""
        generator = make_torch_generator(seed, Stream.DISCRIMINATOR, 0)
        for module in self.children():
            assert isinstance(module, (nn.Conv2d, NormalizedConv))
            nn.init.kaiming_normal_(module.weight, a=LEAKY_SLOPE, generator=generator)
            if isinstance(module, NormalizedConv):
                values = torch.randn(module.direction.shape, generator=generator)
                module.direction.copy_(F.normalize(values, dim=0))
            elif module.bias is not None:
                nn.init.zeros_(module.bias)
        for _ in range(_FIRST_ITERATIONS):
            self.iterate()

    def forward(self, image: Tensor) -> Tensor:
        """Rate an image [B, 3, H, W] -> [B, 1, H, W], higher where it looks real; H and W are multiples of 8."""
        full = self._apply_layer("first", image)
        half = self._apply_layer("down1", full)
        quarter = self._apply_layer("down2", half)
        eighth = self._apply_layer("down3", quarter)
        quarter = self._apply_layer("up1", _double(eighth)) + quarter
        half = self._apply_layer("up2", _double(quarter)) + half
        full = self._apply_layer("up3", _double(half)) + full
        full = self._apply_layer("refine2", self._apply_layer("refine1", full))
        rating: Tensor = self.get_submodule("last")(full)
        return rating

    def _apply_layer(self, name: str, x: Tensor) -> Tensor:
        return F.leaky_relu(self.get_submodule(name)(x), LEAKY_SLOPE, inplace=True)

    def iterate(self) -> None:
        """Improve the estimates of all normalized convolutions once."""
        for module in self._normalized():
            module.iterate()

    def _normalized(self) -> Iterator[NormalizedConv]:
        return (module for module in self.children() if isinstance(module, NormalizedConv))


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
