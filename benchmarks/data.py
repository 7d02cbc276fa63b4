"""Measure whether photos are decoded in time: patches per second, and how much of a training waits for them.

    python -m benchmarks.data [--sets 2000x12 200x0.5] [--threads auto 1 2 4 8] [--patches 640] [--steps 40]

Each set of photos (number x megapixels) is made once, as JPEG files in `--folder`, and stays there. For each number of
decoder threads the patches are taken as fast as they come; the processor time of a patch counts on a busy machine,
where the rate means little. Then a training of the light preset on the CPU states its share of waiting (goal: below
3 %). With more photos than fit into the cache (512 MB) every photo is decoded once in a pass, however many there are:
forty large photos give the same figures as thousands.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.conditions import describe_conditions
from trainer_core.control import RunControl, StopMode
from trainer_core.data.frames import RegionSpec
from trainer_core.data.photos import scan_photos
from trainer_core.events import Event, StepDone
from trainer_core.planning.plan import make_plan
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.presets import PRESETS
from trainer_core.training.samples import count_threads
from trainer_core.training.trainer import Trainer

REGION = RegionSpec(frame_width=120, frame_height=120, scale=4, region=48, multiple=1)
# Steps per second that GPUs may reach with the light and full presets at batch 16: estimates, not measured.
DEMAND = {"full on an RTX 3060": 4, "full on an RTX 4090": 20, "light on a fast GPU": 50}


def main() -> None:
    """Make the photos, measure and print."""
    arguments = parse_arguments()
    print(describe_conditions())
    asked = ", ".join(f"{name} {16 * rate}" for name, rate in DEMAND.items())
    print(f"patches per second asked for (estimates): {asked}")
    for name in arguments.sets:
        count, megapixels = int(name.partition("x")[0]), float(name.partition("x")[2])
        folder = make_photos(arguments.folder / name, count, megapixels)
        print(f"{count} photos of {megapixels:g} megapixels")
        for threads in arguments.threads:
            print(f"  {threads} threads: {measure_supply(folder, threads, arguments.patches)}", flush=True)
        if arguments.steps:
            print(f"  training light, {arguments.steps} steps: {measure_training(folder, arguments.steps)}", flush=True)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"largest memory of this process {peak:.1f} GB; load {os.getloadavg()[0]:.1f}")


def parse_arguments() -> argparse.Namespace:
    """Return the options."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "benchmark_photos")
    parser.add_argument("--sets", nargs="+", default=["2000x12", "200x0.5"])
    parser.add_argument("--threads", nargs="+", default=["auto", "1", "2", "4", "8"])
    parser.add_argument("--patches", type=int, default=640)
    parser.add_argument("--steps", type=int, default=40, help="of the training; 0 for none")
    return parser.parse_args()


def make_photos(folder: Path, count: int, megapixels: float) -> Path:
    """Write `count` different JPEG files with the detail of a photo: a scaled pattern, edges and noise."""
    folder.mkdir(parents=True, exist_ok=True)
    height = int((megapixels * 1e6 * 3 / 4) ** 0.5) // 8 * 8
    width = height * 4 // 3 // 8 * 8
    rng = np.random.default_rng(1)
    coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8))
    fine = rng.normal(0, 5, (height, width, 1)) + 30 * (np.indices((height, width)).sum(0)[..., None] // 97 % 2)
    base = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)) * 0.8 + fine
    pixels = base.clip(0, 255).astype(np.uint8)
    for number in range(count):
        path = folder / f"{number:05}.jpg"
        if not path.exists():
            Image.fromarray(np.roll(pixels, (37 * number, 91 * number), (0, 1))).save(path, quality=90)
    return folder


def measure_supply(folder: Path, threads: str, patches: int) -> str:
    """Take patches as fast as they come; return the rate and the processor time of each."""
    from trainer_core.data.regions import RegionSource

    number = count_threads(TrainerConfig(num_workers=threads if threads == "auto" else int(threads)))
    photos = scan_photos(folder).photos
    with RegionSource(photos, REGION, seed=1, threads=number) as source:
        batches = source.iterate_batches(0, 16)
        next(batches)  # the threads have started
        started, processor = time.monotonic(), time.process_time()
        for _ in range(patches // 16):
            next(batches)
        seconds, processor = time.monotonic() - started, time.process_time() - processor
    count = patches // 16 * 16
    each = 1000 * processor / count
    rate = f"{count / seconds:.0f} patches per second"
    return f"{rate}, {each:.2f} ms of a processor for each ({1000 / each:.0f} per core)"


def measure_training(folder: Path, steps: int) -> str:
    """Train light on the CPU; return the share of time that its latest steps waited, and their speed."""
    latest: list[StepDone] = []
    control = RunControl()

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone):
            latest[:] = [event]
            if event.step == steps:
                control.stop(StopMode.DISCARD)

    with tempfile.TemporaryDirectory() as workspace:
        given = dict(PRESETS["light"], preset="light", device="cpu", monochrome_style=True, val_interval=10**6)
        plan = make_plan({**given, "source_dir": str(folder), "workspace": workspace, "steps": 10**6})
        Trainer(plan, on_event, control).run()
    return f"waiting {latest[0].photo_wait:.1%}, {latest[0].steps_per_second:.2f} steps per second"


if __name__ == "__main__":
    main()
