"""Formats and texts of the export options, shared by the command line and the window (no torch)."""

from __future__ import annotations

from pathlib import Path

FORMATS = {
    "pth": "PyTorch: WQV-Viewer, chaiNNer and all programs based on spandrel",
    "safetensors": "Plain tensors without code: chaiNNer and other current programs",
    "onnx": "Network and weights in one file: ONNX Runtime, chaiNNer",
}
HALF_HELP = "store fp16 values: half the file size, slightly less precise"
VIEWER_COMPATIBLE = "pad to the 64/23/32 that WQV-Viewer loads; results do not change"
BLEND = "mix in another model of the same dimensions"
ALPHA = "share of the other model, from 0 to 1"
NOT_CHECKED = "Not checked"  # begins the summary of a written file that nothing has read back
DEFAULT_ALPHA = 0.5


def suggest_file_name(model: Path, form: str, *, half: bool = False, blended: bool = False) -> Path:
    """Return a path beside `model`, but not `model` itself, whose name describes the export.

    Args:
        model: the model to export.
        form: suffix without dot, one of `FORMATS`.
        half: whether the export is in half precision.
        blended: whether another model is mixed in.
    """
    stem = model.stem + ("_blend" if blended else "") + ("_half" if half else "")
    target = model.with_name(f"{stem}.{form}")
    return target if target != model else model.with_name(f"{stem}_export.{form}")
