"""Is the memory estimate right? Ratio of the measured peak of a training step to the estimate, per preset and scale.

    python benchmarks/memory_estimate.py [nano-4 light-4 nano-8 ...]

Each case runs in a process of its own, on the CPU; the resident set before the step (PyTorch itself) is subtracted.
"""

from __future__ import annotations

import resource
import subprocess
import sys

CASES = ("nano-4", "light-4", "nano-2", "nano-8")


def measure(case: str) -> None:
    """Two updates on random pairs; prints estimate, measurement and ratio."""
    import torch

    from trainer_core.config import TrainerConfig
    from trainer_core.model.rrdb import RRDBNet
    from trainer_core.presets import PRESETS
    from trainer_core.training.hardware import choose, memory_estimate
    from trainer_core.training.learner import Learner
    from trainer_core.training.pairs import Pair
    from trainer_core.training.plan import network_of

    preset, scale = case.split("-")
    config = TrainerConfig(preset=preset, scale=int(scale), device="cpu", **PRESETS[preset])
    hardware, spec = choose(config), network_of(config)
    torch.rand(8, 8) @ torch.rand(8, 8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    learner = Learner(config, RRDBNet(spec), hardware)
    side = config.patch_size
    pair = Pair(
        torch.rand(config.batch_size, 3, side, side), torch.rand(config.batch_size, 3, *[side * spec.scale] * 2)
    )
    for _ in range(2):
        learner.update([pair], count=1, rate=1e-4)
    measured = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    estimate = memory_estimate(config, spec, hardware.precision) / 1e6
    print(f"{case}: estimate {estimate:.0f} MB, measured {measured:.0f} MB, ratio {measured / estimate:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        measure(sys.argv[2])
    else:
        for name in sys.argv[1:] or CASES:
            subprocess.run([sys.executable, __file__, "--case", name], check=True)
