"""`--compile on`: the same numbers and names as without it, and a notice where it cannot work."""

from __future__ import annotations

import collections
import functools
import itertools
import re
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch._dynamo.backends.common import aot_autograd
from torch._functorch._aot_autograd.utils import make_boxed_func

from tests.small_runs import TINY, make_photos
from trainer_core.events import Event, Notice, StepDone
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.plan import make_plan
from trainer_core.training import checkpoint, compiling
from trainer_core.training.batches import BatchMaker
from trainer_core.training.failures import NotCompiled
from trainer_core.training.trainer import Trainer
from trainer_core.weights.container.reader import load_tree


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("compiling") / "photos")


def train(photos: Path, workspace: Path, **settings: Any) -> tuple[list[float], list[str]]:
    """The losses of three steps and the warnings."""
    events: list[Event] = []
    given = {**TINY, "num_block": 2, "steps": 3, "source_dir": str(photos), "workspace": str(workspace), **settings}
    assert Trainer(make_plan(given), events.append).run().outcome == "completed"
    losses = [event.losses["total"] for event in events if isinstance(event, StepDone)]
    return losses, [event.text for event in events if isinstance(event, Notice) and event.level == "warning"]


def test_a_compiled_run_has_the_same_losses_and_the_same_names(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs: list[int] = []

    def backend(graph: Any, inputs: Any) -> Any:
        graphs.append(len(list(graph.graph.nodes)))
        return graph.forward

    monkeypatch.setattr(compiling, "_BACKEND", backend)
    plain, compiled = (train(photos, tmp_path / mode, compile=mode) for mode in ("off", "on"))
    assert compiled == plain and len(graphs) == 1  # one graph for both blocks
    plain_state, compiled_state = (
        checkpoint.load_checkpoint(tmp_path / mode / "checkpoints" / "scale4_final.pth") for mode in ("off", "on")
    )
    assert list(compiled_state.params) == list(plain_state.params)
    assert all(compiled_state.params[name].equal(value) for name, value in plain_state.params.items())
    models = sorted((tmp_path / "on" / "models").glob("*.pth"))
    assert models
    for model in models:
        assert list(load_tree(model)["params"]) == list(plain_state.params)


def test_a_machine_that_cannot_compile_trains_without_it_and_says_so(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        raise OSError("there is no compiler")

    monkeypatch.setattr(compiling, "_BACKEND", backend)
    plain, compiled = (train(photos, tmp_path / mode, compile=mode) for mode in ("off", "on"))
    assert compiled[0] == plain[0]
    assert any("has no effect here: there is no compiler. Training" in text for text in compiled[1])


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_a_compiler_that_fails_at_a_later_shape_ends_no_run(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    calls: collections.Counter[str] = collections.Counter()

    def compiler(graph: Any, inputs: Any, *, direction: str) -> Any:
        calls[direction] += 1
        if calls[direction] == 2 and direction == way:
            raise OSError("the compiler has gone")
        return make_boxed_func(graph.forward)

    make_batch = BatchMaker.make_batch

    def run_out_with_two_patches(maker: BatchMaker, prepared: Any) -> Any:
        if len(prepared.hr) > 1 and next(batches) >= 2:
            raise MemoryError
        return make_batch(maker, prepared)

    forward, backward = (functools.partial(compiler, direction=name) for name in ("forward", "backward"))
    monkeypatch.setattr(compiling, "_BACKEND", aot_autograd(fw_compiler=forward, bw_compiler=backward))
    monkeypatch.setattr(BatchMaker, "make_batch", run_out_with_two_patches)
    results = []
    for mode in ("off", "on"):
        batches = itertools.count(1)
        results.append(train(photos, tmp_path / mode, compile=mode))
    (plain, warnings), (compiled, more) = results
    assert compiled == pytest.approx(plain, rel=1e-5) and len(plain) == 3
    assert calls["forward"] == 2, "one shape at the start, one after memory ran out"
    notice = "--compile on no longer works: the compiler has gone. Training continues without it."
    assert notice in more and notice not in warnings
    assert any(text.startswith("Memory ran out") for text in warnings)


def test_a_failure_that_is_not_the_compiler_s_is_reported_as_it_is() -> None:
    network = RRDBNet(NetworkSpec(4, 8, 1, 4))
    for block in network.body:
        block.compile(backend="eager")
    with pytest.raises(ValueError, match="a photo"), compiling.without_compiler_after_failure(network):
        raise ValueError("a photo")
    assert all(block._compiled_call_impl is not None for block in network.body)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("CUDA error: an illegal memory access was encountered", RuntimeError),
        ("Triton Error [CUDA]: unspecified launch failure", RuntimeError),
        ("Triton Error [CUDA]: invalid argument", NotCompiled),
    ],
)
def test_a_gpu_that_fails_in_compiled_blocks_is_not_reported_as_the_compiler(
    text: str, expected: type[Exception]
) -> None:
    def backend(graph: Any, inputs: Any) -> Any:
        def fail(*_: Any) -> Any:
            raise RuntimeError(text)

        return fail

    network = RRDBNet(NetworkSpec(4, 8, 1, 4))
    for block in network.body:
        block.compile(backend=backend)
    is_raised = pytest.raises(RuntimeError, match=re.escape(text))
    with is_raised as caught, compiling.without_compiler_after_failure(network):
        network(torch.zeros(1, 3, 16, 16))
    assert caught.type is expected
    assert all((block._compiled_call_impl is None) == (expected is NotCompiled) for block in network.body)


def test_a_run_says_before_it_compiles_that_this_takes_time(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts: list[str] = []
    announced: list[int] = []

    def backend(graph: Any, inputs: Any) -> Any:
        announced.append(
            len([text for text in texts if text.startswith("Compiling the network takes a minute or more")])
        )
        return graph.forward

    def sink(event: Event) -> None:
        if isinstance(event, Notice):
            texts.append(event.text)

    monkeypatch.setattr(compiling, "_BACKEND", backend)
    given = {**TINY, "steps": 1, "source_dir": str(photos), "workspace": str(tmp_path / "run")}
    assert Trainer(make_plan({**given, "compile": "on"}), sink).run().outcome == "completed"
    assert announced == [1]
    texts.clear()
    assert Trainer(make_plan({**given, "workspace": str(tmp_path / "plain")}), sink).run().outcome == "completed"
    assert texts and not any("Compiling" in text for text in texts)


def test_no_gradient_of_the_trial_is_left(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_BACKEND", "eager")
    plan = make_plan({**TINY, "source_dir": str(photos), "workspace": str(tmp_path / "run"), "compile": "on"})
    network = RRDBNet(plan.spec)
    assert compiling.try_compiling(network, plan.config, plan.hardware, plan.micro_batch) == ""
    assert all(parameter.grad is None for parameter in network.parameters())
