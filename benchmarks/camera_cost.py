"""Measure the cost of the cameras: milliseconds, and the share of a training step measured in the same run.

    python -m benchmarks.camera_cost [--threads 2] [--repeats 5]

The step is the light preset's, x4, on random pixels, in the precision that the program chooses for this machine. The
goal is a share of at most 0.10. Camera and step take turns, and medians are printed, because other work on the machine
disturbs both.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from benchmarks.conditions import describe_conditions
from benchmarks.training_step import step_config, training_step
from trainer_core import environment
from trainer_core.camera import Camera, CameraProfile, FrameView, build_camera
from trainer_core.uploads import upload

SCALE = 4
BATCH = 16
PATCH = 32
GOAL = 0.10
REGION_SIDES = {"wqv1": PATCH + 8, "wqv10": PATCH + 16}  # LR px: patch and margins


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5, help="training steps to measure")
    arguments = parser.parse_args()
    print(describe_conditions())
    environment.configure_libraries()
    torch.set_num_threads(arguments.threads)
    step = training_step(step_config("light", SCALE))
    cameras = {name: _simulation(name) for name in REGION_SIDES}
    step_times: list[float] = []
    camera_times: dict[str, list[float]] = {name: [] for name in cameras}
    for _ in range(arguments.repeats + 1):
        step_times.append(_milliseconds(step))
        for name, simulate in cameras.items():
            camera_times[name] += [_milliseconds(simulate) for _ in range(4)][1:]
    whole = median(step_times[1:])  # the first one warms up
    print(f"light step, batch {BATCH}, LR {PATCH}: {whole:.0f} ms on {arguments.threads} threads")
    for name, times in camera_times.items():
        cost = median(times[3:])
        verdict = "ok" if cost / whole <= GOAL else f"above {GOAL}"
        side = REGION_SIDES[name] * SCALE
        print(f"{name}: {BATCH} regions of {side}x{side} HR {cost:.1f} ms, {cost / whole:.3f} of the step ({verdict})")


def _milliseconds(action: Callable[[], object]) -> float:
    start = time.perf_counter()
    action()
    return (time.perf_counter() - start) * 1000


def _simulation(name: str) -> Callable[[], object]:
    camera = build_camera(CameraProfile.builtin(name), SCALE)
    side = REGION_SIDES[name]
    place = torch.full((BATCH,), camera.region_multiple)
    view = FrameView(
        torch.rand(BATCH, 3, side * SCALE, side * SCALE), place, place, camera.frame_width, camera.frame_height
    )
    thumbnail = np.random.default_rng(1).integers(0, 256, (BATCH, 40, 40, 3)).astype(np.uint8)
    return lambda: _draw_and_simulate(camera, view, thumbnail)


def _draw_and_simulate(camera: Camera, view: FrameView, thumbnail: np.ndarray) -> None:
    values = upload(camera.prepare(1, range(BATCH), thumbnail))
    camera.simulate(view, values, torch.Generator().manual_seed(1))


if __name__ == "__main__":
    main()
