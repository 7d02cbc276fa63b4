"""Write a model in another form: `.pth`, `.safetensors` or `.onnx`, half size, padded for the viewer, or blended."""

from __future__ import annotations

import importlib
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import trainer_core
from trainer_core.errors import UserError
from trainer_core.files import file_identity, write_bytes
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.verbs.export_options import DEFAULT_ALPHA, FORMATS
from trainer_core.verbs.output_files import refuse_overwriting
from trainer_core.weights.export import (
    pad_for_viewer,
    padding_problem,
    prepare_export_state,
    run_gate,
    to_primitives,
    write_deployable,
)
from trainer_core.weights.network import load_network
from trainer_core.weights.onnx_file import encode_onnx
from trainer_core.weights.warm_start import WarmStartSource

_RESERVED_META_KEYS = ("arch", "scale", "spec", "padded_from", "loads_in")  # written anew
_ONNX_TOLERANCE = {False: 1e-4, True: 2e-2}  # by half


@dataclass(frozen=True)
class ExportResult:
    """The file written, its network, and a sentence on where it loads or how it was checked."""

    path: Path
    spec: NetworkSpec
    summary: str


def export_model(
    model: Path | str,
    out: Path | str,
    *,
    format: str = "",
    half: bool = False,
    viewer_compatible: bool = False,
    blend: Path | str | None = None,
    alpha: float = DEFAULT_ALPHA,
) -> ExportResult:
    """Convert `model` and write it to `out` durably.

    Args:
        form: one of `FORMATS`; by default the suffix of `out` decides.
        half: store fp16.
        viewer_compatible: pad to the 64/23/32 that WQV-Viewer builds, exactly equivalent.
        blend: a second model of the same dimensions, mixed in: (1 - alpha) * model + alpha * blend.

    Raises:
        UserError: a model cannot be used, the two do not match, the form is unknown, or `out` is one of them.
    """
    out = Path(out)
    format = _output_format(format, out)
    if not out.parent.is_dir():
        raise UserError(f"There is no folder {out.parent}.")
    inputs = {file_identity(Path(path)) for path in (model, blend) if path is not None}
    refuse_overwriting(out, inputs, "a model that is being read. Give the new file another name.")
    network, source = load_network(model)
    state: dict[str, Tensor] = prepare_export_state(network.state_dict(), mono=False)
    meta = {key: value for key, value in source.meta.items() if key not in _RESERVED_META_KEYS and _is_plain(value)}
    if blend is not None:
        state, meta["blend"] = _blend(state, source, Path(blend), alpha)
    spec = source.spec
    if viewer_compatible:
        fault = padding_problem(spec)
        if fault:
            raise UserError(f"{model} cannot be made viewer-compatible: {fault}.")
        state, spec = pad_for_viewer(state, spec)
    _check_fp16_range(state, half, out)
    if format == "onnx":
        return _write_onnx(out, state, spec, half)
    inner = source.spec if spec != source.spec else None
    if format == "safetensors":
        return _write_safetensors(out, state, spec, meta, half, inner)
    return ExportResult(out, spec, write_deployable(out, state, spec, meta, padded_from=inner, half=half).summary())


def _output_format(format: str, out: Path) -> str:
    format = format or out.suffix.lower().lstrip(".")
    if format not in FORMATS:
        known = f"Known are {', '.join(FORMATS)}."
        unknown = (
            f"{out.name}: the format {format} is unknown."
            if format
            else f"{out.name} has no suffix that tells a format."
        )
        raise UserError(f"{unknown} {known}", hint="Give --format.")
    if out.suffix.lower() != f".{format}":
        raise UserError(f"{out.name} should end in .{format}, so that programs know what it is.")
    return format


def _blend(
    state: Mapping[str, Tensor], source: WarmStartSource, other: Path, alpha: float
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not 0.0 <= alpha <= 1.0:
        raise UserError(f"--alpha {alpha} is outside 0..1.")
    network, second = load_network(other)
    if second.spec != source.spec:
        raise UserError(
            f"Only networks of the same dimensions blend: {source.path.name} is {source.spec.describe()}, "
            f"{other.name} is {second.spec.describe()}."
        )
    values = network.state_dict()
    mixed = {name: torch.lerp(mine, values[name].to(mine), alpha) for name, mine in state.items()}
    return mixed, {"with": other.name, "alpha": float(alpha)}


def _check_fp16_range(state: Mapping[str, Tensor], half: bool, out: Path) -> None:
    if half and any(not bool(torch.isfinite(values.half()).all()) for values in state.values()):
        raise UserError(f"{out.name}: some weights are too large for half precision. Export it in full precision.")


def _write_safetensors(
    out: Path,
    state: Mapping[str, Tensor],
    spec: NetworkSpec,
    meta: dict[str, Any],
    half: bool,
    inner: NetworkSpec | None,
) -> ExportResult:
    from safetensors.torch import save

    tensors = {name: values.half() if half else values for name, values in state.items()}
    metadata: dict[str, Any] = {"arch": "rrdb", "scale": spec.scale, "spec": spec.as_dict(), **meta}
    if inner is not None:
        metadata["padded_from"] = inner.as_dict()
    write_bytes(out, save(tensors, {"format": "pt", "meta": json.dumps(to_primitives(metadata), allow_nan=False)}))
    return ExportResult(out, spec, run_gate(out, tensors).summary())


def _write_onnx(out: Path, state: Mapping[str, Tensor], spec: NetworkSpec, half: bool) -> ExportResult:
    content = encode_onnx(state, spec, half=half, producer=f"wqv-upscale-trainer {trainer_core.__version__}")
    checked = _check_onnx(content, state, spec, half)
    write_bytes(out, content)
    return ExportResult(out, spec, checked)


@torch.no_grad()
def _check_onnx(content: bytes, state: Mapping[str, Tensor], spec: NetworkSpec, half: bool) -> str:
    """Compare with torch at two sizes, where onnxruntime is installed.

    Raises:
        UserError: the results differ.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        return "not checked: onnxruntime is not installed"
    session = importlib.import_module("onnxruntime").InferenceSession(content, providers=["CPUExecutionProvider"])
    network = RRDBNet(spec).eval()
    network.load_state_dict(dict(state))
    worst = 0.0
    for height, width in ((16, 16), (24, 20)):
        fixed = torch.Generator().manual_seed(1)  # the same image at each export
        lr = torch.rand(1, spec.num_in_ch, height, width, generator=fixed)
        given = lr.half().numpy() if half else lr.numpy()
        found = torch.from_numpy(session.run(None, {"image": given})[0]).float()
        worst = max(worst, float((found - network(lr)).abs().max()))
    if not worst <= _ONNX_TOLERANCE[half]:
        raise UserError(f"onnxruntime computes something else than PyTorch (by {worst:.2g}); the file was not written.")
    return f"onnxruntime agrees with PyTorch within {worst:.1e}"


def _is_plain(value: Any) -> bool:
    try:
        to_primitives(value)
    except TypeError:
        return False
    return True
