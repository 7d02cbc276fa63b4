"""The interface of all cameras: values of samples are prepared on the CPU, a batch of regions is simulated on a device.

Two cameras are calibrated on real watches (`MonoCamera`, `ColorCamera`), one is the bicubic downscale of published
tables (`BicubicCamera`). `prepare` draws the parameters, a pure function of (seed, sample index), and meters the
exposure on thumbnails. It uses NumPy alone, so the threads that cut regions call it. `simulate` runs on the device of
the view.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from trainer_core.camera.parameters import Params
from trainer_core.camera.view import FrameView
from trainer_core.uploads import upload


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
    def draw_table(self, seed: int, indices: Sequence[int]) -> np.ndarray:
        """Draw the parameters of the samples `indices` of the run `seed`: a pure function of both, float32 [B, n]."""

    def meter(self, table: np.ndarray, thumbnail: np.ndarray) -> np.ndarray:
        """Append to a table of parameters what follows from them and the thumbnails, uint8 [B, t, t', 3]."""
        return table

    def prepare(self, seed: int, indices: Sequence[int], thumbnail: np.ndarray) -> np.ndarray:
        """Draw and meter: the values of `simulate`, float32 [B, m]; may be called in any thread."""
        return self.meter(self.draw_table(seed, indices), thumbnail)

    def __call__(self, view: FrameView, params: Params, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Meter the view, which must have thumbnails, with these parameters, and `simulate` it."""
        return self.simulate(view, self.meter_view(view, params), generator)

    def meter_view(self, view: FrameView, params: Params) -> Tensor:
        """Return the values of `simulate` for a view with thumbnails, on its device."""
        assert view.thumbnail is not None
        return upload(self.meter(params.table(), view.thumbnail), view.hr.device)

    @abstractmethod
    def simulate(self, view: FrameView, values: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Simulate the view: LR [B, 3, h, w] and target [B, 3, h*scale, w*scale], float32, 0..1.

        Args:
            view: regions that obey `region_multiple`.
            values: what `prepare` returned for the same B samples, on the view's device.
            generator: source of the per-pixel noise; the values determine everything else. With a generator on the
                CPU, the noise is the same for views on every device.

        Returns:
            LR as the viewer gives it to a network (mono: k/15 in three equal channels; color: the decoded JPEG / 255),
            and the target, the output of a perfect network, unquantized. Both may be broadcast views of fewer channels:
            clone before writing into them.
        """
