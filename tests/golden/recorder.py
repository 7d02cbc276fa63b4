"""Golden losses: 20 steps of small runs, recorded as hexadecimal floats, one file per case.

A change that should not change numbers must leave them as they are. To record them again, run

    python -m tests.golden.recorder

and say in the commit why they changed.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import PIL
import torch
from PIL import Image

from tests.small_runs import TINY
from trainer_core.events import Event, StepDone
from trainer_core.planning.plan import make_plan
from trainer_core.training.trainer import Trainer

FOLDER = Path(__file__).parent
STEPS = 20
CASES: dict[str, dict[str, Any]] = {
    "mono_x4": {"scale": 4},
    "mono_x2": {"scale": 2, "grad_accum_steps": 2},
    "color_x4": {"scale": 4, "monochrome_style": False, "frequency_weight": 0.1},
    "color_x2": {"scale": 2, "monochrome_style": False},
    "mono_x4_gan": {"gan_weight": 0.05, "gan_ramp": 10, "gan_features": 4, "gradient_weight": 0.1},
}


def environment() -> str:
    """Describe what the exact numbers depend on, in one line."""
    parts = {
        "torch": torch.__version__.split("+")[0],
        "numpy": np.__version__,
        "pillow": PIL.__version__,
        "machine": platform.machine(),
        "kernels": torch.backends.cpu.get_cpu_capability(),
        "processor": _describe_processor(),  # the kernels of one capability still differ between processors
    }
    return " ".join(f"{name}={value}" for name, value in parts.items())


def _describe_processor() -> str:
    """Return family and model of the processor on Linux, "unknown" where they are not stated."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines()
    except OSError:
        return "unknown"
    facts: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        facts.setdefault(name.strip(), value.strip())
    return f"{facts.get('cpu family', 'unknown')}-{facts.get('model', 'unknown')}"


def measure(name: str, folder: Path) -> list[float]:
    """Train case `name` in `folder` for 20 steps on one thread of the CPU in float32; the loss of each step."""
    losses: list[float] = []

    def on_event(event: Event) -> None:
        if isinstance(event, StepDone):
            losses.append(event.losses["total"])

    settings = {
        **TINY,
        "source_dir": str(_make_photos(folder / "photos")),
        "workspace": str(folder / name),
        "steps": STEPS,
        "val_interval": 1000,
        "checkpoint_interval": 1000,
        "image_log_max_samples": 0,
        "num_workers": 1,
        **CASES[name],
    }
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        Trainer(make_plan(settings), on_event).run()
    finally:
        torch.set_num_threads(threads)
    return losses


def read(name: str) -> tuple[str, list[float]]:
    """The recorded environment and losses of case `name`."""
    first, *lines = (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    return first.removeprefix("# "), [float.fromhex(line) for line in lines]


def record() -> None:
    """Record all cases."""
    for name in CASES:
        with tempfile.TemporaryDirectory() as folder:
            lines = [f"# {environment()}", *(loss.hex() for loss in measure(name, Path(folder)))]
        (FOLDER / f"{name}.txt").write_text("\n".join(lines) + "\n", "utf-8")
        print(f"recorded {name}", file=sys.stderr)


def _make_photos(folder: Path) -> Path:
    """Write four photos made of arithmetic alone: the same with every version of every library."""
    folder.mkdir()
    y, x = np.mgrid[0:320, 0:400]
    for number in range(4):
        waves = [np.sin((x * (number + 2) + y * (channel + 1)) / (9.0 + 4 * channel)) for channel in range(3)]
        boxes = ((x // (17 + number) + y // 23) % 3) * 30
        pixels = np.stack([110 + 60 * wave + boxes for wave in waves], axis=-1)
        Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(folder / f"photo{number}.png")
    return folder


if __name__ == "__main__":
    record()
