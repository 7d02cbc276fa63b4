"""What every camera offers to training: draw a sample's parameters, then photograph a batch of regions.

Two cameras are calibrated on real watches (`MonoCamera`, `ColorCamera`), one is the plain downscale of published
tables (`BicubicCamera`). Parameters are drawn on the CPU as a pure function of (seed, sample index); the picture is
made on the device of the view.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor

from trainer_core.camera.parameters import Params
from trainer_core.camera.view import FrameView


class Camera(ABC):
    """A watch camera for one scale.

    Attributes:
        name: what the camera is called in metadata ("wqv1", "wqv10", a profile's name, "bicubic").
        scale: HR pixels per LR pixel along each axis.
        frame_width: LR pixels.
        frame_height: LR pixels.
        region_multiple: LR pixels; regions start in the frame at multiples of it and have sizes that are multiples.
        margin: LR pixels that a region has beyond its patch on every side, because border effects reach that far;
            where in it the patch lies is the sampler's choice.
    """

    name: str
    scale: int
    frame_width: int
    frame_height: int
    region_multiple: int
    margin: int

    @abstractmethod
    def draw(self, seed: int, indices: Sequence[int]) -> Params:
        """Parameters of the samples `indices` of the run `seed`, on the CPU: a pure function of (seed, index)."""

    @abstractmethod
    def __call__(self, view: FrameView, params: Params, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Photograph the view: LR [B, 3, h, w] and target [B, 3, h*scale, w*scale], float32, 0..1.

        Args:
            view: regions that obey `region_multiple`.
            params: of the same B samples, on the view's device.
            generator: source of the per-pixel noise; the parameters fix everything else. It may live on the CPU
                while the view does not: then both devices see the same noise.

        Returns:
            LR as the viewer would feed it to the network (mono: k/15 on three equal channels; color: the decoded
            JPEG / 255), and the picture a perfect network should make of it, unquantized. Both may be broadcast
            views of fewer channels: clone before writing into them.
        """
