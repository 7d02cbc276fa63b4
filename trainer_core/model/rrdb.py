"""RRDBNet, the generator of ESRGAN, with BasicSR's parameter names so that its files load everywhere.

Source: Wang et al., "ESRGAN: Enhanced Super-Resolution Generative Adversarial Networks", 2018; docs/formats.md gives
the layout of the files. x8 adds a third up-convolution, `conv_up3`. `RRDBNet(spec)` builds the network of a `spec`.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from trainer_core.model.spec import NetworkSpec

RESIDUAL_SCALE = 0.2
LEAKY_SLOPE = 0.2


def _conv(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, kernel_size=3, padding=1)


def _activate(x: Tensor) -> Tensor:
    return F.leaky_relu(x, LEAKY_SLOPE, inplace=True)


class DenseBlock(nn.Module):
    """Five convolutions, each of the input and all earlier outputs; a fifth of the last is added to the input."""

    def __init__(self, feat: int, grow: int) -> None:
        super().__init__()
        self.conv1 = _conv(feat, grow)
        self.conv2 = _conv(feat + grow, grow)
        self.conv3 = _conv(feat + 2 * grow, grow)
        self.conv4 = _conv(feat + 3 * grow, grow)
        self.conv5 = _conv(feat + 4 * grow, feat)

    def forward(self, x: Tensor) -> Tensor:
        """Map features [B, feat, h, w] to features of the same shape."""
        grown = x
        for conv in (self.conv1, self.conv2, self.conv3, self.conv4):
            grown = torch.cat((grown, _activate(conv(grown))), 1)
        residual: Tensor = self.conv5(grown)
        return residual * RESIDUAL_SCALE + x


class RRDB(nn.Module):
    """Three dense blocks in sequence; a fifth of their output is added to their input."""

    def __init__(self, feat: int, grow: int) -> None:
        super().__init__()
        self.rdb1 = DenseBlock(feat, grow)
        self.rdb2 = DenseBlock(feat, grow)
        self.rdb3 = DenseBlock(feat, grow)

    def forward(self, x: Tensor) -> Tensor:
        """Map features [B, feat, h, w] to features of the same shape."""
        residual: Tensor = self.rdb3(self.rdb2(self.rdb1(x)))
        return residual * RESIDUAL_SCALE + x


class RRDBNet(nn.Module):
    """The generator.

    The sides of its input must be multiples of 2 for x2 and of 4 for x1, as the watch's 120x120 and 176x144 are.

    Attributes:
        recomputes_blocks: whether training keeps only the input of each block for the backward pass, which then
            computes the rest again, with equal bits: far less memory, and about a quarter more time.
    """

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        self.spec = spec
        self.recomputes_blocks = False
        feat, grow = spec.num_feat, spec.num_grow_ch
        self.conv_first = _conv(spec.num_in_ch * spec.unshuffle_factor**2, feat)
        self.body = nn.Sequential(*(RRDB(feat, grow) for _ in range(spec.num_block)))
        self.conv_body = _conv(feat, feat)
        self._ups = [f"conv_up{k + 1}" for k in range(spec.up_convolutions)]
        for name in self._ups:
            self.add_module(name, _conv(feat, feat))
        self.conv_hr = _conv(feat, feat)
        self.conv_last = _conv(feat, spec.num_out_ch)

    def forward(self, x: Tensor) -> Tensor:
        """Map LR [B, in, h, w] in 0..1 to SR [B, out, h*scale, w*scale], not clamped."""
        if self.spec.unshuffle_factor > 1:
            x = F.pixel_unshuffle(x, self.spec.unshuffle_factor)
        features = self.conv_first(x)
        features = features + self.conv_body(self._pass_through_blocks(features))
        for name in self._ups:
            features = _activate(getattr(self, name)(F.interpolate(features, scale_factor=2, mode="nearest")))
        sr: Tensor = self.conv_last(_activate(self.conv_hr(features)))
        return sr

    def _pass_through_blocks(self, features: Tensor) -> Tensor:
        if not (self.recomputes_blocks and torch.is_grad_enabled()):
            return self.body(features)  # type: ignore[no-any-return]
        for block in self.body:
            features = checkpoint(block, features, use_reentrant=False, preserve_rng_state=False)
        return features
