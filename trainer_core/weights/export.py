"""The deployable file: made, written durably, read back through the strict reader before it takes its name.

    torch.save({"params": plain fp32 tensors by BasicSR's names, "meta": primitives only})

`meta["spec"]` describes the tensors in the file, `meta["padded_from"]` the small network inside a padded one.
"""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer_core.files import atomic_write
from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.container.reader import load_tensors, open_weights
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.programs import GateReport, check_programs
from trainer_core.weights.rescale import rescale
from trainer_core.weights.resize import embed, fits_into
from trainer_core.weights.rrdb.dialects import identify

__all__ = ["GateReport", "pad_for_viewer", "padding_problem", "prepare_export_state", "run_gate", "write_deployable"]

ARCHITECTURE = "rrdb"


@torch.no_grad()
def prepare_export_state(ema_state: Mapping[str, Tensor], *, mono: bool) -> dict[str, Tensor]:
    """Plain contiguous float32 tensors on the CPU, independent of the given ones.

    Args:
        mono: make the output exactly neutral (R = G = B) by averaging `conv_last` over its outputs.
    """
    state = {name: _to_plain(values) for name, values in ema_state.items()}
    for name in ("conv_last.weight", "conv_last.bias") if mono else ():
        state[name] = state[name].mean(0, keepdim=True).expand_as(state[name]).contiguous()
    return state


def pad_for_viewer(state: Mapping[str, Tensor], spec: NetworkSpec) -> tuple[dict[str, Tensor], NetworkSpec]:
    """The same function in the size that WQV-Viewer builds, or unchanged if there is none (`why_not_padded`)."""
    if padding_problem(spec):
        return dict(state), spec
    viewers = NetworkSpec(spec.scale)
    color = rescale(state, spec, viewers)
    return embed(color.state, color.spec, viewers), viewers


def padding_problem(spec: NetworkSpec) -> str:
    """Why no 64/23/32 network computes the same, "" if one does."""
    viewers = NetworkSpec(spec.scale)
    if spec.unshuffle or spec.scale not in (2, 4, 8):
        return f"{spec.describe()} folds pixels in another way than WQV-Viewer's x2, x4 and x8"
    color = dataclasses.replace(spec, num_in_ch=3, num_out_ch=3)
    return "" if fits_into(color, viewers) else f"{spec.describe()} is larger than WQV-Viewer's 64/23/32"


def write_deployable(
    path: Path,
    state: Mapping[str, Tensor],
    spec: NetworkSpec,
    meta: Mapping[str, Any],
    *,
    padded_from: NetworkSpec | None = None,
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
    report = check_programs(path, spec)
    metadata: dict[str, Any] = {"arch": ARCHITECTURE, "scale": spec.scale, "spec": spec.as_dict(), **meta}
    metadata["loads_in"] = report.as_dict()
    if padded_from is not None and padded_from != spec:
        metadata["padded_from"] = padded_from.as_dict()
    params = {name: _to_plain(state[name]) for name in spec.shapes()}
    params = {name: values.half() for name, values in params.items()} if half else params
    content = {"params": params, "meta": to_primitives(metadata)}
    with atomic_write(path) as file:
        torch.save(content, file)
        file.flush()
        _verify(Path(file.name), params, path)
    return report


def run_gate(path: Path, expected: Mapping[str, Tensor]) -> GateReport:
    """Read a written file again with the strict reader, compare every bit, and say which programs load it.

    Raises:
        OSError: it reads back differently.
    """
    _verify(path, expected, path)
    found = identify(open_weights(path))
    return check_programs(
        path, found.spec, container=found.container, plain_names=found.is_complete and not found.unexpected
    )


def _verify(written: Path, expected: Mapping[str, Tensor], name: Path) -> None:
    try:
        file = open_weights(written)
        found = identify(file)
        tensors = load_tensors(file, found.tensors.values())
    except WeightsError as error:
        raise OSError(errno.EIO, f"{name} cannot be read back: {error.message}") from error
    whole = found.is_complete and not found.unexpected and found.names.keys() == expected.keys()
    if not whole or any(not _equal_bits(tensors[found.tensors[key]], values) for key, values in expected.items()):
        raise OSError(errno.EIO, f"{name} reads back differently from what was written")


def _equal_bits(one: Tensor, two: Tensor) -> bool:
    return one.dtype == two.dtype and one.shape == two.shape and _as_integers(one).equal(_as_integers(two))


def _as_integers(values: Tensor) -> Tensor:
    return values.contiguous().view(torch.int32 if values.dtype == torch.float32 else torch.int16)


def _to_plain(values: Tensor) -> Tensor:
    return values.detach().to("cpu", torch.float32, copy=True).contiguous()


def to_primitives(value: Any) -> Any:
    """A copy of exact primitive types, which every safe loader takes.

    Raises:
        TypeError: there is something else in it.
    """
    if isinstance(value, Mapping):
        return {str(key): to_primitives(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [to_primitives(item) for item in value]
    for kind in (bool, int, float, str):
        if isinstance(value, kind):
            return kind(value)
    if value is None:
        return None
    raise TypeError(f"meta holds a {type(value).__name__}; only plain values may go into a file")
