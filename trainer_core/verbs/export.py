"""Export of a model as `.pth`, `.safetensors` or `.onnx`: in half precision, padded for the viewer, or blended."""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import trainer_core
from trainer_core.errors import UserError, explain_out_of_memory
from trainer_core.files import file_identity, write_bytes
from trainer_core.input_files import explain_missing
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.verbs.export_options import DEFAULT_ALPHA, FORMATS, NOT_CHECKED
from trainer_core.verbs.output_files import refuse_overwriting
from trainer_core.weights.blend import blend_states, check_same_dimensions
from trainer_core.weights.export import (
    pad_for_viewer,
    padding_problem,
    prepare_deployable,
    prepare_export_state,
    run_gate,
    to_primitives,
)
from trainer_core.weights.network import load_network
from trainer_core.weights.onnx_file import encode_onnx
from trainer_core.weights.programs import find_scale_marks, scale_mark_problem
from trainer_core.weights.warm_start import WarmStartSource

_RESERVED_META_KEYS = ("arch", "scale", "spec", "padded_from", "loads_in")  # the export sets these itself
_ONNX_TOLERANCE = {False: 1e-4, True: 2e-2}  # largest difference by `half`


@dataclass(frozen=True)
class ExportResult:
    """The written file, the spec of its network, and a line on which programs load it or how it was checked."""

    path: Path
    spec: NetworkSpec
    summary: str

    @property
    def notice(self) -> str:
        """A sentence about a scale mark in the file name that is not the scale of the network, else ""."""
        problem = scale_mark_problem(self.path, self.spec.scale) if find_scale_marks(self.path.stem) else ""
        return problem and (
            f"{self.path.name}: {problem}. Programs that take the scale from the name load the file wrongly or not at "
            f"all. Rename it so that its only scale mark is x{self.spec.scale}."
        )


@explain_out_of_memory("export the model")
def export_model(
    model: Path | str,
    out: Path | str,
    *,
    format: str = "",
    half: bool = False,
    viewer_compatible: bool = False,
    blend: Path | str | None = None,
    alpha: float = DEFAULT_ALPHA,
    replace: bool = False,
) -> ExportResult:
    """Convert `model` and write it to `out` durably.

    Args:
        model: a weight file.
        out: file to write.
        format: one of `FORMATS`; by default the suffix of `out`.
        half: store fp16.
        viewer_compatible: pad to the 64/23/32 that WQV-Viewer builds, with exactly the same function.
        blend: another model of the same dimensions to mix in: (1 - alpha) * model + alpha * blend.
        alpha: share of `blend`, 0..1.
        replace: overwrite another file of the name `out`.

    Raises:
        UserError: a model cannot be used, the two do not match, the format is unknown, or `out` is one of them or
            exists, and `replace` is false.
    """
    out = Path(out)
    format = _choose_format(format, out)
    if not os.path.isdir(out.parent):
        raise UserError(f"{explain_missing(out.parent, 'folder')} Create it or choose another one.")
    inputs = {file_identity(Path(path)) for path in (model, blend) if path is not None}
    refuse_overwriting(out, inputs, "one of the input models. Choose another name for the new file.")
    if os.path.lexists(out) and not replace:
        raise UserError(f"{out} already exists.", hint="Use --replace to overwrite it, or choose another name.")
    network, source = load_network(model)
    state: dict[str, Tensor] = prepare_export_state(network.state_dict(), mono=False)
    meta = {key: value for key, value in source.meta.items() if key not in _RESERVED_META_KEYS and _is_plain(value)}
    if blend is not None:
        state, meta["blend"] = _blend(state, source, Path(blend), alpha)
    if blend is not None or half:
        meta.pop("weights_sha256", None)  # the file has other values
    spec = source.spec
    if viewer_compatible:
        problem = padding_problem(spec)
        if problem:
            raise UserError(
                f"{model} cannot be made viewer-compatible: {problem}. Export it as it is, or another model."
            )
        state, spec = pad_for_viewer(state, spec)
    _check_fp16_range(state, half, out)
    if format == "onnx":
        return _write_onnx(out, state, spec, half)
    inner = source.spec if spec != source.spec else None
    if format == "safetensors":
        return _write_safetensors(out, state, spec, meta, half, inner)
    report = prepare_deployable(out, state, spec, meta, padded_from=inner, half=half).write()
    return ExportResult(out, spec, report.summary())


def _choose_format(format: str, out: Path) -> str:
    format = format or out.suffix.lower().lstrip(".")
    if format not in FORMATS:
        known = f"Known formats: {', '.join(FORMATS)}."
        unknown = (
            f"The format {format} is unknown." if format else f"{out.name} has no suffix, so its format is unknown."
        )
        raise UserError(f"{unknown} {known}", hint="Give --format.")
    if out.suffix.lower() != f".{format}":
        raise UserError(f"{out.name} must end in .{format}, so that programs recognize its format.")
    return format


def _blend(
    state: Mapping[str, Tensor], source: WarmStartSource, other: Path, alpha: float
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    if not 0.0 <= alpha <= 1.0:
        raise UserError(f"--alpha must be from 0 to 1, not {alpha}.")
    network, second = load_network(other)
    check_same_dimensions(source.path.name, source.spec, other.name, second.spec)
    return blend_states(state, network.state_dict(), alpha), {"with": other.name, "alpha": float(alpha)}


def _check_fp16_range(state: Mapping[str, Tensor], half: bool, out: Path) -> None:
    if half and any(not bool(torch.isfinite(values.half()).all()) for values in state.values()):
        raise UserError(f"{out.name}: some weights are too large for half precision. Export in full precision.")


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
    content = encode_onnx(state, spec, half=half, producer=trainer_core.PROGRAM)
    summary = _check_onnx(content, state, spec, half)
    write_bytes(out, content)
    return ExportResult(out, spec, summary)


@torch.no_grad()
def _check_onnx(content: bytes, state: Mapping[str, Tensor], spec: NetworkSpec, half: bool) -> str:
    """Compare the outputs of onnxruntime, if installed, with those of torch at two sizes, and return a summary.

    Raises:
        UserError: the outputs differ.
    """
    if importlib.util.find_spec("onnxruntime") is None:
        return f"{NOT_CHECKED}: onnxruntime is not installed."
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # else it stores an identifier of the device when imported
    session = importlib.import_module("onnxruntime").InferenceSession(content, providers=["CPUExecutionProvider"])
    network = RRDBNet(spec).eval()
    network.load_state_dict(dict(state))
    difference = 0.0
    for height, width in ((16, 16), (24, 20)):
        fixed = torch.Generator().manual_seed(1)  # the same image for each export
        lr = torch.rand(1, spec.num_in_ch, height, width, generator=fixed)
        given = lr.half().numpy() if half else lr.numpy()
        found = torch.from_numpy(session.run(None, {"image": given})[0]).float()
        difference = max(difference, float((found - network(lr)).abs().max()))
    if not difference <= _ONNX_TOLERANCE[half]:
        raise UserError(
            f"The results of onnxruntime and PyTorch differ by {difference:.2g}, so no file was written. "
            "Export to .pth instead."
        )
    return f"onnxruntime agrees with PyTorch to within {difference:.1e}"


def _is_plain(value: object) -> bool:
    try:
        to_primitives(value)
    except TypeError:
        return False
    return True
