"""Names that are proposed for an export."""

from __future__ import annotations

from pathlib import Path

from trainer_core.verbs.export_options import suggest_file_name


def test_an_export_is_never_proposed_under_the_model_s_own_name() -> None:
    model = Path("models/wqv_x4.pth")
    assert suggest_file_name(model, "onnx", half=True).name == "wqv_x4_half.onnx"
    assert suggest_file_name(model, "pth", blended=True).name == "wqv_x4_blend.pth"
    assert suggest_file_name(model, "pth").name == "wqv_x4_export.pth"
