"""What is computed on a device: no float64, which Apple's GPUs and some of Intel's do not have."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

from tests.cuda_dry_runs import do_steps
from tests.fake_cuda import is_possible
from tests.small_runs import TINY
from trainer_core.model.rrdb import RRDBNet
from trainer_core.model.spec import NetworkSpec
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.batches import Batch
from trainer_core.training.learner import Learner


class DoubleFinder(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Collects the operations that have a float64 tensor on a GPU."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.seen = 0
        self.found: list[str] = []

    def __torch_dispatch__(self, operation: Any, types: Any, arguments: Any = (), options: Any = None) -> Any:
        result = operation(*arguments, **(options or {}))
        tensors = [value for value in tree_flatten((arguments, options, result))[0] if isinstance(value, torch.Tensor)]
        on_gpu = [tensor for tensor in tensors if tensor.device.type == "cuda"]
        self.seen += bool(on_gpu)
        if any(tensor.dtype == torch.float64 for tensor in on_gpu):
            self.found.append(str(operation))
        return result


@pytest.mark.skipif(not is_possible(), reason="this torch cannot fake a CUDA device")
@pytest.mark.parametrize("settings", [{}, {"monochrome_style": False}, {"degradation": "bicubic"}])
def test_a_step_has_no_float64_on_the_device(settings: dict[str, Any]) -> None:
    config = TrainerConfig(**{**TINY, **settings})
    with DoubleFinder() as finder:
        do_steps(config, "bf16", steps=1)
    assert finder.seen > 100 and not finder.found


@pytest.mark.parametrize(("device", "together"), [("cpu", True), ("mps", False)])
def test_gradients_are_clipped_one_by_one_on_an_apple_gpu(
    device: str, together: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    learner = Learner(TrainerConfig(**TINY), RRDBNet(NetworkSpec(4, 8, 1, 4)), Hardware("cpu", "fp32", "a processor"))
    learner.device = torch.device(device)
    asked: list[bool] = []
    clip = torch.nn.utils.clip_grad_norm_

    def watched(*arguments: Any, foreach: bool) -> Any:
        asked.append(foreach)
        return clip(*arguments, foreach=foreach)

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", watched)
    learner.update([Batch(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 64, 64))], count=1, learning_rate=1e-3)
    assert asked == [together]
