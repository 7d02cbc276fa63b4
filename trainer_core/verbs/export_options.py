"""What an export can be asked for, in the words of the command line and of the window (no torch)."""

from __future__ import annotations

from pathlib import Path

FORMATS = {
    "pth": "PyTorch: WQV-Viewer, chaiNNer and every program on spandrel",
    "safetensors": "Plain tensors without code: chaiNNer and newer programs",
    "onnx": "Network and weights in one: ONNX Runtime, chaiNNer",
}
HALF_HELP = "store fp16: half the size, a little less exact"
VIEWER_COMPATIBLE = "pad to WQV-Viewer's 64/23/32, exactly equivalent"
BLEND = "mix in another model of the same dimensions"
ALPHA = "the other model's share, 0..1"
DEFAULT_ALPHA = 0.5


def suggest_file_name(model: Path, form: str, *, half: bool = False, blended: bool = False) -> Path:
    """A file name beside `model` that says what is in it and is not `model` itself."""
    stem = model.stem + ("_blend" if blended else "") + ("_half" if half else "")
    target = model.with_name(f"{stem}.{form}")
    return target if target != model else model.with_name(f"{stem}_export.{form}")
