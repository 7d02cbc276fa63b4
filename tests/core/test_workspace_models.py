"""The models of a run, in the order in which they are offered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.core.networks import network_of, saved
from trainer_core.model.spec import NetworkSpec
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import find_models, model_of


def test_the_models_of_a_run_come_best_first_then_the_newest_checkpoints(tmp_path: Path) -> None:
    assert find_models(tmp_path) == []
    names = ("models/wqv_neosr_x4.pth", "models/wqv_neosr_x4_best.pth", "checkpoints/scale4_best.pth")
    steps = ("checkpoints/scale4_step20.pth", "checkpoints/scale4_step20_deploy.pth", "checkpoints/scale4_step100.pth")
    for name in names + steps:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [(model.label, model.path.name) for model in find_models(tmp_path)] == [
        ("best", "wqv_neosr_x4_best.pth"),
        ("newest", "wqv_neosr_x4.pth"),
        ("step 100", "scale4_step100.pth"),
        ("step 20", "scale4_step20_deploy.pth"),
    ]


def test_the_model_of_a_run_is_the_best_else_the_newest(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    for folder in (workspace.models, workspace.checkpoints_folder):
        folder.mkdir()
    workspace.checkpoint_path(4, "step20").touch()
    assert model_of(workspace) is None, "a checkpoint is no model"
    for best in (False, True):
        model = workspace.model_path(4, best=best)
        model.touch()
        assert model_of(workspace) == model


def test_models_under_the_present_name_come_before_those_under_an_earlier_one(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    workspace.models.mkdir()
    for time, name in ((1, "wqv_neosr"), (2, "harbor")):
        for best in (False, True):
            model = workspace.model_path(8, best=best, name=name)
            model.touch()
            os.utime(model, (time, time))
    names = [model.path.name for model in find_models(tmp_path)]
    assert names == ["harbor_x8_best.pth", "wqv_neosr_x8_best.pth", "harbor_x8.pth", "wqv_neosr_x8.pth"]


def write_model(path: Path, step: int) -> None:
    path.parent.mkdir(exist_ok=True)
    saved(network_of(NetworkSpec(4, 8, 1, 4), step), path, meta={"step": step})


def test_a_model_that_lies_in_two_files_is_listed_once_with_both_facts(tmp_path: Path) -> None:
    for name, step in (("models/wqv_neosr_x4_best.pth", 20), ("models/wqv_neosr_x4.pth", 40)):
        write_model(tmp_path / name, step)
    for step in (20, 40):
        write_model(tmp_path / "checkpoints" / f"scale4_step{step}.pth", step)
    assert [model.label for model in find_models(tmp_path)] == ["best, step 20", "newest, step 40", "step 20"]
    write_model(tmp_path / "models/wqv_neosr_x4_best.pth", 40)
    assert [model.label for model in find_models(tmp_path)] == ["best and newest, step 40", "step 20"]


def test_a_best_model_that_is_the_start_of_its_run_says_so(tmp_path: Path) -> None:
    for name, step in (("models/wqv_neosr_x4_best.pth", 0), ("models/wqv_neosr_x4.pth", 40)):
        write_model(tmp_path / name, step)
    found = [(model.label, model.is_start) for model in find_models(tmp_path)]
    assert found == [("start, best checked so far", True), ("newest, step 40", False)]
