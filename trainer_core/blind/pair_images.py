"""The images of a pair: what two models make of a photo, of equal size, computed tile by tile (no torch)."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from typing import Protocol

import numpy as np
from PIL import Image

from trainer_core.errors import explain_out_of_memory

PairImages = tuple[np.ndarray, np.ndarray]
"""What the first and the second model made of a photo, uint8 [h, w, 3]."""


class Tile(Protocol):
    """A tile of an upscaled photo, as `verbs.upscale` has it."""

    def paste_into(self, picture: np.ndarray) -> None:
        """Copy the pixels to their position in the upscaled photo."""


class Upscaler(Protocol):
    """A model, as `verbs.upscale` has it."""

    @property
    def scale(self) -> int:
        """The factor of its results."""

    def iterate_tiles(self, image: np.ndarray) -> Iterator[Tile]:
        """Upscale a photo tile by tile."""


def iterate_pair(photo: np.ndarray, models: Sequence[Upscaler]) -> Generator[None, None, PairImages]:
    """Upscale a photo with two models, yield after each tile, and return both images.

    The smaller image is resized to the size of the larger one.

    Args:
        photo: uint8 [H, W, 3].
        models: the first and the second.

    Raises:
        UserError: the memory is not enough.
    """
    results = []
    with explain_out_of_memory("upscale the photos", hint="Compare fewer or smaller photos."):
        for model in models:
            result = np.empty((photo.shape[0] * model.scale, photo.shape[1] * model.scale, 3), np.uint8)
            for tile in model.iterate_tiles(photo):
                tile.paste_into(result)
                yield
            results.append(result)
        first, second = results
        if first.shape == second.shape:
            return first, second
        return (_resize(first, second), second) if len(first) < len(second) else (first, _resize(second, first))


def _resize(pixels: np.ndarray, like: np.ndarray) -> np.ndarray:
    return np.array(Image.fromarray(pixels).resize((like.shape[1], like.shape[0]), Image.Resampling.BICUBIC))
