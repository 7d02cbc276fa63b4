"""The GPUs of this machine as torch sees them: names, the best precision and memory layout, and whether one works.

`hardware` chooses among them. Only CPUs have been tested; everything here follows the documentation of torch.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from trainer_core.requirements import format_install_command

_AMD_BF16 = ("gfx908", "gfx90a", "gfx94", "gfx95", "gfx11", "gfx12")  # architectures with bf16 matrix instructions
_AMD_SERVERS = ("gfx9",)  # on others, channels-last convolutions are slow
_NO_KERNELS = ("no kernel image", "invalid device function", "unable to find an engine")


@dataclass(frozen=True)
class Gpu:
    """A GPU; `device` is its name in torch: "cuda:0", "xpu:0" or "mps"."""

    device: str
    name: str

    @property
    def kind(self) -> str:
        """The device without its number."""
        return self.device.partition(":")[0]

    @property
    def label(self) -> str:
        """Name and device."""
        return f"{self.name} ({self.device})"


def find_gpus() -> tuple[tuple[Gpu, ...], str]:
    """Find the GPUs of torch, usable or not: CUDA ones (of NVIDIA, or of AMD with ROCm), then Intel's, then Apple's.

    Returns:
        The GPUs, and why torch cannot ask the CUDA driver for any, or "".
    """
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = [Gpu(f"cuda:{i}", torch.cuda.get_device_name(i)) for i in _numbers("cuda")]
    reason = "" if found or not caught else str(caught[0].message).partition("(Triggered internally")[0]
    found += [Gpu(f"xpu:{i}", torch.xpu.get_device_name(i)) for i in _numbers("xpu")]
    if torch.backends.mps.is_available():
        found.append(Gpu("mps", "Apple GPU"))
    return tuple(found), reason.strip().rstrip(".")


def count_gpus(kind: str) -> int:
    """Return the number of GPUs of a kind on this machine, usable or not."""
    return 1 if kind == "mps" else int(_backend(kind).device_count())


def _numbers(kind: str) -> list[int]:
    """Return the numbers of the GPUs, the current one first; in one of several processes that is the process's own."""
    backend = _backend(kind)
    if not backend.is_available():
        return []
    current = backend.current_device() if backend.is_initialized() else 0
    return sorted(range(backend.device_count()), key=lambda number: number != current)


def choose_precision(gpu: Gpu) -> str:
    """Return the fastest precision that the GPU computes natively: "bf16", "fp16" or "fp32"."""
    import torch

    if gpu.kind != "cuda":
        return "bf16" if gpu.kind == "xpu" else "fp32"
    if torch.version.hip:
        return "bf16" if _amd_architecture(gpu).startswith(_AMD_BF16) else "fp16"
    capability = torch.cuda.get_device_capability(gpu.device)
    return "bf16" if capability >= (8, 0) else "fp16" if capability >= (7, 0) else "fp32"


def prefers_channels_last(gpu: Gpu) -> bool:
    """Whether convolutions of the GPU are fastest with the channels last in memory."""
    import torch

    if gpu.kind == "cuda" and torch.version.hip:
        return _amd_architecture(gpu).startswith(_AMD_SERVERS)
    return gpu.kind != "mps"


def _amd_architecture(gpu: Gpu) -> str:
    """Return the name of an AMD architecture, such as "gfx90a:sramecc+"."""
    import torch

    return str(torch.cuda.get_device_properties(gpu.device).gcnArchName)


def find_fault(gpu: Gpu, precision: str) -> str:
    """Compute a small convolution on the GPU; return why that fails, with advice, or ""."""
    import torch

    dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(precision, torch.float32)
    try:
        image = torch.ones(1, 3, 8, 8, device=gpu.device, dtype=dtype)
        result = torch.nn.functional.conv2d(image, torch.ones(4, 3, 3, 3, device=gpu.device, dtype=dtype))
        total = float(result.float().sum())
    except RuntimeError as error:
        return _explain_fault(str(error))
    return "" if total == result.numel() * 27 else "a convolution gives wrong values"


def _explain_fault(text: str) -> str:
    import torch

    if not any(sign in text for sign in _NO_KERNELS):
        return text.strip().partition("\n")[0].rstrip(".")
    reason = f"this build of PyTorch ({torch.__version__}) has no kernels for this card"
    if torch.version.cuda in (None, "12.6"):
        return reason
    return f"{reason}; another build may have them: {format_build_command('cu126')}"


def format_build_command(build: str) -> str:
    """Return the command that installs another build of the same version of torch, such as "cu130" or "xpu"."""
    import torch

    version = str(torch.__version__).partition("+")[0]
    return format_install_command(f"torch=={version}+{build}", f"--index-url https://download.pytorch.org/whl/{build}")


# -- memory ------------------------------------------------------------------------------------


def free_memory(device: str) -> int:
    """Return the bytes that can still be allocated on the GPU; what this process keeps for reuse counts as free."""
    import torch

    if device == "mps":
        return int(torch.mps.recommended_max_memory() - torch.mps.current_allocated_memory())
    backend = _backend(device)
    return int(backend.mem_get_info(device)[0] + backend.memory_reserved(device) - backend.memory_allocated(device))


def total_memory(device: str) -> int:
    """Return the bytes of the GPU's memory; of an Apple GPU what it may use of the main memory."""
    import torch

    return int(torch.mps.recommended_max_memory() if device == "mps" else _backend(device).mem_get_info(device)[1])


def peak_memory(device: str) -> int:
    """Return the most bytes that torch has reserved since `use`; for an Apple GPU those of now."""
    import torch

    return int(torch.mps.driver_allocated_memory() if device == "mps" else _backend(device).max_memory_reserved(device))


@contextlib.contextmanager
def use(device: str) -> Iterator[None]:
    """Make the GPU the current one in the `with` block, with a new peak; return memory that is not in use after it."""
    backend = _backend(device)
    with backend.device(device) if ":" in device else contextlib.nullcontext():
        release_memory(device)
        if device != "mps":
            backend.reset_peak_memory_stats(device)
        try:
            yield
        finally:
            release_memory(device)


def release_memory(device: str) -> None:
    """Return memory that torch keeps for reuse to the system."""
    import torch

    if device == "mps":
        torch.mps.empty_cache()
    else:
        _backend(device).empty_cache()


def synchronize(device: str) -> None:
    """Wait until the GPU has completed all work."""
    import torch

    if device == "mps":
        torch.mps.synchronize()
    else:
        _backend(device).synchronize(device)


def _backend(device: str) -> Any:
    """Return torch.cuda or torch.xpu, which have the same functions."""
    import torch

    return getattr(torch, device.partition(":")[0])
