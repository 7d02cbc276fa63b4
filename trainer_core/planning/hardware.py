"""Device and precision of a run, and its memory: available, in use and needed (estimated)."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psutil

from trainer_core import machine
from trainer_core.data.frames import MAX_FRAMES
from trainer_core.errors import UserError
from trainer_core.model import discriminator_spec, vgg_spec
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning import gpus, missing_gpus
from trainer_core.planning.cpu_precision import choose_cpu_precision
from trainer_core.settings.config import TrainerConfig
from trainer_core.settings.schema import AUTO
from trainer_core.watches import WQV10

if TYPE_CHECKING:
    import torch

_BUFFER_BYTES = 110_000_000
_ALLOCATOR_OVERHEAD = 1.7
_VALIDATION_OVERHEAD = 2.25  # peak of a frame per feature map, measured for mono and color at x4 and x8
SAVES_UNDER_WAY = 2  # copies of the state that wait for the disk
_MEMORY_SHARE = 0.9  # of the free memory; a larger need gives a warning
PRECISION_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True)
class Hardware:
    """Device and precision of a run.

    Attributes:
        device: the device in torch: "cpu", "cuda:0", "xpu:0" or "mps".
        precision: "fp32", "bf16" or "fp16".
        name: the model of processor or GPU.
        notices: sentences on GPUs that are not used.
        is_channels_last: whether convolutions are fastest with the channels last in memory.
    """

    device: str
    precision: str
    name: str
    notices: tuple[str, ...] = ()
    is_channels_last: bool = True

    @property
    def kind(self) -> str:
        """The device without its number: "cpu", "cuda", "xpu" or "mps"."""
        return self.device.partition(":")[0]

    @property
    def label(self) -> str:
        """The name, with the number of a GPU."""
        return f"{self.name} ({self.device})" if ":" in self.device else self.name

    @property
    def is_asynchronous(self) -> bool:
        """Whether the device still computes when a call of torch returns."""
        return self.kind != "cpu"

    @property
    def torch_device(self) -> torch.device:
        """The device as a torch object."""
        import torch

        return torch.device(self.device)

    @property
    def autocast_dtype(self) -> torch.dtype | None:
        """The type of mixed precision; None in fp32."""
        import torch

        return {"bf16": torch.bfloat16, "fp16": torch.float16}.get(self.precision)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Compute in mixed precision in the `with` block, unless the precision is fp32."""
        import torch

        dtype = self.autocast_dtype
        return contextlib.nullcontext() if dtype is None else torch.autocast(self.kind, dtype=dtype)

    @property
    def memory_format(self) -> torch.memory_format:
        """The memory layout of images and weights."""
        import torch

        return torch.channels_last if self.is_channels_last else torch.contiguous_format


@dataclass(frozen=True)
class MemoryNeed:
    """Estimated bytes that a training step needs, and bytes that are free on its device."""

    needed: int
    free: int

    def __str__(self) -> str:
        return f"about {self.needed / 1e9:.2f} GB needed, {self.free / 1e9:.1f} GB free"

    @property
    def exceeds_free(self) -> bool:
        """Whether the need exceeds 90 % of the free memory."""
        return self.needed > _MEMORY_SHARE * self.free

    @property
    def warning(self) -> str:
        """A sentence for the user, or "" if there is enough memory."""
        if not self.exceeds_free:
            return ""
        return f"Memory may run out: {self}. Use --batch-size auto, --memory low or a smaller --preset."


def choose_hardware(config: TrainerConfig) -> Hardware:
    """Return the device and precision for these settings.

    A GPU counts if it computes a small convolution. "auto" takes the first CUDA GPU that does, else the CPU.

    Imports torch only to find a GPU (any device but "cpu") or to measure bf16 (mixed precision on), thus not with
    `--device cpu --no-amp`.

    Raises:
        UserError: the device is a GPU that is not there or cannot be used.
    """
    if config.device == "cpu":
        return _cpu(config)
    found, reason = gpus.find_gpus()
    kind = "cuda" if config.device == AUTO else config.device.partition(":")[0]
    faults: list[str] = []
    for gpu in found:
        if config.device in (AUTO, gpu.device, gpu.kind) and gpu.kind == kind:
            precision = gpus.choose_precision(gpu) if config.amp else "fp32"
            fault = gpus.find_fault(gpu, precision)
            if not fault:
                return Hardware(gpu.device, precision, gpu.name, tuple(faults), gpus.prefers_channels_last(gpu))
            faults.append(f"{gpu.label} cannot be used: {fault}.")
    if config.device != AUTO:
        text = " ".join(faults) or missing_gpus.explain_missing_gpu(config.device, found, reason)
        raise UserError(f"--device {config.device}: {text}")
    notices = [f"The GPU is not used: {reason}."] if reason else [f"The CPU is used. {fault}" for fault in faults]
    notices += [] if reason or found else filter(None, [missing_gpus.find_unused_card()])
    notices += [
        f"{gpu.name} is not used: runs on GPUs are tested for CUDA only, with a fake device. Use --device {gpu.kind} "
        "to try it."
        for gpu in found
        if gpu.kind != "cuda"
    ]
    return _cpu(config, tuple(notices))


def list_devices() -> dict[str, str]:
    """Return the values of `--device` on this machine, with their texts: what torch finds, usable or not."""
    found, _ = gpus.find_gpus()
    return {AUTO: AUTO, "cpu": "cpu", **{gpu.device: gpu.label for gpu in found}}


def _cpu(config: TrainerConfig, notices: tuple[str, ...] = ()) -> Hardware:
    return Hardware("cpu", choose_cpu_precision() if config.amp else "fp32", machine.name_processor(), notices)


def estimate_memory(config: TrainerConfig, spec: NetworkSpec, hardware: Hardware, micro_batch: int) -> int:
    """Estimate the bytes that a run needs on its device: for a step or a validation, whichever needs more.

    To weights, gradients, Adam, EMA, the network that validates, the discriminator and VGG19 it adds a tenth and a
    fixed amount for buffers of the library, and on a CPU what lies beside the training in the same memory. All
    constants are fitted to a CPU (benchmarks/memory_estimate.py: measured / estimate 0.90 to 0.93 in fp32), not to a
    GPU.
    """
    weights = 6 * spec.parameter_count() * 4
    if config.gan_weight > 0:
        weights += 4 * discriminator_spec.count_parameters(config.gan_features) * 4
    if _has_perceptual_loss(config):
        weights += vgg_spec.count_parameters() * PRECISION_BYTES[hardware.precision]
    work = max(_estimate_step(config, spec, hardware.precision, micro_batch), _estimate_validation(config, spec))
    needed = int(_BUFFER_BYTES + 1.1 * (weights + work))
    return needed + _estimate_copies(config, spec) if hardware.kind == "cpu" else needed


def _estimate_step(config: TrainerConfig, spec: NetworkSpec, precision: str, micro_batch: int) -> float:
    """Estimate the bytes of the activations that a step keeps for its backward pass.

    Each dense block keeps its five inputs and four activations, the tail its upscaled features. With `memory` "low" a
    block of three dense blocks keeps its input alone until its backward pass. A factor accounts for the gaps that the
    tail's large tensors leave in memory that the process keeps (`environment.py`).
    """
    feat, grow = spec.num_feat, spec.num_grow_ch
    block_channels = sum(feat + k * grow for k in range(5)) + 4 * grow + feat
    trunk_pixels = (config.patch_size / spec.unshuffle_factor) ** 2
    kept_channels = 3 * spec.num_block * block_channels
    if config.memory == "low":
        kept_channels = spec.num_block * feat + 3 * block_channels
    trunk = trunk_pixels * (kept_channels + 4 * feat)
    tail = sum(trunk_pixels * 4 ** (k + 1) * feat * 2 for k in range(spec.up_convolutions))
    tail += (config.patch_size * spec.scale) ** 2 * (feat + 9)
    generator = trunk + _ALLOCATOR_OVERHEAD * tail
    rated = _ALLOCATOR_OVERHEAD * _count_rated_values(config, spec)
    value_bytes = PRECISION_BYTES[precision]
    perceptual = _ALLOCATOR_OVERHEAD * _count_perceptual_bytes(config, spec, value_bytes)
    # the generator's pass rates SR; when its values are free again, the discriminator's rates SR and HR
    return float(micro_batch * max((generator + rated) * value_bytes + perceptual, 2 * rated * value_bytes))


def _has_perceptual_loss(config: TrainerConfig) -> bool:
    return config.perceptual_weight > 0 and bool(config.vgg_weights)


def _count_perceptual_bytes(config: TrainerConfig, spec: NetworkSpec, value_bytes: int) -> float:
    """Count the bytes that the perceptual loss of a patch keeps for its backward pass; 0 without that loss."""
    if not _has_perceptual_loss(config):
        return 0.0
    return (config.patch_size * spec.scale) ** 2 * vgg_spec.count_kept_bytes(value_bytes)


def _count_rated_values(config: TrainerConfig, spec: NetworkSpec) -> float:
    """Count the activations of the discriminator that a patch keeps for its backward pass; 0 without an adversary.

    Per pixel seven values for each feature at full resolution, eight at half of it, sixteen at a quarter.
    """
    if config.gan_weight <= 0:
        return 0.0
    return (config.patch_size * spec.scale) ** 2 * (config.gan_features * (7 + 8 / 4 + 16 / 16 + 8 / 64) + 6)


def _estimate_validation(config: TrainerConfig, spec: NetworkSpec) -> float:
    """Estimate the bytes of a frame that is validated, in float32: input and output of a layer in full resolution."""
    return _VALIDATION_OVERHEAD * _count_frame_pixels(config) * spec.num_feat * 4


def _estimate_copies(config: TrainerConfig, spec: NetworkSpec) -> int:
    """Estimate the bytes beside the training: first weights, states and models being saved, validation frames."""
    weights = spec.parameter_count() * 4
    model = weights if config.compact_export else NetworkSpec(spec.scale).parameter_count() * 4
    frames = sum(MAX_FRAMES.values()) * _count_frame_pixels(config) * (1 if config.monochrome_style else 3) * 2
    saved = 4 * weights + model
    if config.gan_weight > 0:
        saved += 3 * discriminator_spec.count_parameters(config.gan_features) * 4
    return weights + SAVES_UNDER_WAY * saved + frames


def _count_frame_pixels(config: TrainerConfig) -> int:
    """Count the pixels of a target frame."""
    mono, side = config.monochrome_style, config.base_resolution
    pixels = side * side if mono else WQV10.frame_width * WQV10.frame_height
    return pixels * config.scale * config.scale


def available_memory(hardware: Hardware) -> int:
    """Return the bytes that can still be allocated on the device; on a CPU, within the limits of its container."""
    if hardware.kind != "cpu":
        return gpus.free_memory(hardware.device)
    return machine.available_memory()


def count_own_processes(config: TrainerConfig, hardware: Hardware) -> int:
    """Return how many processes the program itself starts for a run from its beginning, with this one."""
    can_share = hardware.kind == "cpu" and config.compile != "on" and config.processes != AUTO
    return int(config.processes) if can_share else 1


def count_processes(config: TrainerConfig, hardware: Hardware) -> int:
    """Return how many processes on this machine share the memory of the processor in a run; 1 on a GPU."""
    started = machine.count_local_processes() if hardware.kind == "cpu" else 1
    return max(started, count_own_processes(config, hardware))


def total_memory(hardware: Hardware) -> int | None:
    """Return the bytes of the GPU's memory; None on a CPU, which has no memory of its own."""
    return gpus.total_memory(hardware.device) if hardware.kind != "cpu" else None


def used_memory(hardware: Hardware) -> int:
    """Return the bytes in use: on a GPU the peak since `use_device`, else the resident set of this process."""
    if hardware.kind != "cpu":
        return gpus.peak_memory(hardware.device)
    return int(psutil.Process().memory_info().rss)


@contextlib.contextmanager
def use_device(hardware: Hardware) -> Iterator[None]:
    """Use the device in the `with` block: its peak of memory begins there, and what is free at the end is returned."""
    with gpus.use(hardware.device) if hardware.kind != "cpu" else contextlib.nullcontext():
        yield


def synchronize(hardware: Hardware) -> None:
    """Wait until the device has completed all work."""
    if hardware.is_asynchronous:
        gpus.synchronize(hardware.device)


def release_memory(hardware: Hardware) -> None:
    """Return memory that this process has freed to the device, where other sizes can be allocated from it."""
    if hardware.kind != "cpu":
        gpus.release_memory(hardware.device)
