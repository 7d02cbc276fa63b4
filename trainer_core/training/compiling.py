"""Compilation of the generator's blocks with torch.compile (`--compile on`), as far as this machine can do it.

All RRDBs share one compiled graph, so the first step waits for the compilation of a single block. Blocks are compiled
in place: names of parameters, checkpoints and exports stay as they are. The EMA network, which is validated, is not
compiled.
"""

from __future__ import annotations

import torch

from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig

_BACKEND = "inductor"


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
        for block in network.body:
            block._compiled_call_impl = None
        torch._dynamo.reset()
        cause = getattr(error, "inner_exception", error)  # without what torch adds
        return (str(cause).strip().splitlines() or [type(cause).__name__])[0].rstrip(".")
    finally:
        network.zero_grad(set_to_none=True)
    return ""


def _try_network(network: RRDBNet, hardware: Hardware, batch: int, side: int) -> None:
    """Do what compiles: a forward and a backward pass."""
    network.train()
    lr = torch.zeros(batch, 3, side, side, device=hardware.torch_device)
    dtype = hardware.autocast_dtype
    with torch.autocast(hardware.kind, dtype=dtype, enabled=dtype is not None):
        sr = network(lr.contiguous(memory_format=hardware.memory_format))
    torch.autograd.backward(sr.float().sum())
