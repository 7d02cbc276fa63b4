"""Device and precision of a run, and its memory: available, in use and needed (estimated)."""

from __future__ import annotations

import platform
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from trainer_core import machine
from trainer_core.errors import UserError
from trainer_core.model.spec import NetworkSpec
from trainer_core.settings.config import TrainerConfig

if TYPE_CHECKING:
    import torch

_BUFFER_BYTES = 110_000_000
_ALLOCATOR_OVERHEAD = 1.7
_MEMORY_SHARE = 0.9  # of the free memory; a larger need gives a warning
PRECISION_BYTES = {"fp32": 4, "bf16": 2, "fp16": 2}


@dataclass(frozen=True)
class Hardware:
    """Device and precision of a run. `precision` is "fp32", "bf16" or "fp16"; `notices` say why a GPU is not used."""

    device: str  # "cpu" or "cuda"
    precision: str
    name: str
    notices: tuple[str, ...] = ()

    @property
    def is_asynchronous(self) -> bool:
        """Whether the device still computes when a call of torch returns."""
        return self.device != "cpu"

    @property
    def torch_device(self) -> torch.device:
        """The device as a torch object."""
        import torch

        return torch.device(self.device)


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
        return f"Memory may run out: {self}. Lower --batch-size and raise --grad-accum-steps."


def choose_hardware(config: TrainerConfig) -> Hardware:
    """Return the device and precision for these settings.

    Imports torch only to find a GPU (device "auto" or "cuda") or native bf16 (mixed precision on), thus not with
    `--device cpu --no-amp`.

    Raises:
        UserError: the device is "cuda" and there is no CUDA GPU.
    """
    notices: tuple[str, ...] = ()
    if config.device != "cpu":
        import torch

        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            has_gpu = torch.cuda.is_available()
        if has_gpu:
            precision = "fp32" if not config.amp else "bf16" if torch.cuda.get_device_capability()[0] >= 8 else "fp16"
            return Hardware("cuda", precision, torch.cuda.get_device_name())
        reason = str(caught[0].message).partition("(Triggered internally")[0].strip().rstrip(".") if caught else ""
        if config.device == "cuda":
            raise UserError(
                f"--device cuda: PyTorch finds no CUDA GPU{f' ({reason})' if reason else ''}. Use --device cpu, or "
                "install a CUDA build of PyTorch."
            )
        notices = (f"The GPU is not used: {reason}.",) if reason else ()
    return Hardware("cpu", "bf16" if config.amp and _cpu_computes_bf16() else "fp32", _cpu_name(), notices)


def estimate_memory(config: TrainerConfig, spec: NetworkSpec, precision: str) -> int:
    """Estimate the bytes of a training step: weights, gradients, Adam, EMA, and activations for the backward pass.

    The estimate counts layers: each dense block keeps its five inputs and four activations, the tail its upscaled
    features. It adds a tenth and a fixed amount for buffers of the library, and a factor for the gaps that the tail's
    large tensors leave in memory that the process keeps (`environment.py`). All constants are fitted to a CPU with
    bf16 (benchmarks/memory_estimate.py: measured / estimate 0.94 to 1.18), not to CUDA.
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
    """Return the bytes that can still be allocated on the device; on a CPU, within the limits of its container."""
    if hardware.device == "cuda":
        import torch

        unused = torch.cuda.memory_reserved() - torch.cuda.memory_allocated()  # cached by this process
        return int(torch.cuda.mem_get_info()[0] + unused)
    return machine.available_memory()


def total_memory(hardware: Hardware) -> int | None:
    """Return the bytes of the GPU's memory; None on a CPU, which has no memory of its own."""
    if hardware.device != "cuda":
        return None
    import torch

    return int(torch.cuda.mem_get_info()[1])


def used_memory(hardware: Hardware) -> int:
    """Return the bytes in use: the peak of CUDA's allocator, or the resident set of this process."""
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
