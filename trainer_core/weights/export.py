"""The deployable file: made, written durably, read back through the strict reader before it takes its name.

    torch.save({"params": plain fp32 tensors by BasicSR's names, "meta": primitives only})

`meta["spec"]` describes the tensors in the file, `meta["padded_from"]` the small network inside a padded one.
"""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

import torch
from torch import Tensor

from trainer_core.files import atomic_write
from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.container.limits import WeightsError
from trainer_core.weights.container.reader import load_tensors, open_weights
from trainer_core.weights.programs import GateReport, judge
from trainer_core.weights.rescale import rescale
from trainer_core.weights.resize import embed, fits_into
from trainer_core.weights.rrdb.dialects import identify

__all__ = ["GateReport", "export_state", "gate", "pad_for_viewer", "why_not_padded", "write_deployable"]

ARCH = "rrdb"


@torch.no_grad()
def export_state(ema_state: Mapping[str, Tensor], *, mono: bool) -> dict[str, Tensor]:
    """Plain contiguous float32 tensors on the CPU, independent of the given ones.

    Args:
        mono: make the output exactly neutral (R = G = B) by averaging `conv_last` over its outputs.
    """
    state = {name: _plain(values) for name, values in ema_state.items()}
    for name in ("conv_last.weight", "conv_last.bias") if mono else ():
        state[name] = state[name].mean(0, keepdim=True).expand_as(state[name]).contiguous()
    return state


def pad_for_viewer(state: Mapping[str, Tensor], spec: NetworkSpec) -> tuple[dict[str, Tensor], NetworkSpec]:
    """The same function in the size that WQV-Viewer builds, or unchanged if there is none (`why_not_padded`)."""
    if why_not_padded(spec):
        return dict(state), spec
    viewers = NetworkSpec(spec.scale)
    colour = rescale(state, spec, viewers)
    return embed(colour.state, colour.spec, viewers), viewers


def why_not_padded(spec: NetworkSpec) -> str:
    """Why no 64/23/32 network computes the same, "" if one does."""
    viewers = NetworkSpec(spec.scale)
    if spec.unshuffle or spec.scale not in (2, 4, 8):
        return f"{spec.describe()} folds pixels in another way than WQV-Viewer's x2, x4 and x8"
    colour = dataclasses.replace(spec, num_in_ch=3, num_out_ch=3)
    return "" if fits_into(colour, viewers) else f"{spec.describe()} is larger than WQV-Viewer's 64/23/32"


def write_deployable(
    path: Path,
    state: Mapping[str, Tensor],
    spec: NetworkSpec,
    meta: Mapping[str, Any],
    *,
    padded_from: Optional[NetworkSpec] = None,
    half: bool = False,
) -> GateReport:
    """Write a deployable file durably; it replaces an older one only after it was read back bit for bit.

    Args:
        state: the weights of `spec`.
        meta: what the file says about itself besides: primitives, lists and dictionaries only.
        padded_from: the network inside a padded one.
        half: store fp16, half the size; every program takes it.

    Raises:
        OSError: the disk is full, or what was written reads back differently (EIO).
    """
    report = judge(path, spec)
    told: dict[str, Any] = {"arch": ARCH, "scale": spec.scale, "spec": spec.as_dict(), **meta}
    told["loads_in"] = report.as_dict()
    if padded_from is not None and padded_from != spec:
        told["padded_from"] = padded_from.as_dict()
    params = {name: _plain(state[name]) for name in spec.shapes()}
    params = {name: values.half() for name, values in params.items()} if half else params
    content = {"params": params, "meta": primitives(told)}
    with atomic_write(path) as file:
        torch.save(content, file)
        file.flush()
        _verify(Path(file.name), params, path)
    return report


def gate(path: Path, expected: Mapping[str, Tensor]) -> GateReport:
    """Read a written file again with the strict reader, compare every bit, and say which programs load it.

    Raises:
        OSError: it reads back differently.
    """
    _verify(path, expected, path)
    found = identify(open_weights(path))
    return judge(path, found.spec, container=found.container, plain_names=found.complete and not found.unexpected)


def _verify(written: Path, expected: Mapping[str, Tensor], name: Path) -> None:
    try:
        file = open_weights(written)
        found = identify(file)
        tensors = load_tensors(file, found.tensors.values())
    except WeightsError as error:
        raise OSError(errno.EIO, f"{name} cannot be read back: {error.message}") from error
    whole = found.complete and not found.unexpected and found.names.keys() == expected.keys()
    if not whole or any(not _same(tensors[found.tensors[key]], values) for key, values in expected.items()):
        raise OSError(errno.EIO, f"{name} reads back differently from what was written")


def _same(one: Tensor, two: Tensor) -> bool:
    return one.dtype == two.dtype and one.shape == two.shape and _bits(one).equal(_bits(two))


def _bits(values: Tensor) -> Tensor:
    return values.contiguous().view(torch.int32 if values.dtype == torch.float32 else torch.int16)


def _plain(values: Tensor) -> Tensor:
    return values.detach().to("cpu", torch.float32, copy=True).contiguous()


def primitives(value: Any) -> Any:
    """A copy of exact primitive types, which every safe loader takes.

    Raises:
        TypeError: there is something else in it.
    """
    if isinstance(value, Mapping):
        return {str(key): primitives(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [primitives(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if value is None:
        return None
    raise TypeError(f"meta holds a {type(value).__name__}; only plain values may go into a file")
