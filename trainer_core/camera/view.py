"""What a camera is shown: a region of a clean frame, where it lies in the frame, and the frame's overall look."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

METERING_THUMBNAIL_SIDE = 30
"""Longest side of the thumbnail that `whole_frames` makes of a frame, whose shape it keeps.

Training brings thumbnails of its own, squares of `data.frames.FRAME_THUMBNAIL_SIDE`. Exposure is metered on either.
"""


@dataclass(frozen=True)
class FrameView:
    """Regions of B clean frames at HR size; every region may come from another frame.

    Args:
        hr: [B, 3, h*scale, w*scale] float32, sRGB-encoded, 0..1, on the device the camera is to work on.
        left: [B] int64, LR pixels: the regions' first column in their frames.
        top: [B] int64, LR pixels: the regions' first row in their frames.
        frame_width: LR pixels (120 mono, 176 color).
        frame_height: LR pixels (120 mono, 144 color).
        thumbnail: [B, 3, t, t'] float32, sRGB-encoded, 0..1: the whole frame, area-averaged. Exposure sees it.
    """

    hr: Tensor
    left: Tensor
    top: Tensor
    frame_width: int
    frame_height: int
    thumbnail: Tensor

    @classmethod
    def whole_frames(cls, frames: Tensor, scale: int) -> FrameView:
        """The view of entire frames [B, 3, frame_height*scale, frame_width*scale]."""
        height, width = frames.shape[-2] // scale, frames.shape[-1] // scale
        frame_origin = torch.zeros(len(frames), dtype=torch.int64, device=frames.device)
        longest = max(height, width)
        size = (max(1, METERING_THUMBNAIL_SIDE * height // longest), max(1, METERING_THUMBNAIL_SIDE * width // longest))
        return cls(frames, frame_origin, frame_origin, width, height, F.interpolate(frames, size, mode="area"))
