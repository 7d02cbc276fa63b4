"""A fake CUDA device: runs the CUDA path of the trainer on a CPU build of torch and records every operation.

    with use_fake_cuda() as watch:
        learner = Learner(config, network, Hardware("cuda", "bf16", "fake GPU"))
        with watch.region("update"):
            learner.update(...)
    watch.waits        every place where the host waits for the device, with the line that asked for it

Tensors "on cuda" are `FakeTensor`s: shape, strides, dtype and device follow torch's own rules, values do not exist.
Operations on tensors of different devices raise. A value that is read is made up and recorded. Tensors on the CPU stay
real, so that NumPy, Pillow and files work.

It shows device mix-ups, copies and reads that wait, types and layouts, numbers of operations and the memory of tensors.
It does not show numbers, overflow in fp16, cuDNN's choices and workspaces, missing kernels, or time.

Linux only: a CPU build has no guard for CUDA devices, so torch's own guard without effect is put into its place, by the
name of the symbol in libc10.
"""

from __future__ import annotations

import collections
import contextlib
import os
import sys
import traceback
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_flatten

from tests.cuda_replacements import (
    Generator,
    apply_to_module,
    choose_cudnn_layout,
    find_guards,
    generators_on_device,
    guard_without_effect,
    pin,
    pinned,
    run_backward,
)
from trainer_core.uploads import constant

_ROOT = str(Path(__file__).resolve().parents[1])
_MEMORY = 8 << 30

# Views and allocations, which start no kernel. Every other operation on a CUDA tensor starts at least one.
_NO_KERNEL = frozenset(
    (
        "view",
        "reshape",
        "_reshape_alias",
        "_unsafe_view",
        "t",
        "transpose",
        "permute",
        "expand",
        "slice",
        "select",
        "unsqueeze",
        "squeeze",
        "unbind",
        "split",
        "split_with_sizes",
        "narrow",
        "detach",
        "alias",
        "as_strided",
        "view_as_real",
        "view_as_complex",
        "lift_fresh",
        "empty",
        "empty_like",
        "empty_strided",
        "new_empty",
        "new_empty_strided",
        "is_same_size",
        "device",
        "flatten",
        "sym_size",
        "set_",
        "diagonal",
        "movedim",
    )
)
_READS: dict[str, Any] = {"equal": True, "is_nonzero": False, "nonzero": None, "masked_select": None, "_unique2": None}


@dataclass(frozen=True)
class Wait:
    """A place where the host waits for the device, or may wait.

    Args:
        kind: "read" (a value), "download" (a tensor), "upload" (a blocking copy to the device) or "pageable" (a copy
            that does not block, but from memory that is not pinned).
        where: region and lines of this project, innermost first.
        operation: name in torch.
    """

    kind: str
    where: str
    operation: str


class Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Record of all operations while `use_fake_cuda` lasts.

    Attributes:
        waits: where the host waits for the device.
        convolutions: number by region, direction, dtype and memory layouts.
        launches: number of operations that start kernels, by region and name.
        uploads: number of copies to the device, by region.
        live, peak: bytes of the tensors on the device, now and at most.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.waits: list[Wait] = []
        self.convolutions: collections.Counter[str] = collections.Counter()
        self.launches: dict[str, collections.Counter[str]] = collections.defaultdict(collections.Counter)
        self.uploads: collections.Counter[str] = collections.Counter()
        self.live = self.peak = 0
        self._region = ""
        self._storages: set[int] = set()

    @contextlib.contextmanager
    def region(self, name: str) -> Iterator[None]:
        """Record what happens in this context under `name`."""
        before, self._region = self._region, name
        try:
            yield
        finally:
            self._region = before

    def clear(self) -> None:
        """Forget everything but the tensors that exist."""
        for record in (self.waits, self.convolutions, self.launches, self.uploads):
            record.clear()
        self.peak = self.live

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name = func._schema.name.split("::")[1]
        tensors = [value for value in tree_flatten((args, kwargs))[0] if isinstance(value, Tensor)]
        on_device = any(_is_on_device(tensor) for tensor in tensors)
        target = kwargs.get("device") or next((value for value in args if isinstance(value, torch.device)), None)
        to_device = target is not None and torch.device(target).type == "cuda"
        if not to_device and not any(isinstance(tensor, FakeTensor) for tensor in tensors):
            with _disable_current_modes():  # tensors on the CPU are real
                return func(*args, **kwargs)
        if torch.is_inference_mode_enabled() and func.namespace == "aten" and func._can_decompose():
            with self:  # without inference mode autograd has done it before
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        if on_device and name == "_local_scalar_dense":
            self._record_wait("read", name)
            return _make_up_value(tensors[0].dtype)
        if on_device and name in _READS:
            self._record_wait("read", name)
            return _READS[name]
        if on_device and name == "_to_copy" and target is not None and not to_device:
            self._record_wait("download", name)
            return _make_up_tensor(tensors[0], kwargs.get("dtype"))
        if name == "copy_" and {tensor.device.type for tensor in tensors[:2]} == {"cuda", "cpu"}:
            is_async = bool(kwargs.get("non_blocking") or (len(args) > 2 and args[2]))
            if not _is_on_device(args[0]):
                self._record_wait("download", name)
                with _disable_current_modes():
                    return args[0].fill_(1)
            self._record_upload(args[1], is_async, name)
        elif name == "_to_copy" and to_device and not on_device:
            self._record_upload(args[0], bool(kwargs.get("non_blocking")), name)
        elif on_device and any(tensor.device.type == "cpu" and tensor.dim() for tensor in tensors):
            self._record_wait("upload", f"{name} with a tensor on the CPU")  # as indices; others raise below
        _check_generator(kwargs.get("generator"), to_device)
        _check_layouts(name, args)
        self._record_convolution(name, tensors)
        result = func(*args, **kwargs)
        made = [value for value in tree_flatten(result)[0] if isinstance(value, Tensor)]
        if on_device or any(_is_on_device(tensor) for tensor in made):
            if name not in _NO_KERNEL:
                self.launches[self._region][name] += 1
            self._record_memory(made)
        return result

    def _record_wait(self, kind: str, operation: str) -> None:
        self.waits.append(Wait(kind, f"[{self._region}] {_find_lines()}", operation))

    def _record_upload(self, source: Tensor, is_async: bool, operation: str) -> None:
        if source.numel() == 0:
            return
        self.uploads[self._region] += 1
        if not is_async:
            self._record_wait("upload", operation)
        elif source.untyped_storage()._cdata not in pinned:
            self._record_wait("pageable", operation)

    def _record_convolution(self, name: str, tensors: list[Tensor]) -> None:
        if name == "convolution":
            image, weight, way = tensors[0], tensors[1], "forward"
        elif name == "convolution_backward":
            image, weight, way = tensors[1], tensors[2], "backward"
        else:
            return
        dtype = str(image.dtype).removeprefix("torch.")
        if image.dtype == torch.float32 and torch.backends.cudnn.allow_tf32:
            dtype = "tf32"
        self.convolutions[f"{self._region} {way} {dtype} {_layout(image)} x {_layout(weight)}"] += 1

    def _record_memory(self, tensors: list[Tensor]) -> None:
        for tensor in tensors:
            storage = tensor.untyped_storage()
            key = storage._cdata
            if _is_on_device(tensor) and key not in self._storages:
                size = storage.nbytes()
                self._storages.add(key)
                self.live += size
                self.peak = max(self.peak, self.live)
                weakref.finalize(storage, self._forget_storage, key, size)

    def _forget_storage(self, key: int, size: int) -> None:
        self._storages.discard(key)
        self.live -= size


def is_possible() -> bool:
    """Whether this torch can fake a CUDA device: a CPU build on Linux with the symbols that it needs."""
    if not sys.platform.startswith("linux") or torch.version.cuda or not hasattr(torch._C, "_ensureCUDADeviceGuardSet"):
        return False
    try:
        find_guards()
    except (OSError, ValueError):
        return False
    return True


@contextlib.contextmanager
def use_fake_cuda() -> Iterator[Watch]:
    """Fake a CUDA device in this context, for this thread; yield the record of its operations."""
    with contextlib.ExitStack() as undo:
        undo.enter_context(guard_without_effect())
        for owner, name, value in (
            (torch.cuda.amp.common, "amp_definitely_not_available", lambda: False),
            (torch.cuda, "is_bf16_supported", lambda *_, **__: True),
            (torch.cuda, "synchronize", lambda *_, **__: None),
            (torch.cuda, "empty_cache", lambda: None),
            (torch.cuda, "_exchange_device", lambda *_: 0),
            (torch.cuda, "_maybe_exchange_device", lambda *_: 0),
            (torch.cuda, "reset_peak_memory_stats", lambda *_: None),
            (torch.cuda, "max_memory_allocated", lambda *_: 0),
            (torch.cuda, "max_memory_reserved", lambda *_: 0),
            (torch.cuda, "memory_allocated", lambda *_: 0),
            (torch.cuda, "memory_reserved", lambda *_: 0),
            (torch.cuda, "mem_get_info", lambda *_: (_MEMORY, _MEMORY)),
            (torch._C, "_conv_determine_backend_memory_format", choose_cudnn_layout),
            (torch, "Generator", Generator),
            (Tensor, "backward", run_backward),
            (Tensor, "pin_memory", pin),
            (nn.Module, "_apply", apply_to_module),
        ):
            undo.enter_context(mock.patch.object(owner, name, value))
        cudnn, matmul = torch.backends.cudnn, torch.backends.cuda.matmul
        before = cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32
        watch = Watch()
        try:
            with FakeTensorMode(allow_non_fake_inputs=True), watch:
                yield watch
        finally:
            cudnn.benchmark, cudnn.allow_tf32, matmul.allow_tf32 = before
            pinned.clear()
            constant.cache_clear()  # its tensors do not exist outside
            generators_on_device.clear()


def _is_on_device(tensor: Tensor) -> bool:
    return tensor.device.type == "cuda"


def _make_up_value(dtype: torch.dtype) -> bool | int | float:
    return True if dtype is torch.bool else 0.0 if dtype.is_floating_point else 0


def _make_up_tensor(tensor: Tensor, dtype: torch.dtype | None) -> Tensor:
    """Return a real tensor of ones, because what was on the device is not known."""
    with _disable_current_modes():
        return torch.ones([int(side) for side in tensor.shape], dtype=dtype or tensor.dtype)


def _layout(tensor: Tensor) -> str:
    if tensor.dim() == 4 and tensor.is_contiguous(memory_format=torch.channels_last):
        return "nhwc"
    return "nchw" if tensor.is_contiguous() else "strided"


def _find_lines() -> str:
    """Return the innermost lines of the trainer, else of this project, that led here."""
    frames = [frame for frame in traceback.extract_stack() if frame.filename.startswith(_ROOT + os.sep)]
    frames = [frame for frame in frames if frame.filename != __file__ and ".venv" not in frame.filename]
    return " < ".join(f"{frame.filename[len(_ROOT) + 1 :]}:{frame.lineno}" for frame in frames[:-3:-1]) or "?"


def _check_generator(generator: Any, to_device: bool) -> None:
    if to_device and generator is not None and generator._cdata not in generators_on_device:
        raise RuntimeError("Expected a 'cuda' device type for generator but found 'cpu'")


def _check_layouts(name: str, args: Any) -> None:
    """Demand of the fused Adam what its CUDA kernel demands and the one for CPUs does not."""
    if not name.startswith("_fused_adam"):
        return
    for same in zip(*args[:4]):
        if len({(tensor.stride(), tensor.dtype, tensor.device) for tensor in same}) > 1:
            raise RuntimeError("params, grads, exp_avgs, and exp_avg_sqs must have same dtype, device, and layout")
