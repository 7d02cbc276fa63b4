"""Turn, reduce and re-expose photos for the training of a starter, because a long training overfits few photos.

The trainer itself mirrors photos, turns them by 90 degrees and draws the zoom; it does not turn them by other angles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from trainer_core.data.decoding import decode
from trainer_core.data.fingerprints import compute_fingerprints
from trainer_core.data.photos import Photo
from trainer_core.files import write_bytes
from trainer_core.pixels import png_bytes

_REDUCTION = (1.1, 1.4)  # the least hides that turning softens a photo
_GAMMA = (0.8, 1.25)
_ENLARGEMENT = 2  # while it is turned
_MARGIN = 6  # pixels of the enlarged photo that the filters of the black corners reach


def write_variants(photos: Sequence[Photo], folder: Path, count: int, *, seed: int) -> list[Path]:
    """Write `count` variants of each photo into `folder` as PNG, unless they are there, and return their paths.

    Their names and random numbers follow from the fingerprint of the photo, so that no other photo gets them.
    """
    folder.mkdir(parents=True, exist_ok=True)
    fingerprints = compute_fingerprints(photos)
    paths = []
    for photo in photos:
        fingerprint, pixels = fingerprints[photo.name], None
        for variant in range(count):
            path = folder / f"{fingerprint}_{variant}.png"
            if not path.exists():
                pixels = decode(photo.path) if pixels is None else pixels
                rng = np.random.default_rng((seed, int(fingerprint, 16), variant))
                write_bytes(path, png_bytes(_vary(pixels, rng)))
            paths.append(path)
    return paths


def _vary(pixels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the largest square of a photo that is turned by a random angle, reduced, with another gamma."""
    angle, reduction = rng.uniform(-45, 45), rng.uniform(*_REDUCTION)
    gamma = math.exp(rng.uniform(*np.log(_GAMMA)))
    height, width = pixels.shape[:2]
    large = Image.fromarray(pixels).resize((width * _ENLARGEMENT, height * _ENLARGEMENT), Image.Resampling.BICUBIC)
    turned = large.rotate(angle, Image.Resampling.BICUBIC)
    cosine, sine = math.cos(math.radians(angle)), abs(math.sin(math.radians(angle)))
    half = min(turned.size) / (cosine + sine) / 2 - _MARGIN
    middle_x, middle_y = turned.width / 2, turned.height / 2
    box = (middle_x - half, middle_y - half, middle_x + half, middle_y + half)
    side = int(2 * half / _ENLARGEMENT / reduction)
    square = turned.resize((side, side), Image.Resampling.LANCZOS, box=box)
    table = np.rint((np.arange(256) / 255) ** gamma * 255).astype(np.uint8)
    return np.asarray(table[np.asarray(square)])
