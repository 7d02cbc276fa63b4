"""Make starters.png: built-in scenes that no model was trained on, as watch photo, bicubic, built-in model, original.

python -m docs.pictures.make_starters

Mono is above, color below; each picture is a part of 60x60 LR pixels at x4.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.starter_frames import SCENE_SIDE, TEST_SCENES_SEED, FrameSet
from trainer_core.data.frames import cut_frame
from trainer_core.pixels import make_strip
from trainer_core.scenes.painter import render_scene
from trainer_core.settings.config import TrainerConfig
from trainer_core.starters.registry import choose_starter
from trainer_core.training.cameras import make_camera, make_region_spec
from trainer_core.training.validation import Validator
from trainer_core.verbs.photo_models import PhotoModel
from trainer_core.verbs.upscale import Upscaler
from trainer_core.watches import WATCHES

# Number of each scene, and where in it the part lies: 0 to 1, from left to right and from top to bottom.
_PARTS = {"mono": ((109, 0.5, 0.9), (83, 0.45, 0.5)), "color": ((63, 0.9, 0.55), (107, 0.9, 0.2))}
_SCALE, _SIDE, _GAP = 4, 60, 4
_COLORS = 256


def main() -> None:
    """Write the picture."""
    strips = [strip for watch in WATCHES for strip in make_strips(watch)]
    gap = np.full((_GAP, strips[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for strip in strips for part in (gap, strip)][1:])
    picture = Image.fromarray(sheet).quantize(_COLORS, kmeans=2)
    picture.save(Path(__file__).with_name("starters.png"), optimize=True)


def make_strips(kind: str) -> list[np.ndarray]:
    """Return a strip of four pictures for each scene, uint8 [h, w, 3]."""
    starter = choose_starter(WATCHES[kind], _SCALE)
    model = PhotoModel(Upscaler(starter.path, device="cpu"), _SCALE)
    config = TrainerConfig(scale=_SCALE, monochrome_style=kind == "mono")
    camera = make_camera(config)
    spec = make_region_spec(config, camera)
    numbers = [number for number, _, _ in _PARTS[kind]]
    scenes = [cut_frame(render_scene(TEST_SCENES_SEED, n, SCENE_SIDE), spec, f"scene {n}") for n in numbers]
    frames = FrameSet("", Validator(scenes, camera, scale=_SCALE, device=torch.device("cpu")))
    strips = []
    for index, (_, across, down) in enumerate(_PARTS[kind]):
        image = frames.render(model.enlarge, index)
        hr = image.sr if image.hr is None else image.hr
        top, left = (round(place * (side - _SIDE)) for place, side in zip((down, across), image.lr.shape[:2]))
        lr = image.lr[top : top + _SIDE, left : left + _SIDE]
        large = (slice(top * _SCALE, (top + _SIDE) * _SCALE), slice(left * _SCALE, (left + _SIDE) * _SCALE))
        strips.append(make_strip([lr, image.bicubic[large], image.sr[large], hr[large]], gap=_GAP))
    return strips


if __name__ == "__main__":
    main()
