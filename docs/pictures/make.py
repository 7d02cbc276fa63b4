"""Make camera.png: built-in scenes beside their simulated watch photos, mono on the left, color on the right.

python docs/pictures/make.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from trainer_core.calibration.clean_frames import cut_clean_frame
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera import CameraProfile, build_camera
from trainer_core.scenes.painter import render_scene

_SCENES, _SIDE, _SEED = (2, 12, 30), 640, 7
_SCALE, _HEIGHT, _GAP = 4, 240, 4


def main() -> None:
    """Write the picture."""
    torch.set_num_threads(1)
    scenes = [render_scene(_SEED, number, _SIDE) for number in _SCENES]
    columns = [column for name in ("wqv1", "wqv10") for column in _columns(CameraProfile.builtin(name), scenes)]
    width = sum(column[0].width for column in columns) + _GAP * (len(columns) - 1)
    sheet = Image.new("RGB", (width, len(_SCENES) * (_HEIGHT + _GAP) - _GAP), "white")
    left = 0
    for column in columns:
        for row, picture in enumerate(column):
            sheet.paste(picture, (left, row * (_HEIGHT + _GAP)))
        left += column[0].width + _GAP
    sheet.quantize(256).save(Path(__file__).with_name("camera.png"), optimize=True)


def _columns(profile: CameraProfile, scenes: list[np.ndarray]) -> tuple[list[Image.Image], list[Image.Image]]:
    """Return the clean frames and their synthetic watch photos, all of the same height."""
    camera = build_camera(profile, _SCALE)
    frames = np.stack([cut_clean_frame(pixels, camera, _SEED, n) for n, pixels in enumerate(scenes)])
    size = (_HEIGHT * camera.frame_width // camera.frame_height, _HEIGHT)
    clean = [Image.fromarray(frame).resize(size, Image.Resampling.BOX) for frame in frames]
    simulated = [Image.fromarray(photo).convert("RGB") for photo in simulate_photos(profile, frames, _SCALE, _SEED)]
    return clean, [photo.resize(size, Image.Resampling.NEAREST) for photo in simulated]


if __name__ == "__main__":
    main()
