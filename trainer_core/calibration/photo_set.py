"""A set of watch photos of one kind, real or synthetic, with everything that calibration measures on them."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from trainer_core.calibration.classifier import patch_features, separability
from trainer_core.calibration.distance import SCALES, distance
from trainer_core.calibration.statistics import Statistics, color_statistics, mono_statistics
from trainer_core.camera.jpeg import CHROMA_TABLE, LUMA_TABLE
from trainer_core.pixels import luma

_ROUNDING_ENERGY = {"mono": 0.01, "color": 1.0}


@dataclass(frozen=True)
class PhotoSet:
    """Photos of one kind ("mono" or "color") with their statistics.

    `pixels` are uint8, [h, w] in levels 0, 17 … 255 or [h, w, 3]; `features` are the classifier's input for each photo,
    computed from levels 0..15 or luma 0..255.
    """

    kind: str
    pixels: list[np.ndarray]
    statistics: list[Statistics]
    features: list[np.ndarray]

    @classmethod
    def measure(cls, pixels: Sequence[np.ndarray], kind: str) -> PhotoSet:
        """Measure photos, which are uint8 arrays as in `pixels`."""
        if kind == "mono":
            gray = [image.astype(float) / 17 for image in pixels]
            statistics = [mono_statistics(image) for image in gray]
        else:
            gray = [luma(image) for image in pixels]
            statistics = [color_statistics(image, _measure_jpeg_size(image)) for image in pixels]
        return cls(kind, list(pixels), statistics, [patch_features(image, _ROUNDING_ENERGY[kind]) for image in gray])

    def __len__(self) -> int:
        return len(self.pixels)

    def subset(self, places: Sequence[int]) -> PhotoSet:
        """Return the photos at these indices, with their measurements."""
        return PhotoSet(
            self.kind,
            [self.pixels[place] for place in places],
            [self.statistics[place] for place in places],
            [self.features[place] for place in places],
        )

    def distance_to(self, other: PhotoSet, edge_photos: PhotoSet | None = None) -> tuple[float, dict[str, float]]:
        """Compute D between this set and another, and its terms; see `distance`."""
        edges = edge_photos.statistics if edge_photos else None
        return distance(self.statistics, other.statistics, SCALES[self.kind], edges)

    def separability_from(self, other: PhotoSet, seed: int = 0) -> float:
        """Compute the AUC of the classifier; both sets need at least three photos. See `separability`."""
        return separability(self.features, other.features, seed=seed)


def _measure_jpeg_size(rgb: np.ndarray) -> int:
    """Return the JPEG size with the watch's tables; captures are encoded again, so that all have the same headers."""
    buffer = io.BytesIO()
    Image.fromarray(rgb).save(buffer, "JPEG", qtables=[list(LUMA_TABLE), list(CHROMA_TABLE)], subsampling=2)
    return buffer.tell()
