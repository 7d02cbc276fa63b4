"""The discriminator: its layers, its spectral normalization and its initial weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from trainer_core.model import discriminator_spec
from trainer_core.model.discriminator import Discriminator, NormalizedConv


def image(side: int = 32) -> Tensor:
    made: Tensor = torch.rand(2, 3, side, side, generator=torch.Generator().manual_seed(1))
    return made


def largest_singular_value(conv: NormalizedConv) -> float:
    weight = conv.weight.detach() / conv._project().norm().detach()
    value: float = torch.linalg.matrix_norm(weight.flatten(1), ord=2).item()
    return value


@pytest.mark.parametrize("features", [4, 16])
def test_its_description_counts_what_torch_counts(features: int) -> None:
    network = Discriminator(features, seed=1)
    shapes = {name: tuple(parameter.shape) for name, parameter in network.named_parameters()}
    assert list(shapes.items()) == list(discriminator_spec.parameter_shapes(features).items())
    directions = {name: tuple(buffer.shape) for name, buffer in network.named_buffers()}
    assert directions == discriminator_spec.direction_shapes(features)
    assert discriminator_spec.count_parameters(features) == sum(p.numel() for p in network.parameters())
    with FlopCounterMode(display=False) as counter:
        rating = network(image())
    assert rating.shape == (2, 1, 32, 32)
    expected = discriminator_spec.count_multiplications(features) * 2 * 32 * 32
    assert counter.get_total_flops() / 2 == expected


def test_the_same_seed_gives_the_same_weights() -> None:
    one, same, other = (Discriminator(4, seed) for seed in (1, 1, 2))
    assert all(torch.equal(one.state_dict()[name], value) for name, value in same.state_dict().items())
    assert not torch.equal(one.state_dict()["down1.weight"], other.state_dict()["down1.weight"])


def test_normalized_weights_have_a_largest_singular_value_near_one_also_after_a_large_change() -> None:
    network = Discriminator(8, seed=1)
    convs = [conv for conv in network.children() if isinstance(conv, NormalizedConv)]
    assert len(convs) == 8
    assert all(1.0 <= largest_singular_value(conv) < 1.2 for conv in convs)
    with torch.no_grad():
        for conv in convs:
            conv.weight.mul_(torch.rand_like(conv.weight) * 9)
    for _ in range(50):
        network.iterate()
    assert all(largest_singular_value(conv) == pytest.approx(1.0, abs=0.1) for conv in convs)


def test_passes_do_not_change_the_estimates_and_an_iteration_does() -> None:
    network = Discriminator(4, seed=1)
    before = {name: buffer.clone() for name, buffer in network.named_buffers()}
    first, second = network(image()), network(image())
    assert torch.equal(first, second)
    assert all(torch.equal(before[name], buffer) for name, buffer in network.named_buffers())
    with torch.no_grad():
        dict(network.named_parameters())["down1.weight"].mul_(torch.rand(8, 1, 1, 1))
    network.iterate()
    assert not torch.equal(before["down1.direction"], dict(network.named_buffers())["down1.direction"])


def test_the_scale_of_a_normalized_weight_changes_no_rating() -> None:
    network = Discriminator(4, seed=1)
    before = network(image())
    with torch.no_grad():
        for conv in network.children():
            if isinstance(conv, NormalizedConv):
                conv.weight.mul_(100)
    assert torch.allclose(network(image()), before, atol=1e-5)


def test_the_estimate_is_exact_also_in_mixed_precision() -> None:
    network = Discriminator(4, seed=1)
    exact = network(image())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert {c._project().dtype for c in network.children() if isinstance(c, NormalizedConv)} == {torch.float32}
        mixed = network(image())
    assert mixed.dtype == torch.bfloat16 and torch.allclose(mixed.float(), exact, atol=0.1)
