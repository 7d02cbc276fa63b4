"""Cut clean photos to watch frames and simulate watch photos of them with a camera profile."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

from trainer_core.camera import Camera, CameraProfile, FrameView, build_camera
from trainer_core.pixels import to_tensor, to_uint8
from trainer_core.uploads import upload

_BATCH = 16


def cut_clean_frame(photo: np.ndarray, camera: Camera, seed: int, n: int) -> np.ndarray:
    """Cut one frame of photo n, uint8 [frame_height*scale, frame_width*scale, 3].

    Place and size are random, by (seed, n); the frame is area-resampled to the frame's HR size and, with probability
    1/2, mirrored. A photo smaller than the HR size gives the largest frame that fits, enlarged.

    Args:
        photo: uint8 [H, W, 3].
        camera: defines the frame and the scale.
    """
    return _random_crop(photo, camera, np.random.default_rng([seed, n]))


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


def _random_crop(photo: np.ndarray, camera: Camera, generator: np.random.Generator) -> np.ndarray:
    height, width = photo.shape[:2]
    frame = (camera.frame_width * camera.scale, camera.frame_height * camera.scale)
    largest = min(width / frame[0], height / frame[1])
    zoom = generator.uniform(min(1.0, largest), largest)
    crop_width, crop_height = round(frame[0] * zoom), round(frame[1] * zoom)
    left = int(generator.integers(0, width - crop_width + 1))
    top = int(generator.integers(0, height - crop_height + 1))
    box = (left, top, left + crop_width, top + crop_height)
    pixels = np.asarray(Image.fromarray(photo).resize(frame, Image.Resampling.BOX, box))
    return pixels[:, ::-1] if generator.random() < 0.5 else pixels
