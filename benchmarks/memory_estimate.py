"""Compare the measured peak memory of a training step with the estimate, per preset and scale.

    python -m benchmarks.memory_estimate [nano-4 light-4 nano-8 ...]

Each case runs in a process of its own, on the CPU; the resident set before the step (PyTorch itself) is subtracted.
"""

from __future__ import annotations

import resource
import subprocess
import sys

CASES = ("nano-4", "light-4", "nano-2", "nano-8")
_STEPS = 6


def measure(case: str) -> None:
    """Run some updates on random pixels; print estimate, measurement and ratio."""
    from trainer_core import environment

    environment.configure_libraries()
    import torch

    from benchmarks.training_step import step_config, training_step
    from trainer_core.planning.hardware import choose_hardware, estimate_memory
    from trainer_core.planning.plan import network_spec

    preset, scale = case.split("-")
    config = step_config(preset, int(scale))
    torch.rand(8, 8) @ torch.rand(8, 8)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    step = training_step(config)
    for _ in range(_STEPS):
        step()
    measured = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    precision, batch = choose_hardware(config).precision, config.effective_batch
    estimate = estimate_memory(config, network_spec(config), precision, batch) / 1e6
    print(f"{case}: estimate {estimate:.0f} MB, measured {measured:.0f} MB, ratio {measured / estimate:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        measure(sys.argv[2])
    else:
        for name in sys.argv[1:] or CASES:
            subprocess.run([sys.executable, "-m", "benchmarks.memory_estimate", "--case", name], check=True)
