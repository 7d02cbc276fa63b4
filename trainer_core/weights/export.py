"""Deployable models: prepared, padded, written durably, and read back with the strict reader before they are renamed.

`prepare_deployable` is called by the thread that calls torch; the `Deployable` may be written in any thread. A model is
a file of `torch.save` with

    {"params": plain fp32 tensors by BasicSR name, "meta": primitives only}

`meta["spec"]` describes the tensors in the file, `meta["padded_from"]` the small network inside a padded one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from trainer_core.files import WriteError, atomic_write
from trainer_core.model.spec import NetworkSpec
from trainer_core.torch_threads import single_threaded
from trainer_core.weights.container.read_back import has_values, make_difference, refuse_unreadable, verify_tree
from trainer_core.weights.container.reader import open_weights
from trainer_core.weights.container.tensor_checks import all_finite
from trainer_core.weights.container.writer import view_as_arrays, write_tree
from trainer_core.weights.programs import GateReport, check_programs
from trainer_core.weights.rescale import rescale
from trainer_core.weights.resize import embed, fits_into
from trainer_core.weights.rrdb.dialects import identify

__all__ = [
    "Deployable",
    "GateReport",
    "pad_for_viewer",
    "padding_problem",
    "prepare_deployable",
    "prepare_export_state",
    "run_gate",
]

ARCHITECTURE = "rrdb"


@single_threaded()
@torch.no_grad()
def prepare_export_state(ema_state: Mapping[str, Tensor], *, mono: bool) -> dict[str, Tensor]:
    """Copy the EMA weights as plain contiguous float32 tensors on the CPU.

    Args:
        ema_state: weights by BasicSR name.
        mono: make the output exactly neutral (R = G = B) by averaging `conv_last` over its outputs.
    """
    state = {name: _to_plain(values, copy=True) for name, values in ema_state.items()}
    for name in ("conv_last.weight", "conv_last.bias") if mono else ():
        state[name] = state[name].mean(0, keepdim=True).expand_as(state[name]).contiguous()
    return state


def pad_for_viewer(state: Mapping[str, Tensor], spec: NetworkSpec) -> tuple[dict[str, Tensor], NetworkSpec]:
    """Pad weights to the size that WQV-Viewer builds, without changing the function.

    Returns:
        The weights and their spec; both are unchanged if they have that size, or if there is a `padding_problem`.
    """
    viewer_spec = NetworkSpec(spec.scale)
    if spec == viewer_spec or padding_problem(spec):
        return dict(state), spec
    color = rescale(state, spec, viewer_spec)
    return embed(color.state, color.spec, viewer_spec), viewer_spec


def padding_problem(spec: NetworkSpec) -> str:
    """Return why no 64/23/32 network computes the same function, or "" if one does."""
    viewer_spec = NetworkSpec(spec.scale)
    if spec.unshuffle or spec.scale not in (2, 4, 8):
        return f"WQV-Viewer loads only x2, x4 and x8 with their usual pixel-unshuffle, not {spec.describe()}"
    color = dataclasses.replace(spec, num_in_ch=3, num_out_ch=3)
    return "" if fits_into(color, viewer_spec) else f"{spec.describe()} is larger than the 64/23/32 of WQV-Viewer"


@dataclasses.dataclass(frozen=True)
class Deployable:
    """A deployable model that is ready to be written.

    Args:
        path: file to write.
        content: the tree of the file, with arrays.
        report: which programs load it.
    """

    path: Path
    content: dict[str, Any]
    report: GateReport

    def is_written(self) -> bool:
        """Return whether the file is there and holds this model, bit for bit."""
        with contextlib.suppress(WriteError):
            verify_tree(self.path, self.content, self.path)
            return True
        return False

    def write(self) -> GateReport:
        """Write the file durably; it replaces an older one only after every bit was read back and compared.

        Raises:
            WriteError: the disk is full, or the file reads back differently (EIO).
        """
        with atomic_write(self.path) as file:
            write_tree(file, self.content)
            file.flush()
            found = identify(verify_tree(Path(file.name), self.content, self.path))
            if not found.is_complete or found.unexpected:
                raise make_difference(self.path)
        return self.report


@single_threaded()
def prepare_deployable(
    path: Path,
    state: Mapping[str, Tensor],
    spec: NetworkSpec,
    meta: Mapping[str, Any],
    *,
    padded_from: NetworkSpec | None = None,
    half: bool = False,
) -> Deployable:
    """Prepare a deployable model.

    Args:
        path: file to write; its name carries the scale mark.
        state: weights of `spec` by BasicSR name.
        spec: dimensions of the network in `state`.
        meta: additional metadata: primitives, lists and dictionaries only.
        padded_from: dimensions of the network inside a padded one.
        half: store fp16, half the size; every program loads it.

    Raises:
        WriteError: a weight is not finite (EIO).
    """
    report = check_programs(path, spec)
    metadata: dict[str, Any] = {"arch": ARCHITECTURE, "scale": spec.scale, "spec": spec.as_dict(), **meta}
    metadata["loads_in"] = report.as_dict()
    if padded_from is not None and padded_from != spec:
        metadata["padded_from"] = padded_from.as_dict()
    params = {name: _to_plain(state[name]) for name in spec.shapes()}
    params = {name: values.half() for name, values in params.items()} if half else params
    if not all(all_finite(values) for values in params.values()):
        raise WriteError(path, OSError(errno.EIO, "the network contains values that are not finite (NaN or infinity)"))
    return Deployable(path, view_as_arrays({"params": params, "meta": to_primitives(metadata)}), report)


def run_gate(path: Path, expected: Mapping[str, Tensor]) -> GateReport:
    """Read a written file back with the strict reader, compare every bit, and report which programs load it.

    Raises:
        WriteError: the file reads back differently (EIO).
    """
    arrays = view_as_arrays(dict(expected))
    with refuse_unreadable(path):
        found = identify(file := open_weights(path))
        is_whole = found.is_complete and not found.unexpected and found.names.keys() == arrays.keys()
        if not is_whole or not has_values(file, [(found.tensors[name], arrays[name]) for name in arrays]):
            raise make_difference(path)
    return check_programs(
        path, found.spec, container=found.container, plain_names=found.is_complete and not found.unexpected
    )


def _to_plain(values: Tensor, *, copy: bool = False) -> Tensor:
    return values.detach().to("cpu", torch.float32, copy=copy).contiguous()


def to_primitives(value: object) -> Any:
    """Copy a value into dictionaries, lists and exact primitive types, which every safe loader accepts.

    Raises:
        TypeError: the value contains another type.
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
    raise TypeError(f"meta contains a {type(value).__name__}; only plain values can be stored in a weight file")
