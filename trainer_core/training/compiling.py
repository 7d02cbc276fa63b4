"""Compilation of the generator's blocks with torch.compile (`--compile on`), as far as this machine can do it.

All RRDBs share one compiled graph, so the first step waits for the compilation of a single block. Blocks are compiled
in place: names of parameters, checkpoints and exports stay as they are. The EMA network, which is validated, is not
compiled. A later step compiles again if it has other shapes or another number of threads, and any of them may fail.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import torch

from trainer_core.errors import is_device_error, is_out_of_memory
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.failures import NotCompiled

_BACKEND = "inductor"
_COMPILER = ("torch._dynamo", "torch._functorch", "torch._inductor", "triton")  # modules


def try_compiling(network: RRDBNet, config: TrainerConfig, hardware: Hardware, micro_batch: int) -> str:
    """Compile the blocks if the settings want it, and try them with a micro-batch of the run.

    Returns:
        "", or why they cannot be compiled, as a clause; then the network is as before.
    """
    if config.compile == "off":
        return ""
    for block in network.body:
        block.compile(backend=_BACKEND)
    try:
        _try_network(network, hardware, micro_batch, config.patch_size)
    except Exception as error:  # each backend and each compiler has its own
        _stop_compiling(network)
        return _describe(error)
    finally:
        network.zero_grad(set_to_none=True)
    return ""


@contextlib.contextmanager
def without_compiler_after_failure(network: RRDBNet) -> Iterator[None]:
    """Let the network compute without compiled blocks from now on if the compiler fails in the `with` block.

    Raises:
        NotCompiled: it failed, and its work can be done again.
    """
    try:
        yield
    except Exception as error:
        is_compiled = any(block._compiled_call_impl is not None for block in network.body)
        is_of_device = is_out_of_memory(error) or is_device_error(error)
        if not is_compiled or is_of_device or not _is_from_compiler(error):
            raise
        _stop_compiling(network)
        raise NotCompiled(f"{_describe(error)}.") from error


def _stop_compiling(network: RRDBNet) -> None:
    for block in network.body:
        block._compiled_call_impl = None
    torch._dynamo.reset()


def _describe(error: Exception) -> str:
    cause = getattr(error, "inner_exception", error)  # without what torch adds
    return (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")


def _is_from_compiler(error: Exception) -> bool:
    """Whether the compiler, or what it made, raised the error: the kernels of a graph may also fail when they start."""
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_globals.get("__name__", "").startswith(_COMPILER):
            return True
        trace = trace.tb_next
    return False


def _try_network(network: RRDBNet, hardware: Hardware, batch: int, side: int) -> None:
    """Do what compiles: a forward and a backward pass."""
    network.train()
    lr = torch.zeros(batch, 3, side, side, device=hardware.torch_device)
    dtype = hardware.autocast_dtype
    with torch.autocast(hardware.kind, dtype=dtype, enabled=dtype is not None):
        sr = network(lr.contiguous(memory_format=hardware.memory_format))
    torch.autograd.backward(sr.float().sum())
