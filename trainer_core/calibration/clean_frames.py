"""The clean frames of a calibration, cut from the user's photos or from built-in scenes; needs no torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from trainer_core.data.frames import FrameSpec
from trainer_core.data.photos import PhotoError, decode, scan_photos
from trainer_core.errors import UserError
from trainer_core.scenes.painter import render_scene
from trainer_core.watches import WATCHES

MIN_PHOTOS = 12
DEFAULT_FRAMES = 48
FIT_SCALE = 2  # sampling is exact at any scale, and a small one allows smaller photos
_SEED = 1  # of places, sizes and scenes
_SCENE_SIDE = 384
_Refused = list[tuple[Path, str]]


class Frame(Protocol):
    """Something that has the size of a watch frame: a camera or a `FrameSpec`."""

    @property
    def frame_width(self) -> int:
        """LR pixels."""

    @property
    def frame_height(self) -> int:
        """LR pixels."""

    @property
    def scale(self) -> int:
        """HR pixels per LR pixel."""


def make_clean_frames(
    photos: Path | None, count: int, kind: str, refused: _Refused, check_stop: Callable[[], None] = lambda: None
) -> np.ndarray:
    """Cut `count` clean frames, uint8 [n, H, W, 3], of photos evenly spread over a folder, or of built-in scenes.

    Args:
        photos: folder of clean photos; None for the built-in scenes.
        count: number of frames; fewer if there are fewer photos.
        kind: of the watch, "mono" or "color"; the frames are `FIT_SCALE` times as large as its photos.
        refused: receives the photos that cannot be used, with the reason.
        check_stop: called before each frame.

    Raises:
        UserError: there are too few photos.
    """
    watch = WATCHES[kind]
    frame = FrameSpec(watch.frame_width, watch.frame_height, FIT_SCALE)
    if photos is None:
        content: Iterator[np.ndarray] = (render_scene(_SEED, index, _SCENE_SIDE) for index in range(count))
    else:
        content = _iterate_photos(photos, count, refused)
    frames = []
    for n, image in enumerate(content):
        check_stop()
        frames.append(cut_clean_frame(image, frame, _SEED, n))
    if photos is not None and len(frames) < min(count, MIN_PHOTOS):
        raise UserError(
            f"{photos} must contain at least {MIN_PHOTOS} usable photos, but has {len(frames)}. Add photos."
        )
    return np.stack(frames)


def _iterate_photos(folder: Path, count: int, refused: _Refused) -> Iterator[np.ndarray]:
    """Yield photos one at a time, because large ones do not fit into memory together."""
    scan = scan_photos(folder)
    refused += [(folder / entry.name, f"{folder / entry.name}: {entry.reason}.") for entry in scan.rejected]
    photos = scan.photos
    for index in np.linspace(0, len(photos) - 1, min(count, len(photos))).round().astype(int):
        path = photos[index].path
        try:
            yield decode(path)
        except PhotoError as error:
            refused.append((path, f"{path}: {error.message}."))


def cut_clean_frame(photo: np.ndarray, frame: Frame, seed: int, n: int) -> np.ndarray:
    """Cut one frame of photo n, uint8 [frame_height*scale, frame_width*scale, 3].

    Place and size are random, by (seed, n); the frame is area-resampled to the frame's HR size and, with probability
    1/2, mirrored. A photo smaller than the HR size gives the largest frame that fits, enlarged.

    Args:
        photo: uint8 [H, W, 3].
        frame: the frame and the scale.
        seed: seed of place and size.
        n: number of the photo.
    """
    generator = np.random.default_rng([seed, n])
    height, width = photo.shape[:2]
    size = (frame.frame_width * frame.scale, frame.frame_height * frame.scale)
    largest = min(width / size[0], height / size[1])
    zoom = generator.uniform(min(1.0, largest), largest)
    crop_width, crop_height = round(size[0] * zoom), round(size[1] * zoom)
    left = int(generator.integers(0, width - crop_width + 1))
    top = int(generator.integers(0, height - crop_height + 1))
    box = (left, top, left + crop_width, top + crop_height)
    pixels = np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.BOX, box))
    return pixels[:, ::-1] if generator.random() < 0.5 else pixels
