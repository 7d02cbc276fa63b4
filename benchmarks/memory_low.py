"""Compare `--memory auto` and `--memory low`: the activations of a training step, counted, and its time, in turns.

    python -m benchmarks.memory_low [--preset full] [--batch 16] [--patch 64] [--turns 3]

The activations are the bytes that PyTorch's allocator hands out during forward and backward pass, at their highest;
weights, moments and gradients are there before. They are proportional to the batch, so that a small one will do. Each
turn times one step of each kind, in changing order; the median of the ratios counts. The load of the machine, printed
before and after, is that of all programs: on a busy machine only the ratio of the processor times means anything, best
with OMP_NUM_THREADS=1, because threads that wait for each other use the processor as well.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

from benchmarks.conditions import describe_conditions

MODES = ("auto", "low")


def make_steps(preset: str, batch: int, patch: int) -> dict[str, Callable[[], None]]:
    """Return a training step on random pixels for each mode, with gradients that stay allocated."""
    import torch

    from benchmarks.training_step import step_config
    from trainer_core.model.initialize import initialize
    from trainer_core.model.rrdb import RRDBNet
    from trainer_core.planning.hardware import choose_hardware
    from trainer_core.planning.plan import network_spec
    from trainer_core.training.learner import Learner

    config = step_config(preset, 4).replace(patch_size=patch)
    network = RRDBNet(network_spec(config))
    initialize(network, 1)
    learner = Learner(config, network, choose_hardware(config))
    generator = torch.Generator().manual_seed(1)
    low = torch.rand(batch, 3, patch, patch, generator=generator).contiguous(memory_format=torch.channels_last)
    high = torch.rand(batch, 3, 4 * patch, 4 * patch, generator=generator)

    def make(mode: str) -> Callable[[], None]:
        def step() -> None:
            learner.network.recomputes_blocks = mode == "low"
            with learner._autocast():
                sr = learner.network(low)
            (sr.float() - high).abs().mean().backward()

        return step

    return {mode: make(mode) for mode in MODES}


def count_peak(step: Callable[[], None]) -> int:
    """Return the highest sum of the bytes that are allocated during a step."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        step()
    events = [event for event in profiler.profiler.kineto_results.events() if event.name() == "[memory]"]
    used = peak = 0
    for event in sorted(events, key=lambda event: event.start_ns()):
        used += event.nbytes()
        peak = max(peak, used)
    return peak


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--preset", default="full")
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--patch", type=int, default=64)
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    from trainer_core import environment

    environment.configure_libraries()
    print(f"{arguments.preset} x4, batch {arguments.batch}, patch {arguments.patch}; {describe_conditions()}")
    steps = make_steps(arguments.preset, arguments.batch, arguments.patch)
    for step in steps.values():
        step()  # pays for allocations and the choice of kernels
    peaks = {mode: count_peak(step) for mode, step in steps.items()}
    ratios, processor_ratios = [], []
    for turn in range(arguments.turns):
        seconds, processor_seconds = {}, {}
        for mode in MODES if turn % 2 else reversed(MODES):
            started, processor_started = time.monotonic(), time.process_time()
            steps[mode]()
            seconds[mode] = time.monotonic() - started
            processor_seconds[mode] = time.process_time() - processor_started
        processor_ratios.append(processor_seconds["low"] / processor_seconds["auto"])
        ratios.append(seconds["low"] / seconds["auto"])
        print(
            f"turn {turn + 1}: auto {seconds['auto']:.2f} s, low {seconds['low']:.2f} s, {ratios[-1]:.2f}x", flush=True
        )
    share = peaks["low"] / peaks["auto"]
    print(f"activations: auto {peaks['auto'] / 1e6:.0f} MB, low {peaks['low'] / 1e6:.0f} MB, {share:.2f} of auto")
    times = f"time: {statistics.median(ratios):.2f}x, processor time: {statistics.median(processor_ratios):.2f}x"
    print(f"{times} (medians of {len(ratios)}); load {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
