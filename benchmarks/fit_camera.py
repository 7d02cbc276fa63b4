"""Fit a camera profile to captures and photos; the built-in profiles and the hold-outs were made with this script.

    python -m benchmarks.fit_camera mono ../shared/wqv/mono ../shared/photos -o fit.json --start first.json
        [--only watchA] [--free watch|all] [--candidates 600] [--photos 110] [--share 0.25]

`--free watch` (what `wqv-upscale-tools calibrate` does) leaves exposure, tone and shading unchanged; `--free all` fits
them too. `--share` writes the profile that is this share of the way from the start to the fit. `camera_realism.py`
measures the result, also on captures that the fit did not use.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
from pathlib import Path

import torch
from tqdm import tqdm

from benchmarks.camera_realism import FIT_SEED, SCALES, cut_frames, photo_files, read_captures_of, start_profile
from benchmarks.conditions import describe_conditions
from trainer_core.calibration.bounds import BOUNDS, watch_parameters
from trainer_core.calibration.search import iterate_fit, run_fit
from trainer_core.camera import CameraProfile, build_camera
from trainer_core.data.decoding import decode


def main() -> None:
    """Fit and write."""
    arguments = _arguments()
    print(describe_conditions())
    torch.set_num_threads(1)
    start = start_profile(arguments.start, arguments.kind)
    real = read_captures_of(arguments.captures, arguments.kind, arguments.only)
    scale = SCALES[arguments.kind]
    photos = [decode(path) for path in photo_files(arguments.photos_folder, arguments.photos)]
    frames = cut_frames(photos, build_camera(start, scale), FIT_SEED)
    free = watch_parameters(start.kind) if arguments.free == "watch" else tuple(BOUNDS[start.kind])
    with tqdm(total=arguments.candidates) as bar:

        def show_progress(_tried: int, _count: int, best: float) -> None:
            bar.update()
            bar.set_postfix(total=f"{best:.3f}")

        steps = iterate_fit(start, real, frames, scale, candidates=arguments.candidates, free=free, seed=FIT_SEED)
        found = run_fit(steps, show_progress)
    written = between(start, found, arguments.share)
    arguments.out.write_text(json.dumps(written.to_json(), indent=1))


def between(start: CameraProfile, end: CameraProfile, share: float) -> CameraProfile:
    """Interpolate between two profiles: `share` of the way from `start` to `end`, for each end of each range."""

    def mixed(a: float, b: float) -> float:
        return round(a + share * (b - a), 4)

    def mixed_range(name: str) -> tuple[float, float]:
        (low, high), (end_low, end_high) = start.ranges[name], end.ranges[name]
        return mixed(low, end_low), mixed(high, end_high)

    ranges = {name: mixed_range(name) for name in start.ranges}
    chances = {name: mixed(start.chances[name], end.chances[name]) for name in start.chances}
    return dataclasses.replace(end, ranges=ranges, chances=chances)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=("mono", "color"))
    parser.add_argument("captures", type=Path, help="folder with real captures")
    parser.add_argument("photos_folder", type=Path, help="folder with photographs, searched recursively")
    parser.add_argument("-o", "--out", type=Path, required=True, help="profile to write")
    parser.add_argument("--start", type=Path, help="profile to start from, instead of the built-in one")
    parser.add_argument("--only", default="", help="take only captures whose name contains this")
    parser.add_argument("--free", choices=("watch", "all"), default="watch")
    parser.add_argument("--candidates", type=int, default=600)
    parser.add_argument("--photos", type=int, default=110)
    parser.add_argument("--share", type=float, default=1.0, help="how far from the start to the fit, 0..1")
    return parser.parse_args()


if __name__ == "__main__":
    main()
