"""What the run computes on: device, precision, and how much memory there is and will be needed."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from trainer_core.errors import UserError
from trainer_core.model.spec import NetworkSpec
from trainer_core.settings.config import TrainerConfig

if TYPE_CHECKING:
    import torch

_BUFFER_BYTES = 110_000_000
_ALLOCATOR_OVERHEAD = 1.7
_MEMORY_SHARE = 0.9  # of the free memory, above which a warning is due
PRECISION_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True)
class Hardware:
    """Where and how the network is computed. `precision` is "fp32", "bf16" or "fp16"."""

    device: str  # "cpu" or "cuda"
    precision: str
    name: str

    @property
    def torch_device(self) -> torch.device:
        """The device as torch names it."""
        import torch

        return torch.device(self.device)


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes that a training step needs, roughly, beside those that are free on its device."""

    needed: int
    free: int

    def __str__(self) -> str:
        return f"about {self.needed / 1e9:.2f} GB needed, {self.free / 1e9:.1f} GB free"

    @property
    def exceeds_free(self) -> bool:
        """Whether a warning is due."""
        return self.needed > _MEMORY_SHARE * self.free

    @property
    def warning(self) -> str:
        """What may happen and what to do, "" where there is memory enough."""
        if not self.exceeds_free:
            return ""
        return f"Memory may run out: {self}. Lower --batch-size and raise --grad-accum-steps."


def choose_hardware(config: TrainerConfig) -> Hardware:
    """The device and precision for these settings.

    Imports torch only to look for a GPU (device "auto" or "cuda") and for native bf16 (mixed precision on): with
    `--device cpu --no-amp` it is not needed.

    Raises:
        UserError: CUDA was asked for and there is none.
    """
    if config.device != "cpu":
        import torch

        if torch.cuda.is_available():
            precision = "fp32" if not config.amp else "bf16" if torch.cuda.get_device_capability()[0] >= 8 else "fp16"
            return Hardware("cuda", precision, torch.cuda.get_device_name())
        if config.device == "cuda":
            raise UserError(
                "--device cuda: this PyTorch finds no CUDA GPU. Use --device cpu, or install a CUDA build of PyTorch."
            )
    return Hardware("cpu", "bf16" if config.amp and _cpu_computes_bf16() else "fp32", _cpu_name())


def estimate_memory(config: TrainerConfig, spec: NetworkSpec, precision: str) -> int:
    """Bytes a training step needs, roughly: weights, gradients, Adam, EMA, and the activations kept for backward.

    Counted from the layers (each dense block keeps its five inputs and four activations, the tail its up-scaled
    features), plus a tenth and a fixed amount for the library's own buffers, and more for the gaps that the tail's
    large tensors leave in memory that is kept (`environment.py`); all fitted to measurements on a CPU with bf16
    (benchmarks/memory_estimate.py: measured / estimate 0.94 to 1.18). Not measured on CUDA.
    """
    weights = spec.parameter_count() * 4 * 5
    feat, grow = spec.num_feat, spec.num_grow_ch
    block_channels = sum(feat + k * grow for k in range(5)) + 4 * grow + feat
    trunk_pixels = (config.patch_size / spec.unshuffle_factor) ** 2
    trunk = trunk_pixels * (3 * spec.num_block * block_channels + 4 * feat)
    tail = sum(trunk_pixels * 4 ** (k + 1) * feat * 2 for k in range(spec.up_convolutions))
    tail += (config.patch_size * spec.scale) ** 2 * (feat + 9)
    activations = config.batch_size * (trunk + _ALLOCATOR_OVERHEAD * tail) * PRECISION_BYTES[precision]
    return int(_BUFFER_BYTES + 1.1 * (weights + activations))


def available_memory(hardware: Hardware) -> int:
    """Bytes that can still be allocated on the device."""
    if hardware.device == "cuda":
        import torch

        unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # kept by this process
        return int(torch.cuda.mem_get_info()[0] + unused)
    return int(psutil.virtual_memory().available)


def total_memory(hardware: Hardware) -> int | None:
    """Bytes of the GPU's own memory; None on a CPU, which shares the machine's."""
    if hardware.device != "cuda":
        return None
    import torch

    return int(torch.cuda.mem_get_info()[1])


def used_memory(hardware: Hardware) -> int:
    """Bytes in use: the peak of CUDA's allocator, or the resident set of this process."""
    if hardware.device == "cuda":
        import torch

        return int(torch.cuda.max_memory_allocated())
    return int(psutil.Process().memory_info().rss)


def _cpu_computes_bf16() -> bool:
    """Whether the processor multiplies bf16 natively; emulated bf16 is slower than fp32."""
    import torch

    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, name)() for name in checks if hasattr(torch.cpu, name))


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "CPU"
