"""What to do on this machine when torch does not find the GPU that was asked for, or none although there is a card."""

from __future__ import annotations

import contextlib
import os
import platform
from pathlib import Path

from trainer_core.input_files import read_regular
from trainer_core.planning.gpus import Gpu, format_build_command

_PCI_DEVICES = Path("/sys/bus/pci/devices")  # of Linux; other systems show no card without its driver
_NVIDIA, _DISPLAY = b"0x10de", b"0x03"  # vendor, beginning of the class
_NVIDIA_ADVICE = "Install or update the driver (`nvidia-smi` must list the card)"
_AMD_ADVICE = "Install or update the driver (`rocminfo` must list the card)"
_MAKERS = {"cuda": "CUDA", "xpu": "Intel", "mps": "Apple"}


def explain_missing_gpu(device: str, found: tuple[Gpu, ...], reason: str) -> str:
    """Return why `--device` cannot be had, and what to use or install instead.

    Args:
        device: a GPU that is not among those found.
        found: the GPUs of torch.
        reason: why torch cannot ask the CUDA driver, or "".
    """
    kind = device.partition(":")[0]
    same = [gpu for gpu in found if gpu.kind == kind]
    if same:
        names = ", ".join(gpu.label for gpu in same)
        return f"there is no such GPU. This machine has {names}. Use --device {same[0].device}."
    missing = f"PyTorch finds no {_MAKERS[kind]} GPU"
    if found:
        return f"{missing}. It finds {found[0].name}: use --device {found[0].kind}."
    if kind == "mps":
        return _explain_apple(missing)
    return _explain_cuda(missing, reason) if kind == "cuda" else _explain_intel(missing)


def find_unused_card() -> str:
    """Return a notice on a card of NVIDIA that a CUDA build of torch does not find, or "".

    A machine without a card gets no notice, nor one whose GPUs the user hides from torch.
    """
    import torch

    if torch.version.cuda is None or _hides_cards() or not _has_nvidia_card():
        return ""
    return f"The GPU is not used: no NVIDIA driver answers. {_NVIDIA_ADVICE}."


def _explain_cuda(missing: str, reason: str) -> str:
    import torch

    if torch.version.hip:
        missing = f"PyTorch finds no AMD GPU{f' ({reason})' if reason else ': no AMD driver answers'}"
        return f"{missing}. {_AMD_ADVICE}, or use --device cpu."
    if reason:
        return f"{missing} ({reason}). {_NVIDIA_ADVICE}, or use --device cpu."
    if torch.version.cuda is None:
        return _explain_build(missing, "NVIDIA", "cu128" if torch.__version__.startswith("2.8.") else "cu130")
    if _hides_cards():
        return f"{missing}, because CUDA_VISIBLE_DEVICES hides all. Unset it, or use --device cpu."
    return f"{missing}: no NVIDIA driver answers. {_NVIDIA_ADVICE}, or use --device cpu."


def _explain_intel(missing: str) -> str:
    import torch

    if torch.version.xpu is None:
        return _explain_build(missing, "Intel", "xpu")
    return f"{missing}: no Intel driver answers. Install or update the driver, or use --device cpu."


def _explain_build(missing: str, maker: str, build: str) -> str:
    """Explain a build of torch that cannot use GPUs of a maker."""
    if platform.system() == "Darwin":  # for which there are no other builds
        return f"{missing}, because it uses no {maker} GPU on a Mac. Use --device cpu or auto."
    command = format_build_command(build)
    reason = "because this build of PyTorch cannot use one"
    return f"{missing}, {reason}. Use --device cpu, or for an {maker} GPU run: {command}"


def _explain_apple(missing: str) -> str:
    if (platform.system(), platform.machine()) == ("Darwin", "arm64"):
        return f"{missing}. Update macOS, or use --device cpu."
    return f"{missing}; only Macs with Apple's processors have one. Use --device cpu or auto."


def _hides_cards() -> bool:
    """Whether the user's environment hides all GPUs from CUDA."""
    return os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1")


def _has_nvidia_card() -> bool:
    """Whether the PCI bus has a graphics card of NVIDIA, with a driver or without; False where that is unknown."""
    with contextlib.suppress(OSError):
        for card in _PCI_DEVICES.iterdir():
            with contextlib.suppress(OSError):
                is_nvidia = read_regular(card / "vendor").strip() == _NVIDIA
                if is_nvidia and read_regular(card / "class").startswith(_DISPLAY):
                    return True
    return False
