"""Checkpoints with a right digest and a wrong content: odd fields give sentences, unknown ones break nothing."""

from __future__ import annotations

import copy
import dataclasses
from pathlib import Path
from typing import Any, Callable

import pytest

torch = pytest.importorskip("torch")

from trainer_core.errors import NewerFileError, UserError
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.settings.config import TrainerConfig
from trainer_core.training import checkpoint
from trainer_core.training.checkpoint import TrainingState
from trainer_core.training.checkpoint_fields import OPTIONAL_FIELDS, PLAIN_CHECKS, TENSOR_CHECKS
from trainer_core.training.evaluation import ValidationRecord
from trainer_core.training.loading import state_from_deployable

FIELDS = {*PLAIN_CHECKS, *TENSOR_CHECKS}
Forge = Callable[[dict[str, Any]], object]


@pytest.fixture(scope="module")
def tree() -> dict[str, Any]:
    """The content of a real checkpoint after one step of Adam."""
    spec = NetworkSpec(2, 8, 1, 4)
    network = RRDBNet(spec)
    optimizer = torch.optim.Adam(network.parameters(), fused=True)
    torch.stack([parameter.sum() for parameter in network.parameters()]).sum().backward()
    optimizer.step()
    weights = {name: parameter.detach() for name, parameter in network.named_parameters()}
    config = {name: list(v) if isinstance(v, tuple) else v for name, v in dataclasses.asdict(TrainerConfig()).items()}
    return {
        "kind": checkpoint.KIND,
        "format": checkpoint.FORMAT,
        "params": weights,
        "params_ema": copy.deepcopy(weights),
        "optimizer": optimizer.state_dict(),
        "scaler": None,
        "step": 1,
        "samples": 16,
        "ema_updates": 1,
        "run_id": "r",
        "workspace_id": "w",
        "spec": spec.as_dict(),
        "config": config,
        "photos": '["a.png", "\\udce9.png"]',
        "best": dataclasses.asdict(ValidationRecord(20.0, 1, 0, {"step": 1, "psnr": 20.0}, None)),
        "plan": {"total_steps": 9, "max_minutes": None, "seconds": 1.5},
        "versions": checkpoint.collect_versions("cpu"),
    }


def write(tree: dict[str, Any], path: Path) -> Path:
    torch.save({**tree, "sha256": checkpoint.compute_digest(tree)}, path)
    return path


def forged(tree: dict[str, Any], forge: Forge) -> dict[str, Any]:
    changed = copy.deepcopy(tree)
    forge(changed)
    return changed


def set_to(value: Any, *path: Any) -> Forge:
    def change(tree: dict[str, Any]) -> None:
        for key in path[:-1]:
            tree = tree[key]
        tree[path[-1]] = value

    return change


def test_every_field_of_the_state_is_checked_and_a_real_checkpoint_passes(tree: dict[str, Any], tmp_path: Path) -> None:
    fields = dataclasses.fields(TrainingState)
    assert {field.name for field in fields} == FIELDS
    with_default = {f.name for f in fields if f.default_factory is not dataclasses.MISSING or f.default is None}
    assert with_default == OPTIONAL_FIELDS
    state = checkpoint.load_checkpoint(write(tree, tmp_path / "a.pth"))
    assert state.photos == ["a.png", "\udce9.png"]
    assert checkpoint.compute_digest(state.optimizer) == checkpoint.compute_digest(tree["optimizer"])


def test_keys_of_a_later_version_do_not_break_reading(tree: dict[str, Any], tmp_path: Path) -> None:
    later = {**tree, "added_later": {"a": 1}, "best": {**tree["best"], "added_later": 5.0, "test_psnr": float("nan")}}
    state = checkpoint.load_checkpoint(write(later, tmp_path / "a.pth"))
    assert state.step == 1
    assert ValidationRecord.restore(state.best) == ValidationRecord(20.0, 1, 0, {"step": 1, "psnr": 20.0}, None)


@pytest.mark.parametrize("name", sorted(FIELDS - OPTIONAL_FIELDS))
def test_a_missing_field_is_named(tree: dict[str, Any], name: str, tmp_path: Path) -> None:
    path = write({key: value for key, value in tree.items() if key != name}, tmp_path / "a.pth")
    with pytest.raises(UserError, match=f'a\\.pth .* "{name}" is missing'):
        checkpoint.load_checkpoint(path)


@pytest.mark.parametrize("odd", ["text", None, -1, 1.5, True, [], {}, 10**30], ids=repr)
@pytest.mark.parametrize("name", sorted(FIELDS))
def test_a_field_of_another_kind_is_named(tree: dict[str, Any], name: str, odd: Any, tmp_path: Path) -> None:
    allowed: dict[str, list[Any]] = {
        "scaler": [None],
        "run_id": ["text"],
        "workspace_id": ["text"],
        **{key: [{}] for key in ("best", "plan", "versions", "config")},
    }
    path = write({**tree, name: odd}, tmp_path / "a.pth")
    if odd in allowed.get(name, []):
        checkpoint.load_checkpoint(path)
        return
    with pytest.raises(UserError, match=f'"{name}" cannot be used'):
        checkpoint.load_checkpoint(path)


@pytest.mark.parametrize(
    ("field", "forge"),
    [
        ("params", set_to(torch.zeros(1), "params", "conv_first.weight")),
        ("params", set_to(torch.zeros(8), "params", "added.weight")),
        ("params", lambda tree: tree["params"].pop("conv_last.bias")),
        ("params_ema", set_to(torch.zeros(3, dtype=torch.float64), "params_ema", "conv_last.bias")),
        ("params_ema", set_to(0.5, "params_ema", "conv_last.bias")),
        ("optimizer", set_to(torch.zeros(1), "optimizer", "state", 0, "exp_avg")),
        ("optimizer", lambda tree: tree["optimizer"]["state"].pop(0)),
        ("optimizer", lambda tree: tree["optimizer"]["state"][0].pop("step")),
        ("optimizer", lambda tree: tree["optimizer"].pop("state")),
        ("spec", set_to(3, "spec", "scale")),
        ("spec", set_to(10**9, "spec", "num_feat")),
        ("spec", set_to(1, "spec", "num_in_ch")),
        ("spec", set_to(1, "spec", "added_later")),
        ("spec", lambda tree: tree["spec"].pop("num_block")),
        ("config", set_to("many", "config", "batch_size")),
        ("config", set_to("a\0b", "config", "camera_profile")),
        ("photos", set_to("[" * 100_000, "photos")),
        ("photos", set_to("[5]", "photos")),
        ("best", set_to("abc", "best", "best_psnr")),
        ("best", set_to(None, "best", "since_best")),
        ("best", set_to("abc", "best", "last", "psnr")),
        ("plan", set_to("9", "plan", "total_steps")),
        ("plan", set_to(-1, "plan", "max_minutes")),
        ("plan", set_to(float("nan"), "plan", "seconds")),
        ("scaler", set_to({"scale": 2.0}, "scaler")),
        ("versions", set_to([], "versions", "torch")),
    ],
)
def test_an_odd_part_of_a_field_is_refused(tree: dict[str, Any], field: str, forge: Forge, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f'"{field}" cannot be used'):
        checkpoint.load_checkpoint(write(forged(tree, forge), tmp_path / "a.pth"))


@pytest.mark.parametrize("odd", ["2", None, 1.0, True, 0])
def test_a_format_that_is_no_number_is_refused(tree: dict[str, Any], odd: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match='"format" is') as caught:
        checkpoint.load_checkpoint(write({**tree, "format": odd}, tmp_path / "a.pth"))
    assert not isinstance(caught.value, NewerFileError)


def test_a_checkpoint_of_a_newer_format_is_refused_as_newer(tree: dict[str, Any], tmp_path: Path) -> None:
    path = write({**tree, "format": checkpoint.FORMAT + 1, "params": None}, tmp_path / "a.pth")
    with pytest.raises(NewerFileError, match="newer version"):
        checkpoint.load_checkpoint(path)


def test_the_optimizers_parameters_have_the_order_of_the_network_description() -> None:
    spec = NetworkSpec(8, 8, 1, 4)
    assert [name for name, _ in RRDBNet(spec).named_parameters()] == list(spec.shapes())


@pytest.mark.parametrize("odd", ["abc", None, [], True, -1, 10**30])
def test_an_odd_step_in_a_deployable_file_counts_as_none(odd: Any, tmp_path: Path) -> None:
    spec = NetworkSpec(2, 8, 1, 4)
    weights = {name: parameter.detach() for name, parameter in RRDBNet(spec).named_parameters()}
    path = tmp_path / "scale2_step7_deploy.pth"
    torch.save({"params": weights, "meta": {"step": odd, "spec": spec.as_dict()}}, path)
    assert state_from_deployable(path, TrainerConfig(scale=2)).step == 0
