"""The models of a run, the names of exports, and the gate's sentence in words."""

from __future__ import annotations

from pathlib import Path

from trainer_core.verbs.export_options import proposed_name
from trainer_core.weights.programs import in_words
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import model_of, models_of


def test_the_models_of_a_run_come_best_first_then_the_newest_checkpoints(tmp_path: Path) -> None:
    assert models_of(tmp_path) == []
    names = ("models/wqv_neosr_x4.pth", "models/wqv_neosr_x4_best.pth", "checkpoints/scale4_best.pth")
    steps = ("checkpoints/scale4_step20.pth", "checkpoints/scale4_step20_deploy.pth", "checkpoints/scale4_step100.pth")
    for name in names + steps:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [(model.what, model.path.name) for model in models_of(tmp_path)] == [
        ("best", "wqv_neosr_x4_best.pth"),
        ("newest", "wqv_neosr_x4.pth"),
        ("step 100", "scale4_step100.pth"),
        ("step 20", "scale4_step20_deploy.pth"),
    ]


def test_the_model_of_a_run_is_the_best_else_the_newest(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for folder in (workspace.models, workspace.checkpoints):
        folder.mkdir()
    workspace.checkpoint_path(4, "step20").touch()
    assert model_of(workspace) is None, "a checkpoint is no model"
    for best in (False, True):
        model = workspace.model_path(4, best=best)
        model.touch()
        assert model_of(workspace) == model


def test_an_export_is_never_proposed_under_the_model_s_own_name() -> None:
    model = Path("models/wqv_x4.pth")
    assert proposed_name(model, "onnx", half=True).name == "wqv_x4_half.onnx"
    assert proposed_name(model, "pth", blended=True).name == "wqv_x4_blend.pth"
    assert proposed_name(model, "pth").name == "wqv_x4_export.pth"


def test_the_gate_s_sentence_is_turned_into_words() -> None:
    given = "WQV-Viewer yes · chaiNNer yes · Upscayl (NCNN) no: x2 needs pixel-unshuffle"
    assert in_words(given) == "Loads in WQV-Viewer and chaiNNer. Not in Upscayl (NCNN): x2 needs pixel-unshuffle."
    assert in_words("WQV-Viewer no: the name · chaiNNer no: growth 4") == (
        "Not in WQV-Viewer: the name. Not in chaiNNer: growth 4."
    )
    for other in ("", "onnxruntime agrees with PyTorch within 1e-06"):
        assert in_words(other) == other
