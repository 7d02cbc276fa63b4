"""Less memory by computing the blocks of the network twice: equal bits, the same names, fewer kept tensors."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from torch import Tensor

from trainer_core.model.initialize import initialize
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import Hardware, estimate_memory
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.batches import Batch
from trainer_core.training.learner import Learner

SPEC = NetworkSpec(4, num_feat=16, num_block=3, num_grow_ch=8)


def make_learner(memory: str, precision: str = "fp32") -> Learner:
    network = RRDBNet(SPEC)
    initialize(network, 1)
    return Learner(TrainerConfig(device="cpu", memory=memory), network, Hardware("cpu", precision, "a processor"))


def batch() -> Batch:
    generator = torch.Generator().manual_seed(3)
    return Batch(torch.rand(2, 3, 16, 16, generator=generator), torch.rand(2, 3, 64, 64, generator=generator))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_weights_after_some_steps_have_equal_bits(precision: str) -> None:
    learners = [make_learner(memory, precision) for memory in ("auto", "low")]
    for learner in learners:
        for _ in range(3):
            learner.update([batch(), batch()], count=2, learning_rate=1e-3)
    assert learners[1].network.recomputes_blocks and not learners[0].network.recomputes_blocks
    weights = [learner.state()["params"] for learner in learners]
    assert list(weights[0]) == list(weights[1]) == list(SPEC.shapes())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def kept_bytes(memory: str) -> int:
    """The bytes of the tensors that the forward pass keeps for the backward pass, the weights left out."""
    learner = make_learner(memory)
    weights = {parameter.data_ptr() for parameter in learner.network.parameters()}
    sizes: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if tensor.data_ptr() not in weights:
            sizes[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        kept = learner.network(batch().lr)
    assert kept.requires_grad
    return sum(sizes.values())


def test_blocks_keep_nothing_but_their_input() -> None:
    normal, low = kept_bytes("auto"), kept_bytes("low")
    each = 2 * 16 * 16 * SPEC.num_feat * 4
    assert low < normal / 2
    assert normal - low > 3 * SPEC.num_block * 5 * each


def test_validation_computes_each_block_once() -> None:
    learner = make_learner("low")
    counted: list[int] = []
    for block in learner.network.body:
        block.register_forward_pre_hook(lambda *_: counted.append(1))
    with torch.no_grad():
        learner.network(batch().lr)
    assert len(counted) == SPEC.num_block
    learner.update([batch()], count=1, learning_rate=1e-3)
    assert len(counted) == SPEC.num_block * 3


def test_the_estimate_knows_of_it() -> None:
    config, full = TrainerConfig(patch_size=64), NetworkSpec(4)
    gpu = Hardware("cuda", "bf16", "a GPU")
    weights = estimate_memory(config, full, gpu, 0)
    normal, low = (estimate_memory(config.replace(memory=m), full, gpu, 16) - weights for m in ("auto", "low"))
    assert low < normal / 3
