"""The input of a camera: regions of clean frames, their positions, and thumbnails of the frames for metering."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from trainer_core.pixels import to_uint8

METERING_THUMBNAIL_SIDE = 30
"""Longer side of the thumbnails of `FrameView.whole_frames`, which have the shape of the frame.

Training uses square thumbnails of `data.frames.FRAME_THUMBNAIL_SIDE`. Exposure is metered on either.
"""


@dataclass(frozen=True)
class FrameView:
    """Regions of B clean frames at HR size; each may come from a different frame.

    Args:
        hr: [B, 3, h*scale, w*scale] float32, sRGB-encoded, 0..1, on the device for the simulation.
        left: [B] int64, LR pixels: first column of each region in its frame.
        top: [B] int64, LR pixels: first row of each region in its frame.
        frame_width: LR pixels (120 mono, 176 color).
        frame_height: LR pixels (120 mono, 144 color).
        thumbnail: uint8 [B, t, t', 3], sRGB: area average of the whole frame, for metering; None for
            `Camera.simulate`, whose values are metered already.
    """

    hr: Tensor
    left: Tensor
    top: Tensor
    frame_width: int
    frame_height: int
    thumbnail: np.ndarray | None = None

    @classmethod
    def whole_frames(cls, frames: Tensor, scale: int) -> FrameView:
        """Return the view of whole frames [B, 3, frame_height*scale, frame_width*scale]."""
        height, width = frames.shape[-2] // scale, frames.shape[-1] // scale
        frame_origin = torch.zeros(len(frames), dtype=torch.int64, device=frames.device)
        longest = max(height, width)
        size = (max(1, METERING_THUMBNAIL_SIDE * height // longest), max(1, METERING_THUMBNAIL_SIDE * width // longest))
        thumbnail = to_uint8(F.interpolate(frames, size, mode="area"))
        return cls(frames, frame_origin, frame_origin, width, height, thumbnail)
