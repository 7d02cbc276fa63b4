"""Make training.png: an animated picture of a built-in scene that becomes clearer during a training.

    python -m docs.pictures.make_training [--steps 1200]
    python -m docs.pictures.make_training --previews runs/NAME/previews

Left the watch photo, in the middle bicubic enlargement and then what the network makes of it, right the original. The
training is that of the nano preset at x4 on built-in scenes; the scene is one for validation. On two idle cores
1,200 steps take five to ten minutes. `--previews` draws a training that has begun, as far as it is.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from trainer_core import environment
from trainer_core.control import RunControl
from trainer_core.events import Event
from trainer_core.planning.plan import make_plan
from trainer_core.scenes.painter import write_scenes
from trainer_core.training.trainer import Trainer

_SEED = 92  # no built-in model has seen these scenes
_TRAIN_SCENES, _VAL_SCENES = 200, 4
_SCALE, _SIDE, _GAP, _CAPTION = 4, 320, 4, 22  # pixels of the original
_MILLISECONDS, _LAST_MILLISECONDS = 500, 3000
_FRAMES, _COLORS = 24, 160


def main() -> None:
    """Train, unless previews are there, and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=1200)
    parser.add_argument("--frame", type=int, default=1, help="which validation frame to show, from 1")
    parser.add_argument("--previews", type=Path, help="folder with the previews of a training, instead of training")
    arguments = parser.parse_args()
    environment.configure_libraries()
    with tempfile.TemporaryDirectory() as folder:
        previews = arguments.previews or _train(Path(folder), arguments.steps, arguments.frame)
        strips = sorted(previews.glob(f"step*_{arguments.frame}.png"))
        frames = [_draw(strips[0], step=0), *(_draw(strip, step=int(strip.name[4:12])) for strip in strips)]
    path = Path(__file__).with_name("training.png")
    _save(frames, path)
    print(f"{path}: {len(frames)} frames, {path.stat().st_size / 1e6:.2f} MB")


def _train(folder: Path, steps: int, samples: int) -> Path:
    """Train below an empty folder and return the folder of the previews."""
    photos, workspace = folder / "scenes", folder / "run"
    write_scenes(photos, seed=_SEED, train=_TRAIN_SCENES, val=_VAL_SCENES, test=0, size=512)
    settings = {
        "source_dir": str(photos),
        "workspace": str(workspace),
        "preset": "nano",
        "monochrome_style": False,
        "scale": _SCALE,
        "steps": steps,
        "val_interval": max(1, steps // _FRAMES),
        "image_log_interval": max(1, steps // _FRAMES),
        "image_log_max_samples": samples,
    }
    Trainer(make_plan(settings), _ignore, RunControl()).run()
    return workspace / "previews"


def _ignore(event: Event) -> None:
    """Receive an event of the run; the previews are files."""


def _draw(strip: Path, step: int) -> Image.Image:
    """Draw the middle of a strip (LR, bicubic, SR, HR) as three pictures with captions; at step 0 with bicubic."""
    with Image.open(strip) as opened:
        assert isinstance(opened, PngImagePlugin.PngImageFile)
        text = opened.text
        views = np.split(np.asarray(opened.convert("RGB")), 4, axis=1)
    top, left = ((side - _SIDE) // 2 for side in views[0].shape[:2])
    lr, bicubic, sr, hr = (view[top : top + _SIDE, left : left + _SIDE] for view in views)
    gain = float(text["PSNR"]) - float(text["Bicubic PSNR"])
    captions = (
        "Watch photo (LR)",
        f"Network after {step} steps: {gain:+.2f} dB" if step else "Plain enlargement (bicubic)",
        "Original (HR)",
    )
    sheet = Image.new("RGB", (3 * _SIDE + 2 * _GAP, _SIDE + _CAPTION), "white")
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(15)
    for number, (view, caption) in enumerate(zip((lr, sr if step else bicubic, hr), captions)):
        sheet.paste(Image.fromarray(view), (number * (_SIDE + _GAP), 0))
        draw.text((number * (_SIDE + _GAP) + 2, _SIDE + 2), caption, fill="black", font=font)
    return sheet


def _save(frames: list[Image.Image], path: Path) -> None:
    """Write an animated PNG with one palette for all frames, so that what stands still does not flicker."""
    ends = np.concatenate([np.asarray(frames[0]), np.asarray(frames[-1])])
    palette = Image.fromarray(ends).quantize(_COLORS)
    indexed = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    durations = [3 * _MILLISECONDS] + [_MILLISECONDS] * (len(frames) - 2) + [_LAST_MILLISECONDS]
    indexed[0].save(path, save_all=True, append_images=indexed[1:], duration=durations, loop=0, optimize=True)


if __name__ == "__main__":
    main()
