"""The update of the weights: which steps are skipped and counted, also with the scaled loss of fp16."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

from tests.small_runs import TINY
from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import Hardware
from trainer_core.planning.plan import network_spec
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.adversary import Adversary
from trainer_core.training.batches import Batch
from trainer_core.training.learner import Learner
from trainer_core.training.moments import compute_checksum


def make_learner(scale: float | None = None, **given: Any) -> Learner:
    """A learner on the CPU, with a scaler as fp16 has it, at its first scale."""
    config = TrainerConfig(source_dir="photos", workspace="run").replace(**{**TINY, **given})
    network = RRDBNet(network_spec(config))
    initialize(network, 1)
    learner = Learner(config, network, Hardware("cpu", "fp32", "CPU"))
    if scale is not None:
        learner._scaler = torch.amp.GradScaler("cpu", init_scale=scale)
    return learner


def make_batch(hr: float = 0.5) -> Batch:
    lr = torch.rand(1, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    return Batch(lr, torch.full((1, 3, 64, 64), hr))


def weights_of(learner: Learner) -> Tensor:
    flat: Tensor = torch.cat([parameter.detach().flatten() for parameter in learner.network.parameters()])
    return flat


def test_the_search_for_the_scale_of_fp16_counts_no_skipped_steps() -> None:
    learner, calls = make_learner(2.0**16), [0]

    def overflow(grad: Tensor) -> Tensor:
        calls[0] += 1
        return grad * float("inf") if calls[0] <= 5 else grad

    next(learner.network.parameters()).register_hook(overflow)
    changed = []
    for _ in range(7):
        before = weights_of(learner)
        learner.update([make_batch()], count=1, learning_rate=1e-3)
        changed.append(not weights_of(learner).equal(before))
        reading = learner.read_latest()
        assert (reading.skipped, reading.consecutive_skips) == (0, 0)
    assert changed == [False] * 5 + [True] * 2
    assert learner._scaler is not None and learner._scaler.get_scale() == 2.0**11


def test_gradients_that_overflow_at_every_scale_are_counted() -> None:
    learner = make_learner(2.0**16)
    for parameter in learner.network.parameters():
        parameter.register_hook(lambda grad: grad * float("inf"))
    before = weights_of(learner)
    counts = []
    for _ in range(20):
        learner.update([make_batch()], count=1, learning_rate=1e-3)
        counts.append(learner.read_latest().consecutive_skips)
    assert counts == [0] * 16 + [1, 2, 3, 4]
    assert weights_of(learner).equal(before)


@pytest.mark.parametrize("scale", [None, 1024.0])
def test_a_loss_that_is_not_finite_is_skipped_and_counted_although_its_gradients_are_finite(
    scale: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = make_learner(scale)
    learner.update([make_batch()], count=1, learning_rate=1e-3)
    losses = learner._losses

    def infinite(sr: Tensor, hr: Tensor) -> dict[str, Tensor]:
        return {name: term + float("inf") for name, term in losses(sr, hr).items()}

    monkeypatch.setattr(learner, "_losses", infinite)
    before = weights_of(learner)
    learner.update([make_batch()], count=1, learning_rate=1e-3)
    reading = learner.read_latest()
    assert weights_of(learner).equal(before)
    assert (reading.skipped, reading.consecutive_skips) == (1, 1)


@pytest.mark.parametrize("scale", [None, 1024.0])
def test_a_step_begins_again_if_memory_ran_out_after_its_gradients_were_unscaled(
    scale: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*arguments: object, **more: object) -> None:
        raise MemoryError

    learner, other = make_learner(scale), make_learner(scale)
    with monkeypatch.context() as patch:
        patch.setattr(torch.nn.utils, "clip_grad_norm_", run_out)
        with pytest.raises(MemoryError):
            learner.update([make_batch()], count=1, learning_rate=1e-3)
    assert not learner.is_mid_update
    learner.discard_gradients()
    for each in (learner, other):
        each.update([make_batch()], count=1, learning_rate=1e-3)
    assert weights_of(learner).equal(weights_of(other))
    assert learner._scaler is None or learner._scaler.get_scale() == scale


@pytest.fixture
def two_threads() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("processes", "threads"), [(1, 2), (2, 1)])
def test_each_of_several_processes_updates_its_weights_with_one_thread(
    processes: int, threads: int, monkeypatch: pytest.MonkeyPatch, two_threads: None
) -> None:
    learner, counts = make_learner(1024.0, gan_weight=0.1, gan_features=4), dict[str, int]()
    learner.world.size = processes

    def count_threads(owner: Any, name: str) -> None:
        real = getattr(owner, name)

        def function(*arguments: Any, **more: Any) -> Any:
            counts[name] = torch.get_num_threads()
            return real(*arguments, **more)

        monkeypatch.setattr(owner, name, function)

    count_threads(torch.nn.utils, "clip_grad_norm_")
    count_threads(learner._scaler, "unscale_")
    count_threads(learner._optimizer, "step")
    count_threads(learner.ema, "update")
    count_threads(Adversary, "end_step")
    count_threads(learner.network, "forward")
    learner.update([make_batch()], count=1, learning_rate=1e-3)
    assert counts.pop("forward") == torch.get_num_threads() == 2
    assert set(counts.values()) == {threads} and len(counts) == 5


def test_a_checksum_depends_on_each_bit_of_the_weights_and_not_on_their_layout() -> None:
    learner = make_learner(gan_weight=0.1, gan_features=4)
    before, weights = learner.checksum(), list(learner.network.parameters())
    assert learner.checksum() == before == make_learner(gan_weight=0.1, gan_features=4).checksum()
    assert compute_checksum(weights) == compute_checksum([weight.contiguous() for weight in weights])
    assert learner.adversary is not None
    parts = [*weights[::5], *learner.adversary.network.parameters(), *learner.adversary.network.buffers()]
    for part in parts:
        bits = part.detach().view(torch.int32)
        bits[(0,) * bits.dim()] ^= 1
        assert learner.checksum() != before
        bits[(0,) * bits.dim()] ^= 1
    assert learner.checksum() == before
    up, down = weights[0].detach().view(torch.int32), weights[2].detach().view(torch.int32)
    up[0, 0, 0, 0] += 1
    down[0, 0, 0, 0] -= 1
    assert learner.checksum() != before
