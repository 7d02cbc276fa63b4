"""Replacements for parts of torch that need a real CUDA device, for `fake_cuda`."""

from __future__ import annotations

import collections
import contextlib
import ctypes
import os
import weakref
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _disable_current_modes

_CUDA, _DEVICE_TYPES = 1, 21  # c10::DeviceType
_GUARDS = "_ZN3c104impl26device_guard_impl_registryE"

pinned: set[int] = set()  # storages
generators_on_device: set[int] = set()  # an operation sees the generator of C++, without its fake device


def pin(tensor: Tensor, *_: Any) -> Tensor:
    with _disable_current_modes():
        copy = tensor.clone()
    storage = copy.untyped_storage()
    pinned.add(storage._cdata)
    weakref.finalize(storage, pinned.discard, storage._cdata)
    return copy


class Generator(torch.Generator):
    """A generator that names CUDA as its device."""

    def __new__(cls, device: Any = "cpu") -> Any:
        made: Any = super().__new__(cls)
        place = torch.device(device)
        made.place = torch.device("cuda:0") if place.type == "cuda" else place
        (generators_on_device.add if place.type == "cuda" else generators_on_device.discard)(made._cdata)
        return made

    device: Any = property(lambda generator: generator.place)


def choose_cudnn_layout(image: Tensor, weight: Tensor, backend: Any) -> torch.memory_format:
    """Choose as `cudnn_conv_suggest_memory_format` does; a CPU build supposes that CUDA has no cuDNN."""
    if image.dtype == torch.float64 or image.dim() != 4:
        return torch.contiguous_format
    is_last = _suggests_channels_last(image) or _suggests_channels_last(weight)
    return torch.channels_last if is_last else torch.contiguous_format


def _suggests_channels_last(tensor: Tensor) -> bool:
    """Decide as `is_channels_last_strides_2d` does, by the order of the strides."""
    least = 0
    strides, sizes = tensor.stride(), tensor.shape
    if strides[1] == 0:
        return False
    for d in (1, 3, 2, 0):
        if sizes[d] == 0 or strides[d] < least or (d == 0 and least == strides[1]):
            return False
        least = strides[d] * max(sizes[d], 1)
    return True


def apply_to_module(module: Any, fn: Any, recurse: bool = True) -> Any:
    """Do what `nn.Module._apply` does, which cannot exchange the content of a `FakeTensor`."""
    for child in module.children() if recurse else ():
        child._apply(fn)
    for key, parameter in module._parameters.items():
        if parameter is not None:
            with torch.no_grad():
                module._parameters[key] = nn.Parameter(fn(parameter), parameter.requires_grad)
    for key, buffer in module._buffers.items():
        if buffer is not None:
            module._buffers[key] = fn(buffer)
    return module


@torch.no_grad()
def run_backward(loss: Tensor, gradient: Tensor | None = None, *_: Any, **__: Any) -> None:
    """Call the nodes of the backward pass one by one, because torch's engine asks the accelerator for its stream.

    The nodes are torch's own, including the one that accumulates gradients with its rules of layout. What the engine
    does between nodes is done here: sums of gradients, and sums over broadcast dimensions.
    """
    root: Any = loss.grad_fn
    waiting: collections.Counter[Any] = collections.Counter()
    seen, stack = {root}, [root]
    while stack:
        for node, _place in stack.pop().next_functions:
            if node is not None:
                waiting[node] += 1
                if node not in seen:
                    seen.add(node)
                    stack.append(node)
    inputs: dict[Any, dict[int, Tensor]] = collections.defaultdict(dict)
    inputs[root][0] = torch.ones_like(loss) if gradient is None else gradient
    ready = [root]
    while ready:
        node = ready.pop()
        given = inputs.pop(node, {})
        count = max(len(getattr(node, "_input_metadata", ()) or ()), 1)
        results = node(*[given.get(place) for place in range(count)]) if given else None
        if not isinstance(results, tuple):
            results = (results,) * len(node.next_functions) if results is None else (results,)
        del given  # the memory of a gradient ends with its last use
        for (following, place), grad in zip(node.next_functions, results):
            if following is None:
                continue
            if grad is not None:
                shape = tuple(following._input_metadata[place].shape)
                summed = grad if tuple(grad.shape) == shape else grad.sum_to_size(shape)
                previous = inputs[following].get(place)
                inputs[following][place] = summed if previous is None else previous + summed
            waiting[following] -= 1
            if not waiting[following]:
                ready.append(following)


def find_guards() -> Any:
    library = ctypes.CDLL(os.path.join(os.path.dirname(torch.__file__), "lib", "libc10.so"))
    return (ctypes.c_void_p * _DEVICE_TYPES).in_dll(library, _GUARDS)


@contextlib.contextmanager
def guard_without_effect() -> Iterator[None]:
    """Install the guard without effect that libc10 has for CUDA builds on machines without a GPU.

    `_ensureCUDADeviceGuardSet` installs it where the present guard counts no devices, so one whose every method
    returns 0 comes first.
    """
    guards = find_guards()
    before = guards[_CUDA]
    if before:
        yield
        return
    zero = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p)(lambda this: 0)
    methods = (ctypes.c_void_p * 64)(*[ctypes.cast(zero, ctypes.c_void_p).value] * 64)
    guard = (ctypes.c_void_p * 1)(ctypes.addressof(methods))
    guards[_CUDA] = ctypes.addressof(guard)
    try:
        torch._C._ensureCUDADeviceGuardSet()
        if guards[_CUDA] == ctypes.addressof(guard):
            raise RuntimeError("this torch has its device guards in another place")
        yield
    finally:
        guards[_CUDA] = before
