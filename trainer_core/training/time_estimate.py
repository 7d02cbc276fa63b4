"""How long a training will take, before it starts: a small piece of the network is timed on this machine.

The piece has the network's own layers but at most two blocks and, on a CPU, few patches; its time is scaled by the
multiplications of both: within 3 % of whole steps of nano and light on an idle CPU. Other programs, a processor that
gets warm and the perceptual loss come on top.
"""

from __future__ import annotations

import dataclasses
import math
import time

from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig

_PIECE_BLOCKS = 2
_PIECE_MULTIPLICATIONS = 5e9  # on a CPU, where larger batches are no faster per patch
_MIN_ROUNDS, _ROUNDS = 3, 6  # the first ones pay for allocations and kernel choices
_MAX_SECONDS = 0.5  # seconds after which no round beyond the least begins; a busy machine is slow
_OVERHEAD_FACTOR = 1.1  # validations, previews and checkpoints, whose rhythm keeps to about a tenth of the time


def count_multiplications(spec: NetworkSpec, patch_size: int) -> float:
    """Of one LR patch forward: each weight once per pixel of the layer's output."""
    trunk = (patch_size / spec.unshuffle_factor) ** 2
    total = 0.0
    for name, shape in spec.shapes().items():
        if len(shape) == 4:
            total += shape[0] * shape[1] * shape[2] * shape[3] * trunk * _output_pixels_per_trunk_pixel(name, spec)
    return total


def _output_pixels_per_trunk_pixel(name: str, spec: NetworkSpec) -> int:
    """Pixels of a layer's output per pixel of the trunk."""
    layer = name.split(".")[0]
    if layer.startswith("conv_up"):
        return int(4 ** int(layer[len("conv_up") :]))
    return int(4**spec.up_convolutions) if layer in ("conv_hr", "conv_last") else 1


def measure_step_seconds(config: TrainerConfig, spec: NetworkSpec, hardware: Hardware) -> float:
    """Time a piece of the network with these settings; takes some tenths of a second on an idle machine."""
    piece = dataclasses.replace(spec, num_block=min(spec.num_block, _PIECE_BLOCKS))
    each = count_multiplications(piece, config.patch_size)
    time_is_up = config.batch_size if hardware.device == "cuda" else math.ceil(_PIECE_MULTIPLICATIONS / each)
    patches = min(config.batch_size, time_is_up)
    whole = count_multiplications(spec, config.patch_size) * config.batch_size * config.grad_accum_steps
    return _time_step(config, piece, hardware, patches) * whole / (each * patches)


def estimate_run_seconds(config: TrainerConfig, per_step: float) -> float:
    """Of a whole run: the time budget where there is one, else its steps."""
    if config.max_minutes is not None:
        return 60 * config.max_minutes
    return _OVERHEAD_FACTOR * config.steps * per_step


def _time_step(config: TrainerConfig, piece: NetworkSpec, hardware: Hardware, patches: int) -> float:
    import torch

    from trainer_core.model.rrdb import RRDBNet
    from trainer_core.training.batches import Batch
    from trainer_core.training.learner import Learner

    with torch.random.fork_rng(devices=[]):  # a run's own numbers stay as they would be
        learner = Learner(config.replace(perceptual_weight=0.0), RRDBNet(piece), hardware)
    side = config.patch_size
    pair = Batch(
        torch.zeros(patches, 3, side, side, device=learner.device),
        torch.full((patches, 3, side * piece.scale, side * piece.scale), 0.5, device=learner.device),
    )
    times: list[float] = []
    while len(times) < _MIN_ROUNDS or (len(times) < _ROUNDS and sum(times) < _MAX_SECONDS):
        began = time.monotonic()
        learner.update([pair], count=1, learning_rate=0.0)
        if hardware.device == "cuda":
            torch.cuda.synchronize()
        times.append(time.monotonic() - began)
    return min(times)
