"""The checkpoint file: it is verified bit for bit before it counts, and its work stays in one thread."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from trainer_core.files import WriteError
from trainer_core.model.spec import NetworkSpec
from trainer_core.torch_threads import single_threaded
from trainer_core.training import checkpoint
from trainer_core.training.checkpoint import TrainingState
from trainer_core.training.failures import Diverged
from trainer_core.weights.container.writer import view_as_arrays, write_tree

SPEC = NetworkSpec(4, num_feat=8, num_block=1, num_grow_ch=4)
NAME = "conv_first.bias"


def state(value: float = 0.5) -> TrainingState:
    params = {name: torch.full(shape, value) for name, shape in SPEC.shapes().items()}
    moments = {
        index: {"step": torch.tensor(7.0), "exp_avg": torch.rand(shape), "exp_avg_sq": torch.rand(shape)}
        for index, shape in enumerate(SPEC.shapes().values())
    }
    return TrainingState(
        params=params,
        params_ema={name: values.clone() for name, values in params.items()},
        optimizer={"state": moments, "param_groups": [{"betas": (0.9, 0.99), "params": [0]}]},
        scaler=None,
        step=7,
        samples=14,
        ema_updates=7,
        run_id="r",
        workspace_id="w",
        spec=SPEC.as_dict(),
        config={},
        photos=[],
    )


@pytest.fixture
def two_threads() -> Any:
    count = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(count)


@pytest.mark.usefixtures("two_threads")
def test_one_thread_is_used_inside_the_block_and_all_of_them_after_it_even_after_an_error() -> None:
    with single_threaded():
        assert torch.get_num_threads() == 1
    with pytest.raises(KeyError), single_threaded():
        raise KeyError
    assert torch.get_num_threads() == 2


@pytest.mark.usefixtures("two_threads")
def test_checkpoints_are_written_and_read_in_one_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    counts, real = [], torch.isfinite

    def count(values: Any) -> Any:
        counts.append(torch.get_num_threads())
        return real(values)

    monkeypatch.setattr(torch, "isfinite", count)
    checkpoint.write_checkpoint(tmp_path / "a.pth", checkpoint.prepare_checkpoint(state()))
    written = len(counts)
    assert checkpoint.load_checkpoint(tmp_path / "a.pth").step == 7
    assert written and len(counts) > written and set(counts) == {1}


@pytest.mark.parametrize(
    "change",
    [
        lambda tree: tree["params"][NAME].add_(1),
        lambda tree: tree["optimizer"]["state"][0].pop("exp_avg"),
        lambda tree: tree.update(step=8),
        lambda tree: tree.update(step=7.0),
        lambda tree: tree["params"].update({NAME: tree["params"][NAME].view(torch.int32)}),  # equal bytes
        lambda tree: tree["params"].update({NAME: tree["params"][NAME].view(2, 4)}),
        lambda tree: tree["optimizer"]["param_groups"].clear(),
        lambda tree: tree["params"].update({NAME: None}),
        lambda tree: tree["params"].update({NAME: torch.zeros(9)}),
    ],
)
def test_a_checkpoint_that_reads_back_differently_leaves_the_older_file(
    change: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, given = tmp_path / "a.pth", state()
    checkpoint.write_checkpoint(path, checkpoint.prepare_checkpoint(given))
    before, real = path.read_bytes(), write_tree
    other = checkpoint.copy_to_cpu(vars(given))
    change(other)

    def save(file: Any, tree: dict[str, Any]) -> None:
        real(file, {**tree, **view_as_arrays({name: other[name] for name in ("params", "optimizer", "step")})})

    monkeypatch.setattr(checkpoint, "write_tree", save)
    with pytest.raises(WriteError, match="reads back differently"):
        checkpoint.write_checkpoint(path, checkpoint.prepare_checkpoint(given))
    assert path.read_bytes() == before and list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("part", ["params", "params_ema", "optimizer"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_values_that_are_not_finite_are_never_written(part: str, value: float, tmp_path: Path) -> None:
    broken = state()
    tensors = broken.optimizer["state"][1] if part == "optimizer" else getattr(broken, part)
    next(iter(values for values in tensors.values() if values.numel() == 8))[2] = value
    with pytest.raises(Diverged, match=rf"{part}\..* not finite"):
        checkpoint.write_checkpoint(tmp_path / "a.pth", checkpoint.prepare_checkpoint(broken))
    assert not list(tmp_path.iterdir())


def test_values_whose_sum_overflows_are_finite(tmp_path: Path) -> None:
    checkpoint.write_checkpoint(tmp_path / "a.pth", checkpoint.prepare_checkpoint(state(3e38)))
    assert float(checkpoint.load_checkpoint(tmp_path / "a.pth").params["conv_first.weight"].max()) > 2.9e38
