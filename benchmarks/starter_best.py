"""Measure what `enlarge --best` adds to the built-in models, on built-in scenes and on photographs.

    python -m benchmarks.starter_best [--measure NAME FOLDER]

Prints a row for each model and set of frames: the mirrored inputs that its card names, PSNR and SSIM above bicubic
enlargement without and with them, and the difference. Where the card names none, `--best` has no effect, and the row
shows what all three with the parity kept would add.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.conditions import describe_conditions
from benchmarks.starter_frames import photo_frames, scene_frames
from trainer_core.starters.registry import find_starters
from trainer_core.verbs.photo_models import PhotoModel
from trainer_core.verbs.upscale import Upscaler

_PARITY_KEPT = ("horizontal_parity", "vertical_parity", "both_parity")


def main() -> None:
    """Measure all starters that are present and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measure", nargs=2, action="append", default=[], metavar=("NAME", "FOLDER"))
    given = parser.parse_args()
    print(describe_conditions())
    print("| Model | Mirrored inputs of its card | Frames | Without | With | Difference |")
    print("| --- | --- | --- | --- | --- | --- |")
    for starter in find_starters():
        upscaler = Upscaler(starter.path, device="cpu")
        plain = PhotoModel(upscaler, starter.scale)
        best = PhotoModel(upscaler, starter.scale, starter.mirrors or _PARITY_KEPT)
        photos = (photo_frames(Path(folder), starter.watch, starter.scale, name=name) for name, folder in given.measure)
        for frames in (scene_frames(starter.watch, starter.scale), *photos):
            before, after = frames.measure(plain.enlarge), frames.measure(best.enlarge)
            print(
                f"| `{starter.name}` | {', '.join(starter.mirrors) or 'none'} | {frames.description} | "
                f"{before.gain:+.3f} dB, {before.ssim - before.bicubic_ssim:+.4f} | "
                f"{after.gain:+.3f} dB, {after.ssim - after.bicubic_ssim:+.4f} | "
                f"{after.psnr - before.psnr:+.3f} dB, {after.ssim - before.ssim:+.4f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
