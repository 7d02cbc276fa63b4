"""Whole frames to look at before a training: of photos spread evenly over the source, or of the built-in scenes.

Turn 0 shows the largest frame in the middle of each photo; further turns show other photos, and when all have been
shown, other parts of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import numpy as np

from trainer_core.data.decoding import PhotoError, decode
from trainer_core.data.frames import Frame, FrameSpec, cut_frame
from trainer_core.data.photos import Photo
from trainer_core.randomness import Stream, make_generator
from trainer_core.scenes.painter import render_scene

_SCENE_SIDE = 512  # as the scenes that a run trains on


def photo_frames(photos: Sequence[Photo], spec: FrameSpec, *, seed: int, count: int, variation: int) -> Iterator[Frame]:
    """Up to `count` frames, decoded one by one; a photo that cannot be decoded gives way to its neighbor."""
    for place in range(count):
        for number, crop in _photo_candidates(len(photos), place, count, variation):
            try:
                pixels = decode(photos[number].path)
            except PhotoError:
                continue
            yield _make_frame(pixels, spec, photos[number].name, seed, number, crop)
            break


def scene_frames(scenes: int, spec: FrameSpec, *, seed: int, count: int, variation: int) -> Iterator[Frame]:
    """`count` frames of the first `scenes` built-in scenes."""
    for place in range(count):
        number, crop = next(_photo_candidates(scenes, place, count, variation))
        yield _make_frame(_render_scene(seed, number), spec, f"scene {number + 1}", seed, number, crop)


@lru_cache(maxsize=12)
def _render_scene(seed: int, number: int) -> np.ndarray:
    """Kept, because drawing takes longer than everything else, and the next look is at the same scenes."""
    return render_scene(seed, number, _SCENE_SIDE)


def _make_frame(pixels: np.ndarray, spec: FrameSpec, name: str, seed: int, number: int, crop: int) -> Frame:
    if crop == 0:
        return cut_frame(pixels, spec, name)
    size, across, down = make_generator(seed, Stream.EXAMPLE, number, crop).random(3).tolist()
    return cut_frame(pixels, spec, name, size=size, x_position=across, y_position=down)


def _photo_candidates(photos: int, slot: int, count: int, variation: int) -> Iterator[tuple[int, int]]:
    """Photo and crop for one place, then the neighbors to take instead.

    The photos are cut into as many stretches as there are places; each turn moves on by one within its stretch.
    """
    stretches = min(count, photos)
    if not stretches:
        return
    stretch, again = slot % stretches, slot // stretches
    start, end = stretch * photos // stretches, (stretch + 1) * photos // stretches
    first = variation * -(-count // stretches) + again
    for number in range(first, first + end - start):
        yield start + number % (end - start), number // (end - start)
