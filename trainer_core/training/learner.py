"""The learner: the network, its optimizer and its EMA weights, and their update.

`loop` calls `update` once per step. An update reads nothing back from the device: whether the gradients were finite
stays a tensor, by which the optimizer skips the step, so no update waits for CUDA.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor

from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.torch_threads import single_threaded
from trainer_core.training.adam import Adam
from trainer_core.training.batches import Batch
from trainer_core.training.checkpoint import copy_to_cpu
from trainer_core.training.ema import Ema
from trainer_core.training.losses import TrainingLoss
from trainer_core.training.world import World

_SCALE_HALVINGS = 16  # of the loss in fp16, from the scaler's first scale to 1


@dataclass(frozen=True)
class StepReading:
    """Values of the latest update, on the host.

    Attributes:
        losses: weighted loss terms and their sum `total`.
        gradient_norm: norm of the gradients before clipping.
        skipped: steps skipped in this session, without those in which fp16 only searches the scale of the loss.
        consecutive_skips: such steps in a row, up to the latest.
    """

    losses: dict[str, float]
    gradient_norm: float
    skipped: int
    consecutive_skips: int


class Learner:
    """The generator in training.

    Args:
        config: settings of the run.
        network: on the CPU, with its initial weights.
        hardware: device and precision.
        world: the processes that train together; each computes some micro-batches of a step.
    """

    def __init__(self, config: TrainerConfig, network: RRDBNet, hardware: Hardware, world: World | None = None) -> None:
        self._world = world or World()
        self.device = hardware.torch_device
        self.network = network.to(self.device).to(memory_format=hardware.memory_format)  # type: ignore[call-overload]
        self.network.recomputes_blocks = config.memory == "low"
        self.ema = Ema(self.network, config.ema_decay)
        self.is_mid_update = False
        self._losses = TrainingLoss(config, hardware)
        self._clip = config.gradient_clip or float("inf")
        self._parameters = list(self.network.parameters())
        self._optimizer = Adam(
            self._parameters, lr=config.learning_rate, betas=config.betas, weight_decay=config.weight_decay, fused=True
        )
        self._autocast_dtype = hardware.autocast_dtype
        self._scaler = torch.amp.GradScaler("cuda") if hardware.precision == "fp16" else None
        self._gradient_norm = torch.zeros((), device=self.device)
        self._skipped = torch.zeros((), device=self.device)
        self._consecutive_skips = torch.zeros((), device=self.device)
        self._overflows = torch.zeros((), device=self.device)  # in a row
        self._terms: dict[str, Tensor] = {}
        if self.device.type == "cuda":
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = True
            torch.backends.cuda.matmul.allow_tf32 = True

    def update(self, batches: Iterable[Batch], *, count: int, learning_rate: float) -> None:
        """Do one step: update the weights from micro-batches at `learning_rate`.

        Args:
            batches: the micro-batches that this process computes.
            count: number of micro-batches of the step, those of the other processes included.
            learning_rate: of this step.
        """
        self.network.train()
        self._terms = {}
        with self._world.together():
            self._add_gradients(batches, count)
        self._world.add_up([*(cast(Tensor, p.grad) for p in self._parameters), *self._terms.values()])
        self._apply(learning_rate)

    def _add_gradients(self, batches: Iterable[Batch], count: int) -> None:
        for batch in batches:
            with self._autocast():
                sr = self.network(batch.lr)
            terms = self._losses(sr.float(), batch.hr)
            loss: Tensor = terms["total"] / count
            (self._scaler.scale(loss) if self._scaler else loss).backward()  # type: ignore[no-untyped-call]
            for name, value in terms.items():
                self._terms[name] = self._terms.get(name, 0) + value.detach() / count

    def _apply(self, learning_rate: float) -> None:
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate
        if self._scaler:
            self._scaler.unscale_(self._optimizer)
        together = self.device.type != "mps"  # where torch has no such functions for lists of tensors
        self._gradient_norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._clip, foreach=together).detach()
        is_skipped = self._count_skips()
        self.is_mid_update = True
        self._optimizer.found_inf = is_skipped  # type: ignore[attr-defined]  # 1 skips the fused update
        self._optimizer.step()
        if self._scaler:
            self._scaler.update()
        self.ema.update()
        self.is_mid_update = False
        self._optimizer.zero_grad(set_to_none=True)

    def _count_skips(self) -> Tensor:
        """Count the step if it must be skipped, and return 1 in this case, else 0.

        In fp16 gradients that overflow are no fault while the scaler can answer by a smaller scale.
        """
        overflow = ~torch.isfinite(self._gradient_norm)
        broken = ~torch.isfinite(self._terms["total"])
        is_skipped = (overflow | broken).float()
        counted = is_skipped
        if self._scaler:
            self._overflows = (self._overflows + 1) * overflow
            counted = (broken | (self._overflows > _SCALE_HALVINGS)).float()
        self._skipped += counted
        self._consecutive_skips = (self._consecutive_skips + 1) * counted
        return is_skipped

    def read_latest(self) -> StepReading:
        """Read the values of the latest update, which waits for the device."""
        return StepReading(
            losses={name: float(value) for name, value in self._terms.items()},
            gradient_norm=float(self._gradient_norm),
            skipped=int(self._skipped),
            consecutive_skips=int(self._consecutive_skips),
        )

    def discard_gradients(self) -> None:
        """Discard the gradients of an unfinished update."""
        self._optimizer.zero_grad(set_to_none=True)

    # -- state ---------------------------------------------------------------------------------

    @single_threaded()
    def state(self) -> dict[str, Any]:
        """Return the learner's fields of a `TrainingState`, copied to the CPU."""
        return {
            "params": copy_to_cpu(dict(self.network.named_parameters())),
            "params_ema": copy_to_cpu(self.ema.state()),
            "optimizer": copy_to_cpu(self._optimizer.state_dict()),
            "scaler": self._scaler.state_dict() if self._scaler else None,
            "ema_updates": self.ema.updates,
        }

    @torch.no_grad()
    def load_weights(self, params: dict[str, Tensor], params_ema: dict[str, Tensor], ema_updates: int) -> None:
        """Load weights, EMA weights and the number of EMA updates."""
        for name, parameter in self.network.named_parameters():
            parameter.copy_(params[name])
        self.ema.load(params_ema, ema_updates)

    def restart(self, params: dict[str, Tensor]) -> None:
        """Load initial weights, with a new optimizer, EMA and count of skipped steps."""
        self.load_weights(params, params, 0)
        self.discard_gradients()
        self._optimizer.state.clear()
        self._scaler = torch.amp.GradScaler("cuda") if self._scaler else None
        for count in (self._skipped, self._consecutive_skips, self._overflows):
            count.zero_()

    def load_optimizer(self, optimizer: dict[str, Any], scaler: dict[str, Any] | None) -> None:
        """Load the optimizer's moments and its latest learning rate; betas and weight decay stay as configured."""
        configured = self._optimizer.state_dict()["param_groups"]
        saved = optimizer.get("param_groups")
        if isinstance(saved, list) and saved and isinstance(saved[0], dict) and type(saved[0].get("lr")) is float:
            configured[0]["lr"] = saved[0]["lr"]  # each step sets its own; a state saved before one has the same bits
        self._optimizer.load_state_dict({"state": optimizer["state"], "param_groups": configured})
        for parameter, moments in self._optimizer.state.items():
            for name in ("exp_avg", "exp_avg_sq"):
                # the fused update walks through memory: moments must have the memory layout of their weights
                moments[name] = torch.empty_like(parameter).copy_(moments[name])
        if self._scaler and scaler:
            self._scaler.load_state_dict(scaler)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self._autocast_dtype is None:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=self._autocast_dtype)
