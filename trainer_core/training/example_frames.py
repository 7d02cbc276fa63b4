"""Example frames for the simulation tab, from photos spread evenly over the source folder or from built-in scenes.

`simulated_view` uses them. Variation 0 is the largest frame in the middle of each photo; further variations use other
photos and, when all photos were used, other crops of them.
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

_SCENE_SIDE = 512  # pixels, like the scenes of a demo run


def photo_frames(photos: Sequence[Photo], spec: FrameSpec, *, seed: int, count: int, variation: int) -> Iterator[Frame]:
    """Yield up to `count` frames, decoded one by one; the next photo replaces one that cannot be decoded."""
    for slot in range(count):
        for number, crop in _photo_candidates(len(photos), slot, count, variation):
            try:
                pixels = decode(photos[number].path)
            except PhotoError:
                continue
            yield _make_frame(pixels, spec, photos[number].name, seed, number, crop)
            break


def scene_frames(scenes: int, spec: FrameSpec, *, seed: int, count: int, variation: int) -> Iterator[Frame]:
    """Yield `count` frames of the first `scenes` built-in scenes."""
    for slot in range(count):
        number, crop = next(_photo_candidates(scenes, slot, count, variation))
        yield _make_frame(_render_scene(seed, number), spec, f"scene {number + 1}", seed, number, crop)


@lru_cache(maxsize=12)
def _render_scene(seed: int, number: int) -> np.ndarray:
    """Render a scene; cached, because rendering is slow and the next variation uses the same scenes."""
    return render_scene(seed, number, _SCENE_SIDE)


def _make_frame(pixels: np.ndarray, spec: FrameSpec, name: str, seed: int, number: int, crop: int) -> Frame:
    if crop == 0:
        return cut_frame(pixels, spec, name)
    size, across, down = make_generator(seed, Stream.EXAMPLE, number, crop).random(3).tolist()
    return cut_frame(pixels, spec, name, size=size, x_position=across, y_position=down)


def _photo_candidates(photos: int, slot: int, count: int, variation: int) -> Iterator[tuple[int, int]]:
    """Yield photo and crop for one slot, then those that replace a photo that cannot be decoded.

    The photos are divided into as many ranges as there are slots; each variation moves on by one photo in each range.
    """
    ranges = min(count, photos)
    if not ranges:
        return
    index, repeat = slot % ranges, slot // ranges
    start, end = index * photos // ranges, (index + 1) * photos // ranges
    first = variation * -(-count // ranges) + repeat
    for number in range(first, first + end - start):
        yield start + number % (end - start), number // (end - start)
