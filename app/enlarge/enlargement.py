"""What a trial works with: the facts about a model, a photo, and the photo upscaled by a model."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from trainer_core.pixels import has_color
from trainer_core.watches import Watch

if TYPE_CHECKING:
    from trainer_core.model.spec import NetworkSpec


@dataclass(frozen=True)
class Model:
    """Facts about a loaded model."""

    path: Path
    description: str
    spec: NetworkSpec
    gray: bool
    sha256: str  # of the file; "" for a blend

    @property
    def scale(self) -> int:
        """The factor of its results."""
        return self.spec.scale


@dataclass(frozen=True, eq=False)
class TrialPhoto:
    """A photo to upscale: `pixels` are uint8 [H, W, 3]; `watch` decides which built-in model suits it."""

    file: Path
    name: str
    pixels: np.ndarray
    watch: Watch
    taken: str  # when, as `read_date_taken` returns it

    @cached_property
    def has_color(self) -> bool:
        """Whether any pixel is not gray."""
        return has_color(self.pixels)


@dataclass(eq=False)
class UpscaledPhoto:
    """A photo upscaled by a model: uint8 [H*scale, W*scale, 3], with bicubic in the tiles that are not done yet."""

    model: Model
    pixels: np.ndarray
    bicubic: np.ndarray
    tiles_done: int = 0
    tile_count: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether the model has upscaled every tile."""
        return 0 < self.tile_count == self.tiles_done


@dataclass(frozen=True)
class Enlargement:
    """An upscaled photo, uint8 [H*scale, W*scale, 3], and what made it."""

    pixels: np.ndarray
    scale: int
    model: str
    sha256: str
