"""Compare the measured peak memory of a run with the estimate, per preset and scale.

    python -m benchmarks.memory_estimate [nano-4 light-4 nano-8 nano-4-16 ...]

A third number of a case is the number of features of a discriminator; a third word, "vgg", is the perceptual loss with
random weights. Each case is a short run in a process of its own, on the CPU, with validations and with saves beside its
steps. The resident set before the first step (PyTorch itself) is subtracted.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.conditions import describe_conditions

CASES = ("nano-4", "light-4", "nano-2", "nano-8")
_STEPS = 8


def main() -> None:
    """Measure each case in a process of its own."""
    if sys.argv[1:2] == ["--case"]:
        measure(sys.argv[2])
        return
    print(describe_conditions(), flush=True)
    for name in sys.argv[1:] or CASES:
        subprocess.run([sys.executable, "-m", "benchmarks.memory_estimate", "--case", name], check=True)


def measure(case: str) -> None:
    """Train a few steps on random pixels; print estimate, measurement and ratio."""
    from trainer_core import environment

    environment.configure_libraries()
    import torch

    from tests.small_runs import make_photos
    from trainer_core.planning.hardware import estimate_memory
    from trainer_core.planning.plan import make_plan
    from trainer_core.training.trainer import Trainer

    preset, scale, *more = case.split("-")
    torch.rand(8, 8) @ torch.rand(8, 8)
    with tempfile.TemporaryDirectory() as folder:
        given = {
            "source_dir": str(make_photos(Path(folder) / "photos", width=1500, height=1200)),
            "workspace": str(Path(folder) / "run"),
            **{"preset": preset, "scale": int(scale), "device": "cpu", "monochrome_style": True},
            **{"steps": _STEPS, "val_interval": 3, "checkpoint_interval": 1},
        }
        if more == ["vgg"]:
            given.update(perceptual_weight=0.1, vgg_weights=str(_write_vgg(Path(folder) / "vgg.pth")))
        elif more:
            given.update(gan_weight=0.05, gan_features=int(more[0]))
        plan = make_plan(given)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        Trainer(plan, lambda event: None).run()
    measured = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e3
    estimate = estimate_memory(plan.config, plan.spec, plan.hardware, plan.micro_batch) / 1e6
    print(f"{case}: estimate {estimate:.0f} MB, measured {measured:.0f} MB, ratio {measured / estimate:.2f}")


def _write_vgg(path: Path) -> Path:
    """Write random weights in the form of torchvision's file."""
    import torch

    from trainer_core.model.vgg_spec import LAYERS

    shapes = {name: shape for layer in LAYERS for name, shape in layer.shapes.items()}
    torch.save({name: 0.05 * torch.randn(shape) for name, shape in shapes.items()}, path)
    return path


if __name__ == "__main__":
    main()
