"""Measure how close synthetic watch photos come to captures: distance D by terms, classifier AUC, controls, a picture.

    python -m benchmarks.camera_realism mono ../shared/wqv/mono ../shared/photos [--profile FILE] [--seeds 3]
        [--photos 100] [--only watchB] [--sheet sheet.png] [--json result.json]

Cuts photos to watch frames and simulates them with the camera of the profile, once per seed. Prints D and C2ST of
every seed with mean and spread, the terms of D (medians of both sets, distance in units of the term's scale) and the
size-matched control: half of the captures against the other half, and against as many synthetic photos. There are few
captures, so differences of D below the spread mean nothing. At the end it prints the quartiles of edge widths of the
captures beside those of simulated slanted edges of any contrast. Photos seldom have edges as clean as house walls and
window frames, so edges of synthetic photos also depend on the photos.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.conditions import describe_conditions
from trainer_core.calibration.clean_frames import cut_clean_frame
from trainer_core.calibration.distance import EDGE_TERMS
from trainer_core.calibration.photo_set import PhotoSet
from trainer_core.calibration.slanted_edges import render_slanted_edges
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera import Camera, CameraProfile, build_camera
from trainer_core.data.captures import read_captures
from trainer_core.data.decoding import decode

SCALES = {"mono": 4, "color": 2}  # so that photos of 512 px need not be enlarged
FIT_SEED = 1001  # of frames and draws that a fit sees; those measured here are others
_SPLITS = 12
_STEP_FRAMES = 60


def main() -> None:
    """Measure and print."""
    arguments = _arguments()
    print(describe_conditions())
    torch.set_num_threads(1)
    profile = start_profile(arguments.profile, arguments.kind)
    real = read_captures_of(arguments.captures, profile.kind, arguments.only)
    photos = photo_files(arguments.photos_folder, arguments.photos)
    runs = [_synthetic(profile, photos, seed) for seed in range(arguments.seeds)]
    distances = [real.distance_to(run) for run in runs]
    separable = [real.separability_from(run, seed) for seed, run in enumerate(runs)]

    print(f"{profile.name}: {len(real.pixels)} captures against {len(photos)} photographs, {arguments.seeds} seeds")
    _print_summary("D", [total for total, _ in distances])
    _print_summary("C2ST", separable)
    control = _control(real, runs[0])
    for name, values in control.items():
        _print_summary(name, values)
    _print_terms(real, runs, [terms for _, terms in distances])
    _print_edges(profile, real)
    if arguments.sheet:
        _contact_sheet(real, runs[0]).save(arguments.sheet)
    if arguments.json:
        result = {"D": [total for total, _ in distances], "C2ST": separable, "control": control}
        arguments.json.write_text(json.dumps({**result, "terms": [terms for _, terms in distances]}, indent=1))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("kind", choices=("mono", "color"))
    parser.add_argument("captures", type=Path, help="folder with real captures")
    parser.add_argument("photos_folder", type=Path, help="folder with photographs, searched recursively")
    parser.add_argument("--profile", type=Path, help="profile file instead of the built-in one")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--photos", type=int, default=100)
    parser.add_argument("--only", default="", help="take only captures whose name contains this")
    parser.add_argument("--sheet", type=Path, help="write a contact sheet, real above synthetic")
    parser.add_argument("--json", type=Path, help="write the figures")
    return parser.parse_args()


def start_profile(path: Path | None, kind: str) -> CameraProfile:
    """Load the profile file, or the built-in profile of the kind."""
    if path:
        return CameraProfile.load(path)
    return CameraProfile.builtin("wqv1" if kind == "mono" else "wqv10")


def read_captures_of(folder: Path, kind: str, only: str) -> PhotoSet:
    """Read the folder's captures of the kind whose file names contain `only`."""
    files = [path for path in sorted(folder.iterdir()) if only in path.name]
    captures = [capture for path in files for capture in read_captures(path) if capture.kind == kind]
    return PhotoSet.measure([capture.pixels for capture in captures], kind)


def photo_files(folder: Path, count: int) -> list[Path]:
    """Return `count` photo files, evenly spread over the folder's sorted list."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".png", ".jpg", ".jpeg"))
    places = np.linspace(0, len(files) - 1, min(count, len(files))).round().astype(int)
    return [files[place] for place in places]


def cut_frames(photos: Sequence[np.ndarray], camera: Camera, seed: int) -> np.ndarray:
    """Cut one frame of each photo, uint8 [n, frame_height*scale, frame_width*scale, 3]."""
    return np.stack([cut_clean_frame(photo, camera, seed, n) for n, photo in enumerate(photos)])


def _median(photos: PhotoSet, name: str) -> float:
    values = np.concatenate([image[name] for image in photos.statistics])
    return float(np.median(values)) if len(values) else float("nan")


def _synthetic(profile: CameraProfile, photos: Sequence[Path], seed: int) -> PhotoSet:
    scale = SCALES[profile.kind]
    frames = cut_frames([decode(path) for path in photos], build_camera(profile, scale), seed)
    return PhotoSet.measure(simulate_photos(profile, frames, scale, seed), profile.kind)


def _control(real: PhotoSet, synthetic: PhotoSet) -> dict[str, list[float]]:
    """Measure D and C2ST at the size of half the captures: real against real, real against synthetic."""
    results: dict[str, list[float]] = {}
    for one, other, drawn in _halves(real, synthetic):
        for name, rival in (("real", other), ("synthetic", drawn)):
            label = f"{len(one.pixels)} real / {len(rival.pixels)} {name}"
            results.setdefault(f"{label}: D", []).append(one.distance_to(rival)[0])
            if min(len(one.pixels), len(rival.pixels)) >= 3:
                results.setdefault(f"{label}: C2ST", []).append(one.separability_from(rival))
    return results


def _halves(real: PhotoSet, synthetic: PhotoSet) -> Iterator[tuple[PhotoSet, PhotoSet, PhotoSet]]:
    generator = np.random.default_rng(0)
    half = (len(real.pixels) + 1) // 2
    for _ in range(_SPLITS if half >= 2 else 0):
        order = generator.permutation(len(real.pixels)).tolist()
        others = order[half:]
        drawn = generator.choice(len(synthetic.pixels), len(others), replace=False).tolist()
        yield real.subset(order[:half]), real.subset(others), synthetic.subset(drawn)


def _print_summary(name: str, values: Sequence[float]) -> None:
    each = " ".join(f"{value:.3f}" for value in values[:4])
    more = " …" if len(values) > 4 else ""
    print(f"{name:28} {np.mean(values):.3f} ± {np.std(values):.3f}   ({each}{more})")


def _print_terms(real: PhotoSet, runs: Sequence[PhotoSet], terms: Sequence[Mapping[str, float]]) -> None:
    print(f"\n{'term':22}{'real':>10}{'synthetic':>12}{'distance':>10}")
    mean = {name: float(np.mean([run[name] for run in terms])) for name in terms[0]}
    for name in sorted(mean, key=lambda term: -mean[term]):
        synthetic = float(np.mean([_median(run, name) for run in runs]))
        print(f"{name:22}{_median(real, name):10.3f}{synthetic:12.3f}{mean[name]:10.2f}")


def _print_edges(profile: CameraProfile, real: PhotoSet) -> None:
    camera = build_camera(profile, SCALES[profile.kind])
    frames = render_slanted_edges(camera, _STEP_FRAMES, FIT_SEED)
    drawn = PhotoSet.measure(simulate_photos(profile, frames, camera.scale, FIT_SEED), profile.kind)
    print(f"\n{'edges: quartiles':22}{'captures':>22}{'drawn steps':>22}")
    for name in EDGE_TERMS:
        cells = ("".join(f"{value:7.2f}" for value in _quartiles(photos, name)) for photos in (real, drawn))
        print(f"{name:22}" + "".join(f"{cell:>22}" for cell in cells))


def _quartiles(photos: PhotoSet, name: str) -> np.ndarray:
    values = np.concatenate([image[name] for image in photos.statistics])
    quartiles: np.ndarray = np.percentile(values, (25, 50, 75))
    return quartiles


def _contact_sheet(real: PhotoSet, synthetic: PhotoSet) -> Image.Image:
    """Draw two rows of captures above two rows of synthetic photos, at twice their size."""
    columns = min(9, (len(real.pixels) + 1) // 2)
    spread = np.linspace(0, len(synthetic.pixels) - 1, 2 * columns).round().astype(int)
    cells = [*real.pixels[: 2 * columns], *[synthetic.pixels[place] for place in spread]]
    height, width = (2 * max(image.shape[axis] for image in cells) for axis in (0, 1))
    sheet = Image.new("RGB", (columns * (width + 4), 4 * (height + 4)), (90, 20, 20))
    rows = [(n // columns, n % columns) for n in range(len(real.pixels[: 2 * columns]))]
    rows += [(2 + n // columns, n % columns) for n in range(2 * columns)]
    for (row, column), image in zip(rows, cells):
        picture = Image.fromarray(image).convert("RGB")
        enlarged = picture.resize((picture.width * 2, picture.height * 2), Image.Resampling.NEAREST)
        sheet.paste(enlarged, (column * (width + 4), row * (height + 4)))
    return sheet


if __name__ == "__main__":
    main()
