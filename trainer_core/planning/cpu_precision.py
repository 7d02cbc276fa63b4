"""Which precision a processor trains in fastest: measured, because instructions for bf16 say nothing about their speed.

Measured on one core, convolutions of 48 features forwards and backwards (`benchmarks/results/step.md`): bf16 takes half
the time of fp32 on an AMD EPYC with AVX-512 bf16, but 1.7 times the time on an Intel Xeon with the same instructions
and without its matrix units.
"""

from __future__ import annotations

import functools
import time

_TRIES = 7  # the fastest counts, so that a busy machine decides nothing
_MIN_GAIN = 1.2  # below it, bf16 is not worth its rounding


@functools.lru_cache(maxsize=1)
def choose_cpu_precision() -> str:
    """Return "bf16" if the processor computes a step clearly faster in it, else "fp32". Measured once per process."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # more threads would measure how busy the other cores are
    try:
        seconds = measure_precisions()
    finally:
        torch.set_num_threads(threads)
    return "bf16" if seconds["fp32"] >= _MIN_GAIN * seconds["bf16"] else "fp32"


def measure_precisions() -> dict[str, float]:
    """Return the seconds of a convolution, forwards and backwards, by precision."""
    import torch

    operands: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}
    seconds: dict[str, float] = {}
    maps = torch.linspace(-1, 1, 4 * 48 * 32 * 32).reshape(4, 48, 32, 32)
    kernels = torch.linspace(-1, 1, 48 * 48 * 3 * 3).reshape(48, 48, 3, 3)
    for name, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
        x, weight = (values.to(dtype, memory_format=torch.channels_last) for values in (maps, kernels))
        operands[name] = x.requires_grad_(), weight.requires_grad_()
    for number in range(_TRIES + 1):
        for name, (x, weight) in operands.items():
            started = time.perf_counter()
            torch.autograd.grad(torch.nn.functional.conv2d(x, weight, padding=1).sum(), (x, weight))
            if number:  # the first prepares the kernels
                seconds[name] = min(seconds.get(name, float("inf")), time.perf_counter() - started)
    return seconds
