"""Small photos and small settings, so that a real run takes seconds."""

from __future__ import annotations

import importlib.resources
import json
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from trainer_core.data.frames import FRAME_THUMBNAIL_SIDE
from trainer_core.data.regions import Region

# A network and a frame so small that a step takes milliseconds.
TINY: dict[str, Any] = dict(
    base_resolution=48,
    patch_size=16,
    batch_size=2,
    num_feat=8,
    num_block=1,
    num_grow_ch=4,
    learning_rate=1e-3,
    monochrome_style=True,
    amp=False,
    device="cpu",
    image_log_max_samples=1,
    compact_export=True,
)


def picture(seed: int, width: int = 224, height: int = 208) -> Image.Image:
    """A smooth, noisy background with a few sharp shapes on it."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(40, 216, (6, 6, 3), dtype=np.uint8))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = int(rng.integers(0, width)), int(rng.integers(0, height))
        w, h = (int(side) for side in rng.integers(8, 90, 2))
        color = tuple(int(c) for c in rng.integers(0, 256, 3))
        (draw.ellipse if rng.random() < 0.5 else draw.rectangle)((x, y, x + w, y + h), fill=color)
    return image


def make_photos(folder: Path, count: int = 6, **size: int) -> Path:
    """A folder of `count` different PNG photos."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        picture(number, **size).save(folder / f"photo{number}.png")
    return folder


def make_region(side: int, n: int) -> Region:
    """Region n of random pixels, `side` HR pixels wide."""
    rng = np.random.default_rng(n)
    hr = rng.integers(0, 255, (side, side, 3), dtype=np.uint8)
    thumbnail = rng.integers(0, 255, (FRAME_THUMBNAIL_SIDE, FRAME_THUMBNAIL_SIDE, 3), dtype=np.uint8)
    return Region(hr, 0, 0, thumbnail, n, "made up")


def watch_photo(path: Path, seed: int = 0) -> Path:
    """A picture that a mono watch could have taken: its size, its grays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    levels = np.random.default_rng(seed).integers(0, 16, (120, 120)).astype(np.uint8) * 17
    Image.fromarray(levels).save(path)
    return path


def profile_file(folder: Path, builtin: str = "wqv1") -> Path:
    """A camera profile of the user's own, named "mine", with the ranges of a built-in one."""
    content = json.loads(importlib.resources.files("resources").joinpath(f"{builtin}.json").read_text("utf-8"))
    path = folder / f"{builtin}_mine.json"
    path.write_text(json.dumps({**content, "name": "mine"}), encoding="utf-8")
    return path


def make_workspace(folder: Path, **settings: Any) -> Path:
    """A workspace that remembers small settings, and a preset, so that none is proposed in its place."""
    folder.mkdir(parents=True)
    stored = {**TINY, "schema": 1, "preset": "full", **settings}
    (folder / "training_config.json").write_text(json.dumps(stored), "utf-8")
    return folder


def flags(settings: dict[str, Any]) -> list[str]:
    """The settings as command-line options."""
    names = {"learning_rate": "lr", "resume_from": "resume"}
    words: list[str] = []
    for name, value in settings.items():
        flag = names.get(name, name).replace("_", "-")
        words += [f"--{'' if value else 'no-'}{flag}"] if isinstance(value, bool) else [f"--{flag}", str(value)]
    return words
