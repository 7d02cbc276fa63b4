"""The estimated duration of a run, before it starts, from timing a small probe of the network on this machine.

The probe has the network's own layers but at most two blocks and, on a CPU, few patches. `measure_step_seconds` scales
the time of its passes by the multiplications of both, and that of its update, which does not depend on the patches, by
the work of both optimizers. The result was 2 to 6 % above the processor time of whole steps of nano and light, with
Muon and with Adam (fp32, one thread, shortest of four, beside other programs); nano with a discriminator of 16 features
takes an eighth less. Other programs, a processor that slows down when warm, and the perceptual loss are not included.
"""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator

from trainer_core.model import discriminator_spec
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import Hardware, synchronize, use_device
from trainer_core.settings.config import TrainerConfig

_PROBE_BLOCKS = 2
_PROBE_MULTIPLICATIONS = 5e9  # on a CPU, where larger batches are no faster per patch
_MIN_ROUNDS, _MAX_ROUNDS = 3, 6  # the first rounds also pay for allocations and the choice of kernels
_MAX_SECONDS = 0.5  # after this time only the minimum of rounds is completed, because a busy machine is slow
_OVERHEAD_FACTOR = 1.1  # validations, previews and checkpoints, whose cadences take about a tenth of the time


def count_multiplications(spec: NetworkSpec, patch_size: int) -> float:
    """Count the multiplications of one LR patch in a forward pass: each weight once per output pixel of its layer."""
    trunk = (patch_size / spec.unshuffle_factor) ** 2
    total = 0.0
    for name, shape in spec.shapes().items():
        if len(shape) == 4:
            total += shape[0] * shape[1] * shape[2] * shape[3] * trunk * _output_pixels_per_trunk_pixel(name, spec)
    return total


def _output_pixels_per_trunk_pixel(name: str, spec: NetworkSpec) -> int:
    """Return the pixels of a layer's output per pixel of the trunk."""
    layer = name.split(".")[0]
    if layer.startswith("conv_up"):
        return int(4 ** int(layer[len("conv_up") :]))
    return int(4**spec.up_convolutions) if layer in ("conv_hr", "conv_last") else 1


def measure_step_seconds(
    config: TrainerConfig,
    spec: NetworkSpec,
    hardware: Hardware,
    micro_batch: int,
    check_stop: Callable[[], None] = lambda: None,
) -> float:
    """Estimate the seconds of a step with these settings from a probe; takes some tenths of a second when idle.

    Args:
        config: settings of the run.
        spec: the generator.
        hardware: device and precision.
        micro_batch: patches that go through the network at a time.
        check_stop: called between the blocks of the probe; what it raises ends the measurement.
    """
    probe = dataclasses.replace(spec, num_block=min(spec.num_block, _PROBE_BLOCKS))
    each = _count_step_multiplications(config, probe)
    max_patches = micro_batch if hardware.is_asynchronous else math.ceil(_PROBE_MULTIPLICATIONS / each)
    patches = min(micro_batch, max_patches)
    whole = _count_step_multiplications(config, spec) * config.effective_batch
    with use_device(hardware):
        passes, update = _time_step(config, probe, hardware, patches, check_stop)
    work, probe_work = (_count_update_work(config, network) for network in (spec, probe))
    return passes * whole / (each * patches) + update * work / probe_work


def _count_step_multiplications(config: TrainerConfig, spec: NetworkSpec) -> float:
    """Count the multiplications of a patch in a step, in passes as long as a forward and a backward pass.

    A patch goes through the discriminator four times forward and two and a half times backward, as nine forward passes.
    """
    count = count_multiplications(spec, config.patch_size)
    if config.gan_weight > 0:
        pixels = (config.patch_size * spec.scale) ** 2
        count += 3 * discriminator_spec.count_multiplications(config.gan_features) * pixels
    return count


def _count_update_work(config: TrainerConfig, spec: NetworkSpec) -> float:
    """Count the multiplications of Muon in an update or, for Adam alone, the weights."""
    if config.optimizer == "muon":
        from trainer_core.training import muon

        return muon.count_multiplications(spec)
    return spec.parameter_count()


def estimate_run_seconds(config: TrainerConfig, per_step: float) -> float:
    """Estimate the seconds of a whole run: its time budget or, without one, its steps at `per_step` seconds."""
    if config.max_minutes is not None:
        return 60 * config.max_minutes
    return _OVERHEAD_FACTOR * config.steps * per_step


def estimate_steps(minutes: float, per_step: float) -> int:
    """Estimate the steps of `per_step` seconds that fit into a time budget."""
    return max(1, int(60 * minutes / (_OVERHEAD_FACTOR * per_step)))


def _time_step(
    config: TrainerConfig, probe: NetworkSpec, hardware: Hardware, patches: int, check_stop: Callable[[], None]
) -> tuple[float, float]:
    """Return the shortest seconds of forward and backward pass together, and of the update of the weights."""
    import torch

    from trainer_core.model.rrdb import RRDBNet
    from trainer_core.training.batches import Batch
    from trainer_core.training.interruption import make_interruptible
    from trainer_core.training.learner import Learner

    with torch.random.fork_rng(devices=[]):  # leaves the random numbers of a run unchanged
        learner = Learner(config.replace(perceptual_weight=0.0), RRDBNet(probe), hardware)
    make_interruptible(learner.network, check_stop)
    lr, hr = (
        torch.full((patches, 3, side, side), 0.5, device=learner.device).contiguous(
            memory_format=hardware.memory_format
        )
        for side in (config.patch_size, config.patch_size * probe.scale)
    )
    passes: list[float] = []
    updates: list[float] = []

    def make_batches() -> Iterator[Batch]:
        started = time.monotonic()
        yield Batch(lr, hr)
        synchronize(hardware)
        passes.append(time.monotonic() - started)

    while len(passes) < _MIN_ROUNDS or (len(passes) < _MAX_ROUNDS and sum(passes + updates) < _MAX_SECONDS):
        started = time.monotonic()
        learner.update(make_batches(), count=1, learning_rate=0.0)
        synchronize(hardware)
        updates.append(time.monotonic() - started - passes[-1])
    return min(passes), min(updates)
