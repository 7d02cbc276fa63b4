"""The optimizer Muon: orthogonalized updates for the inner convolutions, Adam for all other weights.

Source: Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024 (momentum, Newton-Schulz
iteration and its coefficients); Liu et al., "Muon is Scalable for LLM Training", 2025 (the size of an update, with
which one learning rate serves both parts).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import torch
from torch import Tensor, nn

from trainer_core.model.spec import NetworkSpec
from trainer_core.training.adam import Adam

_MOMENTUM = 0.95
_ITERATIONS = 5
_COEFFICIENTS = (3.4445, -4.7750, 2.0315)
_ENDS = ("conv_first.", "conv_last.")  # whose kernels Adam updates
_UPDATE_SIZE = 0.2  # root mean square of an update at a learning rate of 1, about that of Adam


class Muon(Adam):
    """Adam, but the updates of `kernels` are orthogonalized: no direction of a layer learns faster than another.

    A kernel [outputs, inputs, 3, 3] counts as a matrix [outputs, inputs * 9]. The state of kernels has the names and
    shapes of Adam's, so that checkpoints of both optimizers have one form: `exp_avg` is the momentum, and `exp_avg_sq`
    stays zero.

    Args:
        parameters: all weights of the network.
        kernels: those of them to orthogonalize.
        options: those of Adam; weight decay is added to the gradients of kernels, too.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], kernels: Iterable[nn.Parameter], **options: Any) -> None:
        super().__init__(parameters, **options)
        self._kernels = list(kernels)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]  # no closure here
        """Update all weights that have gradients; a tensor `found_inf` above 0 skips the update without being read."""
        kernels = [kernel for kernel in self._kernels if kernel.grad is not None]
        gradients = [cast(Tensor, kernel.grad) for kernel in kernels]
        for kernel in kernels:
            kernel.grad = None  # Adam leaves out what has no gradient
        super().step(closure)
        for kernel, gradient in zip(kernels, gradients):
            kernel.grad = gradient
        for same in _group_by_shape(kernels):
            self._update(same)

    def _update(self, kernels: list[nn.Parameter]) -> None:
        """Update kernels of one shape together."""
        group = self.param_groups[0]
        states = [self._state_of(kernel) for kernel in kernels]
        gradients = _stack(cast(Tensor, kernel.grad) for kernel in kernels)
        if group["weight_decay"]:
            gradients = gradients.add(_stack(kernels), alpha=group["weight_decay"])
        before = _stack(state["exp_avg"] for state in states)
        momentum = before.lerp(gradients, 1 - _MOMENTUM)
        updates = orthogonalize(gradients.lerp(momentum, _MOMENTUM))
        updates *= _UPDATE_SIZE * max(updates.shape[1:]) ** 0.5
        is_skipped = getattr(self, "found_inf", torch.zeros((), device=updates.device)) > 0
        momentum = torch.where(is_skipped, before, momentum)
        updates = torch.where(is_skipped, torch.zeros_like(updates), updates)  # they may be infinite
        counted = 1 - is_skipped.float()
        for kernel, state, own, update in zip(kernels, states, momentum, updates):
            state["step"] += counted
            state["exp_avg"].copy_(own.view_as(kernel))
            kernel.add_(update.view_as(kernel), alpha=-group["lr"])

    def _state_of(self, kernel: nn.Parameter) -> dict[str, Tensor]:
        state: dict[str, Tensor] = self.state[kernel]
        if not state:
            state["step"] = torch.zeros((), dtype=torch.float32, device=kernel.device)
            state["exp_avg"] = torch.zeros_like(kernel)
            state["exp_avg_sq"] = torch.zeros_like(kernel)
        return state


def orthogonalize(matrices: Tensor) -> Tensor:
    """Return matrices [n, rows, columns] with the same singular vectors and singular values of 0.7 to 1.2.

    Singular values below a thousandth of the norm stay smaller. Source: five iterations of Newton-Schulz, see above.
    """
    a, b, c = _COEFFICIENTS
    x: Tensor = matrices / matrices.norm(dim=(1, 2), keepdim=True).clamp_min(1e-7)
    for _ in range(_ITERATIONS):
        square = x @ x.mT
        x = a * x + (b * square + c * square @ square) @ x
    return x


def find_inner_kernels(network: nn.Module) -> list[nn.Parameter]:
    """Return the kernels between the first and the last convolution of an `RRDBNet`."""
    return [p for name, p in network.named_parameters() if p.dim() == 4 and not name.startswith(_ENDS)]


def count_multiplications(spec: NetworkSpec) -> float:
    """Count the multiplications that orthogonalize the inner kernels of a network in one update."""
    total = 0
    for name, shape in spec.shapes().items():
        if len(shape) == 4 and not name.startswith(_ENDS):
            rows, columns = shape[0], shape[1] * shape[2] * shape[3]
            total += _ITERATIONS * (2 * rows * rows * columns + rows**3)
    return float(total)


def _group_by_shape(kernels: Iterable[nn.Parameter]) -> Iterable[list[nn.Parameter]]:
    groups: dict[torch.Size, list[nn.Parameter]] = {}
    for kernel in kernels:
        groups.setdefault(kernel.shape, []).append(kernel)
    return groups.values()


def _stack(kernels: Iterable[Tensor]) -> Tensor:
    """Stack kernels [outputs, inputs, 3, 3] as matrices [n, outputs, inputs * 9]."""
    return torch.stack([kernel.detach().flatten(1) for kernel in kernels])
