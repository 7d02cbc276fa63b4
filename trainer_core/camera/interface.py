"""The interface of all cameras: `draw` returns the parameters of samples, a call simulates a batch of regions.

Two cameras are calibrated on real watches (`MonoCamera`, `ColorCamera`), one is the bicubic downscale of published
tables (`BicubicCamera`). Parameters are drawn on the CPU as a pure function of (seed, sample index); the simulation
runs on the device of the view.
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
        name: name of the camera in metadata ("wqv1", "wqv10", the name of a profile, "bicubic").
        scale: HR pixels per LR pixel along each axis.
        frame_width: LR pixels.
        frame_height: LR pixels.
        region_multiple: LR pixels; the positions of regions in the frame and their sizes are multiples of it.
        margin: LR pixels by which a region exceeds its patch on each side, because border effects reach that far.
    """

    name: str
    scale: int
    frame_width: int
    frame_height: int
    region_multiple: int
    margin: int

    @abstractmethod
    def draw(self, seed: int, indices: Sequence[int]) -> Params:
        """Draw the parameters of the samples `indices` of the run `seed`, on the CPU: a pure function of both."""

    @abstractmethod
    def __call__(self, view: FrameView, params: Params, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Simulate the view: LR [B, 3, h, w] and target [B, 3, h*scale, w*scale], float32, 0..1.

        Args:
            view: regions that obey `region_multiple`.
            params: parameters of the same B samples, on the view's device.
            generator: source of the per-pixel noise; the parameters determine everything else. With a generator on the
                CPU, the noise is the same for views on every device.

        Returns:
            LR as the viewer gives it to a network (mono: k/15 in three equal channels; color: the decoded JPEG / 255),
            and the target, the output of a perfect network, unquantized. Both may be broadcast views of fewer channels:
            clone before writing into them.
        """
