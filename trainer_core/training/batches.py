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


@dataclass(frozen=True)
class PreparedBatch:
    """What the device needs for a micro-batch, as arrays.

    Attributes:
        first: number of the first sample.
        hr: uint8 [B, H, W, 3], the regions.
        places: int64 [2, B], their left and top in the frames.
        values: float32 [B, n], what `Camera.prepare` returned.
        offsets: x and y of each patch in its region, LR pixels.
    """

    first: int
    hr: np.ndarray
    places: np.ndarray
    values: np.ndarray
    offsets: list[tuple[int, int]]


class BatchMaker:
    """Maker of training batches from sampled regions, in the memory layout of the network.

    `prepare` may be called in any thread, `make_batch` in that of torch.
    """

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

    def prepare(self, regions: Sequence[Region]) -> PreparedBatch:
        """Prepare a micro-batch, without torch; `regions` have consecutive sample numbers."""
        indices = [region.index for region in regions]
        offsets = [self._draw_offset(index, regions[0].hr.shape[0] // self._scale) for index in indices]
        return PreparedBatch(indices[0], *_prepare(regions, self._camera, self._seed, indices), offsets)

    def _draw_offset(self, index: int, side: int) -> tuple[int, int]:
        slack = side - self._patch
        low = min(_MIN_MARGIN, slack // 2)
        x, y = make_generator(self._seed, Stream.OFFSET, index).integers(low, slack - low + 1, size=2).tolist()
        return x, y

    @torch.no_grad()
    def make_batch(self, prepared: PreparedBatch) -> Batch:
        """Simulate a micro-batch on the device and cut its patches."""
        view, values = _upload(prepared.hr, prepared.places, prepared.values, self._camera, self._device)
        noise = make_torch_generator(self._seed, Stream.NOISE, prepared.first, self._device)
        lr, hr = self._camera.simulate(view, values, noise)
        return self._cut_patches(lr, hr, prepared.offsets)

    def _cut_patches(self, lr: Tensor, hr: Tensor, offsets: Sequence[tuple[int, int]]) -> Batch:
        lrs, hrs = [], []
        for i, (x, y) in enumerate(offsets):
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
    noise = make_torch_generator(seed, Stream.NOISE, index, device)
    view, values = _upload(*_prepare([frame], camera, seed, [index]), camera, device)
    return Batch(*camera.simulate(view, values, noise))


def _prepare(
    regions: Sequence[_Simulated], camera: Camera, seed: int, indices: Sequence[int]
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pixels, places and values of regions as one array each."""
    places = np.array([[region.left, region.top] for region in regions], np.int64).T
    values = camera.prepare(seed, indices, np.stack([region.thumbnail for region in regions]))
    return np.stack([region.hr for region in regions]), places, values


def _upload(
    hr: np.ndarray, places: np.ndarray, values: np.ndarray, camera: Camera, device: torch.device
) -> tuple[FrameView, Tensor]:
    left, top = upload(places, device)
    view = FrameView(to_tensor(hr, device), left, top, camera.frame_width, camera.frame_height)
    return view, upload(values, device)


def _cut_window(image: Tensor, x: int, y: int, side: int) -> Tensor:
    return image[:, y : y + side, x : x + side]
