"""Make starters.png: built-in scenes that no model was trained on, as watch photo, bicubic, built-in model, original.

python -m docs.pictures.make_starters

Mono is above, color below; each picture is a part of 60x60 LR pixels at x4.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.starter_frames import scene_frames
from trainer_core.pixels import make_strip
from trainer_core.starters.registry import choose_starter
from trainer_core.verbs.photo_models import PhotoModel
from trainer_core.verbs.upscale import Upscaler
from trainer_core.watches import WATCHES

_SCENES, _SCALE, _SIDE, _GAP = (4, 6), 4, 60, 4
_COLORS = 256


def main() -> None:
    """Write the picture."""
    strips = [strip for watch in WATCHES for strip in make_strips(watch)]
    gap = np.full((_GAP, strips[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for strip in strips for part in (gap, strip)][1:])
    Image.fromarray(sheet).quantize(_COLORS).save(Path(__file__).with_name("starters.png"), optimize=True)


def make_strips(kind: str) -> list[np.ndarray]:
    """Return a strip of four pictures for each scene, uint8 [h, w, 3]."""
    starter = choose_starter(WATCHES[kind], _SCALE)
    model = PhotoModel(Upscaler(starter.path, device="cpu"), _SCALE)
    frames = scene_frames(starter.watch, _SCALE)
    strips = []
    for number in _SCENES:
        image = frames.render(model.enlarge, number)
        hr = image.sr if image.hr is None else image.hr
        top, left = (max(0, (side - _SIDE) // 2) for side in image.lr.shape[:2])
        lr = image.lr[top : top + _SIDE, left : left + _SIDE]
        large = (slice(top * _SCALE, (top + _SIDE) * _SCALE), slice(left * _SCALE, (left + _SIDE) * _SCALE))
        strips.append(make_strip([lr, image.bicubic[large], image.sr[large], hr[large]], gap=_GAP))
    return strips


if __name__ == "__main__":
    main()
