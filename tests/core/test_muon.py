"""The optimizer Muon: what it orthogonalizes, that it skips steps without reading, and that it learns and resumes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from torch import Tensor

torch = pytest.importorskip("torch")

from tests.core.networks import network_of
from tests.core.test_learner import make_batch, make_learner
from trainer_core.model.spec import NetworkSpec
from trainer_core.training.adam import Adam
from trainer_core.training.muon import Muon, find_inner_kernels, orthogonalize

OPTIONS: dict[str, Any] = dict(lr=1e-3, betas=(0.9, 0.99), weight_decay=0.0, fused=True)


def seeded(*shape: int) -> Tensor:
    values: Tensor = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    return values


@pytest.mark.parametrize("shape", [(2, 16, 288), (1, 40, 36)])
def test_singular_values_become_equal_and_vectors_stay(shape: tuple[int, int, int]) -> None:
    matrices = seeded(*shape)
    u, s, v = torch.linalg.svd(matrices, full_matrices=False)
    matrices = u @ torch.diag_embed(s.sqrt()) @ v  # singular values that differ by a factor of a few
    result = orthogonalize(matrices)
    values = torch.linalg.svdvals(result)
    assert values.min() > 0.65 and values.max() < 1.25
    assert torch.cosine_similarity(result.flatten(1), (u @ v).flatten(1)).min() > 0.98


def test_a_matrix_of_zeros_stays_zero() -> None:
    assert not orthogonalize(torch.zeros(1, 4, 9)).any()


def networks_with_gradients() -> tuple[Any, Any]:
    """Two equal networks with equal gradients, for a step each with Adam and with Muon."""
    networks = [network_of(NetworkSpec(4, 8, 1, 4)).requires_grad_(True) for _ in range(2)]
    for network in networks:
        network(torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(3))).square().mean().backward()
    return networks[0], networks[1]


def test_biases_and_the_first_and_last_convolution_are_adams() -> None:
    one, two = networks_with_gradients()
    names = {name for name, p in two.named_parameters() if any(p is kernel for kernel in find_inner_kernels(two))}
    assert names == {n for n in dict(two.named_parameters()) if n.endswith("weight")} - {
        "conv_first.weight",
        "conv_last.weight",
    }
    before = {name: p.detach().clone() for name, p in two.named_parameters()}
    Adam(one.parameters(), **OPTIONS).step()
    Muon(two.parameters(), find_inner_kernels(two), **OPTIONS).step()
    for (name, expected), actual in zip(one.named_parameters(), two.parameters()):
        assert torch.equal(expected, actual) == (name not in names), name
        if name in names:
            size = float((actual.detach() - before[name]).square().mean().sqrt()) / OPTIONS["lr"]
            assert 0.1 < size < 0.25, f"{name}: an update of the size of Adam's"


def test_kernels_of_one_shape_do_not_disturb_each_other() -> None:
    one, two = networks_with_gradients()
    kernels = find_inner_kernels(two)
    Muon(one.parameters(), find_inner_kernels(one), **OPTIONS).step()
    Muon(two.parameters(), kernels[:1], **OPTIONS).step()
    assert torch.allclose(find_inner_kernels(one)[0], kernels[0], atol=1e-7)


def test_a_skipped_step_changes_nothing_although_its_gradients_are_infinite() -> None:
    _, network = networks_with_gradients()
    optimizer = Muon(network.parameters(), find_inner_kernels(network), **OPTIONS)
    optimizer.step()
    before = [p.detach().clone() for p in network.parameters()]
    state = {p: {name: value.clone() for name, value in values.items()} for p, values in optimizer.state.items()}
    for parameter in network.parameters():
        parameter.grad = torch.full_like(parameter, float("inf"))
    optimizer.found_inf = torch.ones(())  # type: ignore[attr-defined]
    optimizer.step()
    assert all(torch.equal(a, b) for a, b in zip(before, network.parameters()))
    for parameter, values in state.items():
        assert all(torch.equal(value, optimizer.state[parameter][name]) for name, value in values.items())
        assert float(values["step"]) == 1


def test_weight_decay_pulls_kernels_toward_zero() -> None:
    kernel = torch.nn.Parameter(seeded(4, 3, 3, 3))
    kernel.grad = torch.zeros_like(kernel)
    before = float(kernel.detach().norm())
    Muon([kernel], [kernel], **{**OPTIONS, "weight_decay": 0.1}).step()
    assert float(kernel.detach().norm()) < before


def test_the_moments_of_adam_and_muon_have_one_form() -> None:
    one, two = networks_with_gradients()
    adam, muon = Adam(one.parameters(), **OPTIONS), Muon(two.parameters(), find_inner_kernels(two), **OPTIONS)
    adam.step()
    muon.step()
    states = [optimizer.state_dict()["state"] for optimizer in (adam, muon)]
    assert states[0].keys() == states[1].keys()
    for number, expected in states[0].items():
        assert {n: v.shape for n, v in expected.items()} == {n: v.shape for n, v in states[1][number].items()}


@pytest.mark.parametrize(("before", "after", "largest"), [("muon", "adam", 1.1), ("adam", "muon", 0.25)])
def test_the_first_update_after_a_change_of_optimizer_has_the_size_of_any_first_update(
    before: str, after: str, largest: float
) -> None:
    settings = {"l1_weight": 1e4, "gradient_clip": 0.0}  # so that Adam's epsilon does not count
    learners = {name: make_learner(optimizer=name, **settings) for name in (before, after)}
    for _ in range(5):
        learners[before].update([make_batch()], count=1, learning_rate=1e-3)
    state = learners[before].state()
    for moments in state["optimizer"]["state"].values():
        moments["step"].fill_(10000)  # as after a long run, when Adam no longer corrects its moments
    learner = learners[after]
    learner.load_weights(state["params"], state["params_ema"], 5)
    learner.load_optimizer(state["optimizer"], None, trained_with=before)
    kernels = find_inner_kernels(learner.network)
    weights = [kernel.detach().clone() for kernel in kernels]
    learner.update([make_batch()], count=1, learning_rate=1e-3)
    for kernel, old in zip(kernels, weights):
        size = float((kernel.detach() - old).square().mean().sqrt()) / 1e-3
        assert 0.1 < size < largest
    others = [p for p in learner.network.parameters() if not any(p is kernel for kernel in kernels)]
    assert all(float(learner._optimizer.state[parameter]["step"]) == 10001 for parameter in others)
