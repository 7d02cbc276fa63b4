"""Compare on captures what two models make of quiet areas: one of mean error, and one after an adversarial stage.

    python -m benchmarks.sharpness FIRST.pth SECOND.pth CAPTURES... [--sheet SHEET.png]

Quiet are the windows of 7x7 pixels in which the result of FIRST varies least, three tenths of each picture. The table
holds the standard deviation within them, in levels of 255, of both models. The sheet shows bicubic enlargement, FIRST
and SECOND side by side, a capture in each row: look at it, because figures do not see what an edge looks like.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from benchmarks.conditions import describe_conditions
from trainer_core.pixels import enlarge_bicubic, png_bytes
from trainer_core.verbs.picture_files import find_pictures, read_pictures
from trainer_core.verbs.upscale import Upscaler

_WINDOW = 7  # pixels
_STRIDE = 4  # pixels between two windows
_QUIET_SHARE = 0.3


def main() -> None:
    """Print the table, and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("first", type=Path)
    parser.add_argument("second", type=Path)
    parser.add_argument("captures", type=Path, nargs="+")
    parser.add_argument("--sheet", type=Path)
    given = parser.parse_args()
    print(describe_conditions())
    first, second = Upscaler(given.first, device="cpu"), Upscaler(given.second, device="cpu")
    rows, ratios = [], []
    print("| capture | first | second | ratio |\n| --- | --- | --- | --- |")
    for file in find_pictures(given.captures):
        for picture in read_pictures(file):
            before, after = first(picture.pixels), second(picture.pixels)
            grain = _measure_deviation(before)
            is_quiet = grain <= np.quantile(grain, _QUIET_SHARE)
            quiet, restless = grain[is_quiet].mean(), _measure_deviation(after)[is_quiet].mean()
            ratios.append(restless / quiet)
            print(f"| {picture.name} | {quiet:.2f} | {restless:.2f} | {ratios[-1]:.2f} |", flush=True)
            rows.append(np.hstack([enlarge_bicubic(picture.pixels, first.spec.scale), before, after]))
    print(f"| median | | | {np.median(ratios):.2f} |")
    if given.sheet:
        given.sheet.write_bytes(png_bytes(np.vstack(rows)))


def _measure_deviation(pixels: np.ndarray) -> np.ndarray:
    """Return the standard deviation of the brightness in windows of uint8 [H, W, 3], in levels."""
    windows = sliding_window_view(pixels.mean(-1), (_WINDOW, _WINDOW))[::_STRIDE, ::_STRIDE]
    return np.asarray(windows.std(axis=(-1, -2)))


if __name__ == "__main__":
    main()
