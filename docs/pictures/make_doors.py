"""Make the pictures of the start page's doors from built-in scenes that no model was trained on.

python -m docs.pictures.make_doors

enlarge.png is half a watch photo, half its enlargement; train.png is a scene, its watch photo and the enlargement.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

import resources
from trainer_core.calibration.clean_frames import cut_clean_frame
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera import CameraProfile, build_camera
from trainer_core.scenes.painter import render_scene
from trainer_core.starters.registry import choose_starter
from trainer_core.verbs.photo_models import PhotoModel
from trainer_core.verbs.upscale import Upscaler
from trainer_core.watches import WQV10

_SEED, _SIDE, _SCALE = 92, 768, 4
# Scene, and the center of what is shown of it, as shares of width and height.
_ENLARGED, _TRAINED = (23, 0.5, 0.62), (0, 0.58, 0.22)
_WIDTH, _HEIGHT, _GAP = 640, 320, 4  # pixels; twice the size on the page, for dense screens
_COLORS = 256


def main() -> None:
    """Write both pictures into the package."""
    model = PhotoModel(Upscaler(choose_starter(WQV10, _SCALE).path, device="cpu"), _SCALE)
    _save(_halves(*_ENLARGED, model), "enlarge.png")
    _save(_row(*_TRAINED, model), "train.png")


def _halves(number: int, x: float, y: float, model: PhotoModel) -> np.ndarray:
    """Return the left half as the watch sees it, the right half enlarged, with a line between them."""
    _, before, after = (_cut(pixels, x, y, _WIDTH) for pixels in _views(number, model))
    line = np.full((_HEIGHT, _GAP, 3), 255, np.uint8)
    return np.concatenate([before[:, : (_WIDTH - _GAP) // 2], line, after[:, (_WIDTH + _GAP) // 2 :]], axis=1)


def _row(number: int, x: float, y: float, model: PhotoModel) -> np.ndarray:
    """Return the scene, its watch photo and the enlargement side by side."""
    width = (_WIDTH - 2 * _GAP) // 3
    parts = [_cut(pixels, x, y, width) for pixels in _views(number, model)]
    gap = np.full((_HEIGHT, _GAP, 3), 255, np.uint8)
    return np.concatenate([parts[0], gap, parts[1], gap, parts[2]], axis=1)


def _views(number: int, model: PhotoModel) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the clean frame of a scene, its watch photo with repeated pixels and its enlargement, of one size."""
    profile = CameraProfile.builtin("wqv10")
    camera = build_camera(profile, _SCALE)
    frame = cut_clean_frame(render_scene(_SEED, number, _SIDE), camera, _SEED, number)
    (photo,) = simulate_photos(profile, frame[None], _SCALE, _SEED)
    views = frame, photo.repeat(_SCALE, axis=0).repeat(_SCALE, axis=1), model.enlarge(photo)
    one, two, three = (view[:, ::-1] for view in views)  # the frames of both scenes are mirrored, their text as well
    return one, two, three


def _cut(pixels: np.ndarray, x: float, y: float, width: int) -> np.ndarray:
    """Return `width` x `_HEIGHT` pixels around a center, moved inside."""
    height, full = pixels.shape[:2]
    top = min(max(0, round(y * height) - _HEIGHT // 2), height - _HEIGHT)
    left = min(max(0, round(x * full) - width // 2), full - width)
    return np.asarray(pixels[top : top + _HEIGHT, left : left + width])


def _save(pixels: np.ndarray, name: str) -> None:
    path = Path(resources.__file__).with_name("pictures") / name
    Image.fromarray(pixels).quantize(_COLORS).save(path, optimize=True)


if __name__ == "__main__":
    main()
