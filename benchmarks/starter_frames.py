"""Frames on which starters are measured: cut from built-in scenes that anyone can render again, or from photos.

frames = scene_frames(WQV1, 4, seed=92, count=6)
frames.measure(upscaler)       # PSNR and SSIM beside bicubic enlargement
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from trainer_core.data.frames import validation_frames
from trainer_core.data.photos import scan_photos
from trainer_core.events import PreviewImage
from trainer_core.pixels import to_tensor, to_uint8
from trainer_core.scenes.painter import write_scenes
from trainer_core.settings.config import TrainerConfig
from trainer_core.starters.card import Measurement
from trainer_core.training.cameras import make_camera, make_region_spec
from trainer_core.training.validation import FRAME_SEED, Validator
from trainer_core.watches import WQV1, Watch

TEST_SCENES_SEED = 92  # no starter may be trained on scenes of this seed
TEST_SCENES = 8  # fewer would give several frames each
SCENE_SIDE = 512
Enlarge = Callable[[np.ndarray], np.ndarray]


class _Enlarging(nn.Module):
    """A function of 8-bit pictures in the form of a network."""

    def __init__(self, enlarge: Enlarge) -> None:
        super().__init__()
        self._enlarge = enlarge

    def forward(self, lr: Tensor) -> Tensor:
        return to_tensor(self._enlarge(to_uint8(lr)[0]))[None]


@dataclass(frozen=True)
class FrameSet:
    """Frames of one origin, taken by the camera of a watch."""

    description: str
    validator: Validator
    scenes_seed: int | None = None

    def measure(self, enlarge: Enlarge) -> Measurement:
        """Measure what maps uint8 [H, W, 3] to uint8 [H*scale, W*scale, 3]."""
        base, found = self.validator.baseline, self.validator.measure(_Enlarging(enlarge))
        return Measurement(
            self.description,
            len(self.validator),
            psnr=round(found.psnr, 4),
            ssim=round(found.ssim, 4),
            bicubic_psnr=round(base.psnr, 4),
            bicubic_ssim=round(base.ssim, 4),
            scenes_seed=self.scenes_seed,
        )

    def render(self, enlarge: Enlarge, number: int) -> PreviewImage:
        """Return frame `number`, from 0, with what `enlarge` makes of it."""
        return self.validator.render(_Enlarging(enlarge), number + 1)[number]


def scene_frames(watch: Watch, scale: int, *, seed: int = TEST_SCENES_SEED, count: int = 0) -> FrameSet:
    """Return frames of built-in scenes 0 to `count` - 1 of `seed`; by default `TEST_SCENES` scenes."""
    count = count or TEST_SCENES
    with tempfile.TemporaryDirectory() as folder:
        write_scenes(Path(folder), seed=seed, train=0, val=count, test=0, size=SCENE_SIDE)
        validator = _make_validator(Path(folder), watch, scale, count)
    return FrameSet(f"{count} built-in scene{'s' * (count > 1)} of seed {seed}", validator, seed)


def photo_frames(folder: Path, watch: Watch, scale: int, *, name: str, count: int = 24) -> FrameSet:
    """Return frames of up to `count` photos of a folder, chosen by their content."""
    validator = _make_validator(folder, watch, scale, count)
    return FrameSet(f"{len(validator)} frames of {name}", validator)


def _make_validator(folder: Path, watch: Watch, scale: int, count: int) -> Validator:
    config = TrainerConfig(scale=scale, monochrome_style=watch == WQV1)
    camera = make_camera(config)
    region = make_region_spec(config, camera)
    frames = validation_frames(scan_photos(folder).photos, region, seed=FRAME_SEED, limit=count)
    return Validator(frames, camera, scale=scale, device=torch.device("cpu"))
