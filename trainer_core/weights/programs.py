"""Which programs load a model file, and why the others do not; from its dimensions, names and file name (no torch).

The rules are the programs' own: WQV-Viewer takes `.pth` files with one scale mark in the name and builds
64/23/32 from RGB to RGB only; chaiNNer and everything else on spandrel has growth 32 built in; NCNN, which
Upscayl runs on, has no pixel-unshuffle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from trainer_core.model.spec import NetworkSpec

_SCALE_MARK = re.compile(r"x([248])(?!\d)", re.IGNORECASE)
_VIEWER_CONTAINERS = ("params_ema", "ema", "generator_ema", "params", "generator", "state_dict", "model", "")
_SPANDREL_CONTAINERS = ("model_state_dict", "state_dict", "params_ema", "params-ema", "params", "model", "net", "")


@dataclass(frozen=True)
class GateReport:
    """For each program the reason why it does not load the file, "" if it does."""

    viewer: str
    chainner: str
    upscayl: str

    def summary(self) -> str:
        """Such as "WQV-Viewer yes · chaiNNer yes · Upscayl (NCNN) no: x2 needs pixel-unshuffle"."""
        programs = (("WQV-Viewer", self.viewer), ("chaiNNer", self.chainner), ("Upscayl (NCNN)", self.upscayl))
        return " · ".join(f"{name} no: {reason}" if reason else f"{name} yes" for name, reason in programs)

    def as_dict(self) -> dict[str, str]:
        """Program -> "yes" or "no: reason"."""
        fields = {"wqv-viewer": self.viewer, "chainner": self.chainner, "upscayl": self.upscayl}
        return {name: f"no: {reason}" if reason else "yes" for name, reason in fields.items()}


def format_for_reading(sentence: str) -> str:
    """`GateReport.sentence()` for reading: "Loads in WQV-Viewer and chaiNNer. Not in Upscayl (NCNN): …"."""
    parts = sentence.split(" · ")
    loads = [part[: -len(" yes")] for part in parts if part.endswith(" yes")]
    others = [part.replace(" no: ", ": ", 1) for part in parts if " no: " in part]
    if not sentence or len(loads) + len(others) != len(parts):
        return sentence  # something else, such as the check of an ONNX file
    yes = [f"Loads in {' and '.join(filter(None, (', '.join(loads[:-1]), loads[-1])))}."] if loads else []
    return " ".join(yes + [f"Not in {other}." for other in others])


def check_programs(
    path: Path, spec: NetworkSpec, *, container: str = "params", plain_names: bool = True, known_names: bool = True
) -> GateReport:
    """Judge a file by its name and content.

    Args:
        container: the key in the file that holds the weights, "" for the top level.
        plain_names: the parameters have exactly BasicSR's names, none missing and none besides.
        known_names: they have names that spandrel knows.
    """
    return GateReport(
        _viewer_problem(path, spec, container, plain_names),
        _chainner_problem(path, spec, container, known_names),
        _upscayl_problem(spec),
    )


def find_scale_marks(name: str) -> tuple[int, ...]:
    """The different scales that a file name carries (x2, x4 or x8), in the order the viewer looks for them."""
    return tuple(sorted({int(mark) for mark in _SCALE_MARK.findall(name)}, reverse=True))


def scale_mark_problem(path: Path, scale: int) -> str:
    """Why the viewer would not take the scale from this file name, "" if it would."""
    marks = find_scale_marks(path.stem)
    if not marks:
        return f"the file name carries no x{scale}"
    if len(marks) > 1:
        return f"the file name carries {' and '.join(f'x{mark}' for mark in marks)}"
    return "" if marks[0] == scale else f"the file name says x{marks[0]}, the weights are x{scale}"


def _viewer_problem(path: Path, spec: NetworkSpec, container: str, plain_names: bool) -> str:
    if path.suffix.lower() != ".pth":
        return "only .pth is looked for"
    if not spec.viewer_compatible:
        size = f"{spec.num_feat}/{spec.num_block}/{spec.num_grow_ch}, {spec.num_in_ch} to {spec.num_out_ch} channels"
        plain = " without pixel-unshuffle" if spec.unshuffle else ""
        return f"only 64/23/32 from RGB to RGB at x2, x4, x8, not {size} at x{spec.scale}{plain}"
    if not plain_names or container not in _VIEWER_CONTAINERS:
        return "the parameters are not named and stored as it expects"
    return scale_mark_problem(path, spec.scale)


def _chainner_problem(path: Path, spec: NetworkSpec, container: str, known_names: bool) -> str:
    if path.suffix.lower() not in (".pth", ".pt", ".ckpt", ".safetensors"):
        return f"it does not open {path.suffix or 'files without .pth'}"
    if spec.num_grow_ch != 32:
        return f"growth {spec.num_grow_ch}, only 32 is built in"
    if not known_names or container not in _SPANDREL_CONTAINERS:
        return "the parameters are not named and stored as it expects"
    return ""


def _upscayl_problem(spec: NetworkSpec) -> str:
    return f"x{spec.scale} needs pixel-unshuffle" if spec.unshuffle_factor > 1 else ""
