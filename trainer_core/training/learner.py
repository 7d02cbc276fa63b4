"""What learns: the network, its optimizer and its average, and one update of them.

Nothing is read back from the device during an update; whether a gradient was finite stays a tensor that the
optimizer looks at, so a non-finite value never reaches the weights and CUDA is never waited for.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.batches import Batch
from trainer_core.training.checkpoint import copy_to_cpu
from trainer_core.training.ema import Ema
from trainer_core.training.losses import TrainingLoss

_PRECISIONS = {"bf16": torch.bfloat16, "fp16": torch.float16}


@dataclass(frozen=True)
class StepReading:
    """The latest values on the host. `bad_in_a_row` counts updates that were skipped up to now."""

    losses: dict[str, float]
    gradient_norm: float
    skipped: int
    consecutive_skips: int


class Learner:
    """The generator in training. `network` must lie on the CPU with its starting weights."""

    def __init__(self, config: TrainerConfig, network: RRDBNet, hardware: Hardware) -> None:
        self.device = hardware.torch_device
        self.network = network.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.ema = Ema(self.network, config.ema_decay)
        self.is_mid_update = False
        self._losses = TrainingLoss(config, self.device)
        self._clip = config.gradient_clip or float("inf")
        self._parameters = list(self.network.parameters())
        self._optimizer = torch.optim.Adam(
            self._parameters, lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay, fused=True
        )
        self._autocast_dtype = _PRECISIONS.get(hardware.precision)
        self._scaler = torch.amp.GradScaler("cuda") if hardware.precision == "fp16" else None
        self._gradient_norm = torch.zeros((), device=self.device)
        self._skipped = torch.zeros((), device=self.device)
        self._consecutive_skips = torch.zeros((), device=self.device)
        self._terms: dict[str, Tensor] = {}
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = True
            torch.backends.cuda.matmul.allow_tf32 = True

    def update(self, pairs: Iterable[Batch], *, count: int, learning_rate: float) -> None:
        """One optimizer update from `count` micro-batches at learning rate `rate`."""
        self.network.train()
        self._terms = {}
        for pair in pairs:
            with self._autocast():
                sr = self.network(pair.lr)
            terms = self._losses(sr.float(), pair.hr)
            loss = terms["total"] / count
            (self._scaler.scale(loss) if self._scaler else loss).backward()
            for name, value in terms.items():
                self._terms[name] = self._terms.get(name, 0) + value.detach() / count
        self._apply(learning_rate)

    def _apply(self, learning_rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        if self._scaler:
            self._scaler.unscale_(self._optimizer)
        self._gradient_norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._clip, foreach=True).detach()
        bad = (~(torch.isfinite(self._gradient_norm) & torch.isfinite(self._terms["total"]))).float()
        self._skipped += bad
        self._consecutive_skips = (self._consecutive_skips + 1) * bad
        self.is_mid_update = True
        if self._scaler:
            self._scaler.step(self._optimizer)
            self._scaler.update()
        else:
            self._optimizer.found_inf = bad  # type: ignore[attr-defined]  # the fused update is skipped where it is 1
            self._optimizer.step()
        self.ema.update()
        self.is_mid_update = False
        self._optimizer.zero_grad(set_to_none=True)

    def read_latest(self) -> StepReading:
        """The values of the latest update; waits for the device."""
        return StepReading(
            losses={name: float(value) for name, value in self._terms.items()},
            gradient_norm=float(self._gradient_norm),
            skipped=int(self._skipped),
            consecutive_skips=int(self._consecutive_skips),
        )

    def discard_gradients(self) -> None:
        """Forget a half-made update."""
        self._optimizer.zero_grad(set_to_none=True)

    # -- state ---------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """The parts of a `TrainingState` that live here, copied to the CPU."""
        return {
            "params": copy_to_cpu(dict(self.network.named_parameters())),
            "params_ema": copy_to_cpu(self.ema.state()),
            "optimizer": copy_to_cpu(self._optimizer.state_dict()),
            "scaler": self._scaler.state_dict() if self._scaler else None,
            "ema_updates": self.ema.updates,
        }

    @torch.no_grad()
    def load_weights(self, params: dict[str, Tensor], params_ema: dict[str, Tensor], ema_updates: int) -> None:
        """Continue from these weights."""
        for name, parameter in self.network.named_parameters():
            parameter.copy_(params[name])
        self.ema.load(params_ema, ema_updates)

    def load_optimizer(self, optimizer: dict[str, Any], scaler: Any) -> None:
        """Continue with these moments; learning rate, betas and weight decay stay as configured."""
        configured = self._optimizer.state_dict()["param_groups"]
        self._optimizer.load_state_dict({"state": optimizer["state"], "param_groups": configured})
        for parameter, moments in self._optimizer.state.items():
            for name in ("exp_avg", "exp_avg_sq"):
                # the fused update walks memory: moments must lie in the same order as their weights
                moments[name] = torch.empty_like(parameter).copy_(moments[name])
        if self._scaler and scaler:
            self._scaler.load_state_dict(scaler)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self._autocast_dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self._autocast_dtype)
