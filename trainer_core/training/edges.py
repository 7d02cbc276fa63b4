"""Images whose edges continue for a network that has not learned where an image ends.

Convolutions see black beyond the edge of an image. A network learns to allow for that within its first 50 steps,
because the edges of its patches are the same; the first one of a run draws a dark rim of four pixels, 40 to 60 of 255
levels darker (`evaluation` shows its previews without it).
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

_MARGIN = 4  # LR pixels; a multiple of every factor of pixel-unshuffle


class EdgeExtender(nn.Module):
    """A network that sees the pixels at the edges repeated beyond them, and whose output ends at the edges again.

    Args:
        network: the network, [B, C, h, w] -> [B, C, h*scale, w*scale].
        scale: its scale.
    """

    def __init__(self, network: nn.Module, scale: int) -> None:
        super().__init__()
        self._network, self._margin = network, _MARGIN * scale

    def forward(self, lr: Tensor) -> Tensor:
        """Run the network on the extended image, [B, C, h, w] -> [B, C, h*scale, w*scale]."""
        sr: Tensor = self._network(F.pad(lr, [_MARGIN] * 4, mode="replicate"))
        return sr[..., self._margin : -self._margin, self._margin : -self._margin]
