"""Simulate watch photos of clean frames with a camera profile."""

from __future__ import annotations

import numpy as np
import torch

from trainer_core.camera import CameraProfile, FrameView, build_camera
from trainer_core.pixels import to_tensor, to_uint8
from trainer_core.torch_threads import single_threaded
from trainer_core.uploads import upload

_BATCH = 16


@single_threaded()
def simulate_photos(profile: CameraProfile, frames: np.ndarray, scale: int, seed: int) -> list[np.ndarray]:
    """Simulate watch photos of all frames, uint8: [h, w] in levels 0, 17 … 255 (mono) or [h, w, 3] (color).

    With the same seed, every profile gets the same relative position in its ranges and the same noise.
    """
    camera = build_camera(profile, scale)
    noise = torch.Generator().manual_seed(seed)
    pixels: list[np.ndarray] = []
    for start in range(0, len(frames), _BATCH):
        hr = to_tensor(frames[start : start + _BATCH])
        view = FrameView.whole_frames(hr, scale)
        assert view.thumbnail is not None
        values = upload(camera.prepare(seed, range(start, start + len(hr)), view.thumbnail))
        lr, _ = camera.simulate(view, values, noise)
        pixels += list(to_uint8(lr))
    return [image[..., 0] for image in pixels] if profile.kind == "mono" else pixels
