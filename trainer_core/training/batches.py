"""Micro-batches of LR and target on the training device: the camera simulates regions, patches are cut from them.

`loop` uses `BatchMaker` for training samples, `validation` uses `make_frame_batch` for whole frames. A patch is
simulated with a margin, so that blur, edge enhancer and JPEG blocks do not meet its border. Sample n is a pure
function of (seed, n); the pixel noise of a micro-batch is seeded with the number of its first sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

import numpy as np
import torch
from torch import Tensor

from trainer_core.camera import Camera, FrameView
from trainer_core.data.frames import Frame
from trainer_core.data.regions import Region
from trainer_core.pixels import to_tensor
from trainer_core.randomness import Stream, make_generator, make_torch_generator
from trainer_core.settings.config import TrainerConfig
from trainer_core.uploads import upload

_MIN_MARGIN = 4  # LR pixels between a patch and the border of its simulated region
_Simulated = Union[Region, Frame]


@dataclass(frozen=True)
class Batch:
    """LR [B, 3, h, w] and target [B, 3, h*scale, w*scale], float32 in 0..1, on the training device."""

    lr: Tensor
    hr: Tensor


class BatchMaker:
    """Maker of training batches from sampled regions, in the memory layout of the network."""

    def __init__(
        self,
        config: TrainerConfig,
        camera: Camera,
        device: torch.device,
        memory_format: torch.memory_format = torch.channels_last,
    ) -> None:
        self._seed = config.seed
        self._patch = config.patch_size
        self._scale = config.scale
        self._camera = camera
        self._device = device
        self._memory_format = memory_format

    @torch.no_grad()
    def make_batch(self, regions: Sequence[Region]) -> Batch:
        """Make a micro-batch of patches; `regions` have consecutive sample numbers."""
        indices = [region.index for region in regions]
        view = _make_view(regions, self._camera, self._device)
        params = self._camera.draw(self._seed, indices).to(self._device)
        noise = make_torch_generator(self._seed, Stream.NOISE, indices[0], self._device)
        lr, hr = self._camera(view, params, noise)
        return self._cut_patches(lr, hr, indices)

    def _cut_patches(self, lr: Tensor, hr: Tensor, indices: Sequence[int]) -> Batch:
        slack = lr.shape[-1] - self._patch
        low = min(_MIN_MARGIN, slack // 2)
        lrs, hrs = [], []
        for i, index in enumerate(indices):
            offsets = make_generator(self._seed, Stream.OFFSET, index)
            x, y = offsets.integers(low, slack - low + 1, size=2).tolist()
            lrs.append(_cut_window(lr[i], x, y, self._patch))
            hrs.append(_cut_window(hr[i], x * self._scale, y * self._scale, self._patch * self._scale))
        # one copy for the whole batch, into the fastest layout for convolutions
        layout = self._memory_format
        return Batch(
            torch.stack(lrs).contiguous(memory_format=layout), torch.stack(hrs).contiguous(memory_format=layout)
        )


@torch.no_grad()
def make_frame_batch(frame: Frame, camera: Camera, *, seed: int, index: int, device: torch.device) -> Batch:
    """Make the batch of one whole frame; `seed` and `index` determine all its random numbers."""
    params = camera.draw(seed, [index]).to(device)
    noise = make_torch_generator(seed, Stream.NOISE, index, device)
    lr, hr = camera(_make_view([frame], camera, device), params, noise)
    return Batch(lr, hr)


def _make_view(regions: Sequence[_Simulated], camera: Camera, device: torch.device) -> FrameView:
    left, top = upload(np.array([[region.left, region.top] for region in regions], np.int64).T, device)
    return FrameView(
        hr=to_tensor(np.stack([region.hr for region in regions]), device),
        left=left,
        top=top,
        frame_width=camera.frame_width,
        frame_height=camera.frame_height,
        thumbnail=to_tensor(np.stack([region.thumbnail for region in regions]), device),
    )


def _cut_window(image: Tensor, x: int, y: int, side: int) -> Tensor:
    return image[:, y : y + side, x : x + side]
