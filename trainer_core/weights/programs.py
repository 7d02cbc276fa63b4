"""Rules by which other programs load a model file, applied to its dimensions, parameter names and file name (no torch).

WQV-Viewer loads `.pth` files with one scale mark in the name and builds only 64/23/32 with RGB input and output;
chaiNNer and other programs based on spandrel support only growth 32. Upscayl loads only models that were converted to
NCNN, without pixel-unshuffle, at x2, x3 or x4, from RGB to RGB.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trainer_core.model.spec import NetworkSpec

UPSCAYL = "Upscayl (converted to NCNN)"
_SCALE_MARK = re.compile(r"x([248])(?!\d)", re.IGNORECASE)
_VIEWER_CONTAINERS = ("params_ema", "ema", "generator_ema", "params", "generator", "state_dict", "model", "")
_SPANDREL_CONTAINERS = ("model_state_dict", "state_dict", "params_ema", "params-ema", "params", "model", "net", "")


@dataclass(frozen=True)
class GateReport:
    """The reason why each program does not load the file, "" if it does."""

    viewer: str
    chainner: str
    upscayl: str

    def summary(self) -> str:
        """Return a line such as "WQV-Viewer yes · chaiNNer yes · Upscayl (converted to NCNN) no: …"."""
        programs = (("WQV-Viewer", self.viewer), ("chaiNNer", self.chainner), (UPSCAYL, self.upscayl))
        return " · ".join(f"{name} no: {reason}" if reason else f"{name} yes" for name, reason in programs)

    def as_dict(self) -> dict[str, str]:
        """Return "yes" or "no: reason" by program, as `meta["loads_in"]` stores it."""
        fields = {"wqv-viewer": self.viewer, "chainner": self.chainner, "upscayl": self.upscayl}
        yes = {"upscayl": "yes, converted to NCNN"}
        return {name: f"no: {reason}" if reason else yes.get(name, "yes") for name, reason in fields.items()}


def format_for_reading(summary: str) -> str:
    """Turn `GateReport.summary()` into sentences: "Loads in WQV-Viewer and chaiNNer. For Upscayl, …".

    Other texts, such as the check of an ONNX file, are returned unchanged.
    """
    parts = summary.split(" · ")
    loads = [part[: -len(" yes")] for part in parts if part.endswith(" yes")]
    refused = dict(part.split(" no: ", 1) for part in parts if " no: " in part)
    if not summary or len(loads) + len(refused) != len(parts):
        return summary
    own = [name for name in loads if name != UPSCAYL]
    sentences = [f"Loads in {' and '.join(filter(None, (', '.join(own[:-1]), own[-1])))}."] if own else []
    if UPSCAYL in loads:
        sentences.append("For Upscayl, convert it to NCNN.")
    for name, reason in refused.items():
        text = "Cannot be converted for Upscayl: {reason}." if name == UPSCAYL else "Does not load in {name}: {reason}."
        sentences.append(text.format(name=name, reason=reason))
    return " ".join(sentences)


def check_programs(
    path: Path, spec: NetworkSpec, *, container: str = "params", plain_names: bool = True, known_names: bool = True
) -> GateReport:
    """Report which programs load a file.

    Args:
        path: file name of the model, which need not exist.
        spec: dimensions of the network in the file.
        container: key in the file that holds the weights, "" for the top level.
        plain_names: whether the file has all parameters under their BasicSR names and no others.
        known_names: whether spandrel knows the parameter names.
    """
    return GateReport(
        _viewer_problem(path, spec, container, plain_names),
        _chainner_problem(path, spec, container, known_names),
        _upscayl_problem(spec),
    )


def find_scale_marks(name: str) -> tuple[int, ...]:
    """Return the distinct scale marks of a file name (8, 4 or 2), in the order in which the viewer searches them."""
    return tuple(sorted({int(mark) for mark in _SCALE_MARK.findall(name)}, reverse=True))


def scale_mark_problem(path: Path, scale: int) -> str:
    """Return why the viewer cannot take the scale from the file name, or "" if it can."""
    marks = find_scale_marks(path.stem)
    if not marks:
        return f"the file name has no x{scale}"
    if len(marks) > 1:
        return f"the file name has {' and '.join(f'x{mark}' for mark in marks)}"
    return "" if marks[0] == scale else f"the file name says x{marks[0]} but the weights are x{scale}"


def _viewer_problem(path: Path, spec: NetworkSpec, container: str, plain_names: bool) -> str:
    if path.suffix.lower() != ".pth":
        return "it loads only .pth files"
    if not spec.viewer_compatible:
        size = (
            f"{spec.num_feat}/{spec.num_block}/{spec.num_grow_ch}, {spec.num_in_ch} input and {spec.num_out_ch} "
            "output channels,"
        )
        unshuffle = " without pixel-unshuffle" if spec.unshuffle else ""
        return (
            f"it loads only 64/23/32 with RGB input and output at x2, x4 or x8, not {size} at x{spec.scale}{unshuffle}"
        )
    if not plain_names or container not in _VIEWER_CONTAINERS:
        return "it expects other parameter names or another container"
    return scale_mark_problem(path, spec.scale)


def _chainner_problem(path: Path, spec: NetworkSpec, container: str, known_names: bool) -> str:
    if path.suffix.lower() not in (".pth", ".pt", ".ckpt", ".safetensors"):
        return f"it does not open {f'{path.suffix} files' if path.suffix else 'files without a suffix'}"
    if spec.num_grow_ch != 32:
        return f"it supports only growth 32, not {spec.num_grow_ch}"
    if not known_names or container not in _SPANDREL_CONTAINERS:
        return "it expects other parameter names or another container"
    return ""


def _upscayl_problem(spec: NetworkSpec) -> str:
    if spec.unshuffle_factor > 1:
        return f"x{spec.scale} needs pixel-unshuffle, which NCNN does not have"
    if spec.scale not in (2, 4):
        return f"it upscales x2, x3 and x4, not x{spec.scale}"
    if (spec.num_in_ch, spec.num_out_ch) != (3, 3):
        return f"it needs RGB input and output, not {spec.num_in_ch} and {spec.num_out_ch} channels"
    return ""
