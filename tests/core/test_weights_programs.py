"""Which programs load a model, and how that is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from trainer_core.model.spec import NetworkSpec
from trainer_core.weights.programs import check_programs, find_scale_marks, format_for_reading, scale_mark_problem

SMALL = NetworkSpec(4, num_feat=16, num_block=2, num_grow_ch=8)


def test_the_gate_s_sentence_is_turned_into_words() -> None:
    given = "WQV-Viewer yes · chaiNNer yes · Upscayl (converted to NCNN) no: x2 needs pixel-unshuffle"
    assert (
        format_for_reading(given)
        == "Loads in WQV-Viewer and chaiNNer. Cannot be converted for Upscayl: x2 needs pixel-unshuffle."
    )
    convertible = "WQV-Viewer yes · chaiNNer no: growth 4 · Upscayl (converted to NCNN) yes"
    assert format_for_reading(convertible) == (
        "Loads in WQV-Viewer. For Upscayl, convert it to NCNN. Does not load in chaiNNer: growth 4."
    )
    assert format_for_reading("WQV-Viewer no: the name · chaiNNer no: growth 4") == (
        "Does not load in WQV-Viewer: the name. Does not load in chaiNNer: growth 4."
    )
    for other in ("", "onnxruntime agrees with PyTorch within 1e-06"):
        assert format_for_reading(other) == other


@pytest.mark.parametrize(
    ("name", "marks"),
    [
        ("wqv_neosr_x4", (4,)),
        ("WQV-X8", (8,)),
        ("wqv_x4_step8000", (4,)),
        ("x2_from_x4plus", (4, 2)),
        ("scale4_final", ()),
        ("wqv_4x", ()),
        ("x40", ()),
        ("x4x4", (4,)),
    ],
)
def test_scale_marks_are_read_as_the_viewer_reads_them(name: str, marks: tuple[int, ...]) -> None:
    assert find_scale_marks(name) == marks


def test_a_wrong_name_is_reported() -> None:
    assert scale_mark_problem(Path("wqv_x4.pth"), 4) == ""
    assert "no x4" in scale_mark_problem(Path("scale4_final.pth"), 4)
    assert "x4 and x2" in scale_mark_problem(Path("x2_from_x4.pth"), 2)
    assert "says x2 but the weights are x4" in scale_mark_problem(Path("wqv_x2.pth"), 4)


def test_the_sentence_names_each_program_and_the_reason() -> None:
    full = check_programs(Path("m_x2.pth"), NetworkSpec(2)).summary()
    reason = "x2 needs pixel-unshuffle, which NCNN does not have"
    assert full == f"WQV-Viewer yes · chaiNNer yes · Upscayl (converted to NCNN) no: {reason}"
    small = check_programs(Path("m_x4.pth"), SMALL)
    assert "16/2/8" in small.viewer and "growth 32, not 8" in small.chainner and small.upscayl == ""
    assert check_programs(Path("m_x4.safetensors"), NetworkSpec(4)).viewer == "it loads only .pth files"
    assert check_programs(Path("m_x4.pth"), NetworkSpec(4), container="generator").chainner
    assert check_programs(Path("m_x4.pth"), NetworkSpec(4), plain_names=False).viewer


@pytest.mark.parametrize(
    ("spec", "reason"),
    [
        (NetworkSpec(4), ""),
        (NetworkSpec(2, unshuffle=1), ""),
        (NetworkSpec(8), "it upscales x2, x3 and x4, not x8"),
        (NetworkSpec(1, unshuffle=1), "it upscales x2, x3 and x4, not x1"),
        (NetworkSpec(4, num_in_ch=1, num_out_ch=1), "not 1 and 1 channels"),
        (NetworkSpec(4, num_in_ch=1), "not 1 and 3 channels"),
        (NetworkSpec(2), "pixel-unshuffle"),
    ],
    ids=str,
)
def test_upscayl_is_named_only_for_networks_that_it_can_use(spec: NetworkSpec, reason: str) -> None:
    report = check_programs(Path("m_x4.pth"), spec)
    assert reason in report.upscayl and bool(report.upscayl) == bool(reason)
    assert report.as_dict()["upscayl"] == (f"no: {report.upscayl}" if reason else "yes, converted to NCNN")
