"""Compare a training step with a plain one of other trainers and with its convolutions alone, in turns.

    python -m benchmarks.step [--presets nano light] [--batches 16] [--threads 2] [--turns 5] [--steps 3]

Three ways, x4 mono, in one process:

plain         eager float32 in PyTorch's default layout, Adam as it comes, EMA weight by weight, `.item()` of the loss
ours          the program's step: photos cut in threads, camera, mixed precision where the processor has it, EMA, loss
convolutions  each convolution of the network alone, forward and backward, in the faster of float32 and bf16 and of the
              two layouts: no activation, no concatenation, no camera

A turn does `--steps` steps of each way. Printed are the medians of the turns, and both ratios: how many times as fast
as the plain step (goal: 2.4), and the share of the step that its convolutions would take. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
import torch.nn.functional as F

from benchmarks.conditions import describe_conditions
from benchmarks.data import make_photos
from benchmarks.training_step import step_config
from trainer_core import environment
from trainer_core.data.photos import scan_photos
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import choose_hardware
from trainer_core.planning.plan import network_spec
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.batches import BatchMaker
from trainer_core.training.cameras import make_camera, make_region_spec
from trainer_core.training.learner import Learner
from trainer_core.training.samples import make_region_source

_GOAL = 2.4
_Step = Callable[[], object]
_Shape = tuple[int, int, int]  # input channels, output channels, side


def main() -> None:
    """Measure every preset and batch size, and print a table."""
    arguments = _arguments()
    environment.configure_libraries()
    torch.set_num_threads(arguments.threads)
    hardware = choose_hardware(TrainerConfig(device="cpu"))
    print(f"{describe_conditions()}; {hardware.precision}, {arguments.threads} threads")
    print("| preset | batch | plain (s) | ours (s) | convolutions (s) | times as fast | convolutions / ours |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        photos = make_photos(Path(folder), 40, 0.5)
        for preset in arguments.presets:
            for batch in arguments.batches:
                print(_measure(preset, batch, photos, arguments), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=["nano", "light"])
    parser.add_argument("--batches", nargs="+", type=int, default=[16])
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--steps", type=int, default=3, help="steps of each way in a turn")
    return parser.parse_args()


def _measure(preset: str, batch: int, photos: Path, arguments: argparse.Namespace) -> str:
    config = step_config(preset).replace(batch_size=batch, monochrome_style=True)
    times: dict[str, list[float]] = {}
    with _our_step(config, photos) as ours:
        ways = {"plain": _plain_step(config), "ours": ours, "convolutions": _convolutions(config)}
        for turn in range(arguments.turns + 1):
            for name, step in ways.items():
                started = time.perf_counter()
                for _ in range(arguments.steps):
                    step()
                if turn:  # the first one warms up
                    times.setdefault(name, []).append((time.perf_counter() - started) / arguments.steps)
    plain, our, convolutions = (statistics.median(times[name]) for name in ways)
    mark = "" if plain / our >= _GOAL else f" (goal {_GOAL})"
    figures = f"{plain:.3f} | {our:.3f} | {convolutions:.3f} | {plain / our:.2f}{mark} | {convolutions / our:.2f}"
    return f"| {preset} | {batch} | {figures} |"


# -- the plain step ------------------------------------------------------------------------------


def _plain_step(config: TrainerConfig) -> _Step:
    network = RRDBNet(network_spec(config))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    averages = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    batch, side = config.effective_batch, config.patch_size
    lr, hr = torch.rand(batch, 3, side, side), torch.rand(batch, 3, *[side * config.scale] * 2)

    def step() -> float:
        optimizer.zero_grad()
        loss = F.l1_loss(network(lr), hr)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        for name, weight in network.named_parameters():
            averages[name].mul_(0.999).add_(weight.data, alpha=0.001)
        return loss.item()

    return step


# -- the program's step --------------------------------------------------------------------------


@contextlib.contextmanager
def _our_step(config: TrainerConfig, photos: Path) -> Iterator[_Step]:
    hardware, camera = choose_hardware(config), make_camera(config)
    learner = Learner(config, RRDBNet(network_spec(config)), hardware)
    maker = BatchMaker(config, camera, hardware.torch_device, hardware.memory_format)
    region = make_region_spec(config, camera)
    with make_region_source(config, scan_photos(photos).photos, region, print, lambda: None) as source:
        prepared = source.iterate_prepared(0, config.effective_batch, maker.prepare)

        def step() -> float:
            learner.update([maker.make_batch(next(prepared))], count=1, learning_rate=1e-4)
            return learner.read_latest().losses["total"]

        yield step


# -- the convolutions alone ----------------------------------------------------------------------


def _convolutions(config: TrainerConfig) -> _Step:
    """Return a function that does the forward and backward passes of every convolution in its best form."""
    dtypes = {torch.float32, choose_hardware(config).autocast_dtype or torch.float32}
    counts = _count(network_spec(config), config)
    steps = [(_best_convolution(shape, config.effective_batch, dtypes), number) for shape, number in counts.items()]

    def step() -> None:
        for convolve, number in steps:
            for _ in range(number):
                convolve()

    return step


def _count(spec: NetworkSpec, config: TrainerConfig) -> Counter[_Shape]:
    """Count the convolutions of each shape; those behind a doubling see a larger image."""
    counts: Counter[_Shape] = Counter()
    for name, shape in spec.shapes().items():
        if not name.endswith(".weight"):
            continue
        side = config.patch_size
        if name.startswith("conv_up"):
            side *= 2 ** int(name[len("conv_up")])
        elif name.startswith(("conv_hr", "conv_last")):
            side *= config.scale
        counts[shape[1], shape[0], side] += 1
    return counts


def _best_convolution(shape: _Shape, batch: int, dtypes: set[torch.dtype]) -> _Step:
    layouts = (torch.contiguous_format, torch.channels_last)
    candidates = [_convolution(shape, batch, layout, dtype) for layout in layouts for dtype in dtypes]

    def duration(step: _Step) -> float:
        step()
        started = time.perf_counter()
        for _ in range(3):
            step()
        return time.perf_counter() - started

    return min(candidates, key=duration)


def _convolution(shape: _Shape, batch: int, layout: torch.memory_format, dtype: torch.dtype) -> _Step:
    inputs, outputs, side = shape
    is_first = inputs == 3  # no gradient of the picture
    x = torch.rand(batch, inputs, side, side, dtype=dtype).contiguous(memory_format=layout).requires_grad_(not is_first)
    weight = torch.rand(outputs, inputs, 3, 3, dtype=dtype).contiguous(memory_format=layout).requires_grad_()
    bias = torch.rand(outputs, dtype=dtype).requires_grad_()
    gradient = torch.rand(batch, outputs, side, side, dtype=dtype).contiguous(memory_format=layout)
    wanted = (weight, bias) if is_first else (x, weight, bias)
    return lambda: torch.autograd.grad(F.conv2d(x, weight, bias, padding=1), wanted, gradient)


if __name__ == "__main__":
    main()
