"""The learner: the network, its optimizer and its EMA weights, and their update.

`loop` calls `update` once per step. An update reads nothing back from the device: whether the gradients were finite
stays a tensor, by which the optimizer skips the step, so the update of a run in one process never waits for CUDA.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, cast

import torch
from torch import Tensor

from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import Hardware
from trainer_core.settings.config import TrainerConfig
from trainer_core.torch_threads import single_threaded
from trainer_core.training.adam import Adam
from trainer_core.training.adversary import Adversary
from trainer_core.training.batches import Batch
from trainer_core.training.checkpoint import copy_to_cpu
from trainer_core.training.compiling import without_compiler_after_failure
from trainer_core.training.ema import Ema
from trainer_core.training.losses import TrainingLoss
from trainer_core.training.moments import clear_moments, compute_checksum, load_moments
from trainer_core.training.muon import Muon, find_inner_kernels
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
        discriminator: loss and ratings of the discriminator; empty without an adversarial stage.
    """

    losses: dict[str, float]
    gradient_norm: float
    skipped: int
    consecutive_skips: int
    discriminator: dict[str, float] = field(default_factory=dict)


class Learner:
    """The generator in training.

    Args:
        config: settings of the run.
        network: on the CPU, with its initial weights.
        hardware: device and precision.
        world: the processes that train together; each computes some micro-batches of a step.

    Attributes:
        world: the processes that train together; it may change between two updates.
        adversary: the discriminator in training; None without an adversarial stage.
    """

    def __init__(self, config: TrainerConfig, network: RRDBNet, hardware: Hardware, world: World | None = None) -> None:
        self.world = world or World()
        self.device = hardware.torch_device
        self.network = network.to(self.device).to(memory_format=hardware.memory_format)  # type: ignore[call-overload]
        self.network.recomputes_blocks = config.memory == "low"
        self.ema = Ema(self.network, config.ema_decay)
        self.is_mid_update = self._is_unscaled = False
        self.adversary = Adversary(config, hardware) if config.gan_weight > 0 else None
        self._losses = TrainingLoss(config, hardware)
        self._clip = config.gradient_clip or float("inf")
        self._parameters = [list(self.network.parameters())]  # of each optimizer
        self._optimizer = _make_optimizer(config, network)
        self._optimizer_setting = config.optimizer
        self._optimizers = [self._optimizer]
        if self.adversary is not None:
            self._parameters.append(list(self.adversary.network.parameters()))
            self._optimizers.append(self.adversary.optimizer)
        self._autocast = hardware.autocast
        self._scaler = torch.amp.GradScaler("cuda") if hardware.precision == "fp16" else None
        self._gradient_norm = torch.zeros((), device=self.device)
        self._skipped = torch.zeros((), device=self.device)
        self._consecutive_skips = torch.zeros((), device=self.device)
        self._overflows = torch.zeros((), device=self.device)  # in a row
        self._terms: dict[str, Tensor] = {}
        self._ratings: dict[str, Tensor] = {}
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

        Raises:
            NotCompiled: the compiler failed in a process, which computes without it from now on.
        """
        self.network.train()
        self._terms, self._ratings = {}, {}
        with self.world.together(), without_compiler_after_failure(self.network):
            self._add_gradients(batches, count)
        gradients = [cast(Tensor, parameter.grad) for parameters in self._parameters for parameter in parameters]
        self.world.add_up([*gradients, *self._terms.values(), *self._ratings.values()])
        # equal bits in all processes, whose numbers of threads may differ: the sum of a norm depends on it
        with single_threaded() if self.world.size > 1 else contextlib.nullcontext():
            self._apply(learning_rate)

    def _add_gradients(self, batches: Iterable[Batch], count: int) -> None:
        for batch in batches:
            sr = self._train_generator(batch, count)
            if self.adversary is not None:
                ratings = self.adversary.rate(sr, batch.hr)
                self._add_gradients_of(ratings["loss"] / count)
                _add_up(self._ratings, ratings, count)

    def _train_generator(self, batch: Batch, count: int) -> Tensor:
        """Add the gradients of the generator from one of `count` micro-batches; return SR."""
        with self._autocast():
            sr: Tensor = self.network(batch.lr)
        sr = sr.float()
        terms = self._losses(sr, batch.hr)
        if self.adversary is not None:
            terms = self.adversary.add_term(terms, sr, batch.hr)
        self._add_gradients_of(terms["total"] / count)
        _add_up(self._terms, terms, count)
        return sr.detach()

    def _add_gradients_of(self, loss: Tensor) -> None:
        (self._scaler.scale(loss) if self._scaler else loss).backward()  # type: ignore[no-untyped-call]

    def _apply(self, learning_rate: float) -> None:
        for optimizer in self._optimizers:
            for group in optimizer.param_groups:
                group["lr"] = learning_rate
            if self._scaler:
                self._is_unscaled = True
                self._scaler.unscale_(optimizer)
        together = self.device.type != "mps"  # where torch has no such functions for lists of tensors
        clip = torch.nn.utils.clip_grad_norm_
        norms = [clip(parameters, self._clip, foreach=together).detach() for parameters in self._parameters]
        self._gradient_norm = norms[0]
        is_skipped = self._count_skips(norms)
        self.is_mid_update = True
        for optimizer in self._optimizers:
            optimizer.found_inf = is_skipped  # type: ignore[attr-defined]  # 1 skips the fused update
            optimizer.step()
        if self._scaler:
            self._scaler.update()
            self._is_unscaled = False
        self.ema.update()
        if self.adversary is not None:
            self.adversary.end_step()
        self.is_mid_update = False
        self.discard_gradients()

    def _count_skips(self, norms: list[Tensor]) -> Tensor:
        """Count the step if it must be skipped, and return 1 in this case, else 0.

        Generator and discriminator skip the same steps. In fp16 gradients that overflow are no fault while the scaler
        can answer by a smaller scale.
        """
        overflow = ~torch.isfinite(sum(norms[1:], norms[0]))
        broken = ~torch.isfinite(sum(self._ratings.values(), self._terms["total"]))
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
            discriminator={name: float(value) for name, value in self._ratings.items()},
        )

    def discard_gradients(self) -> None:
        """Discard the gradients of an unfinished update."""
        for optimizer in self._optimizers:
            optimizer.zero_grad(set_to_none=True)
        if self._scaler and self._is_unscaled:  # as after an update, but at the same scale
            self._scaler.update(self._scaler.get_scale())
            self._is_unscaled = False

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
            "discriminator": self.adversary.state() if self.adversary is not None else None,
        }

    @single_threaded()
    def checksum(self) -> int:
        """Return a number that depends on each bit of the weights, those of the discriminator included."""
        weights: list[Tensor] = list(self.network.parameters())
        if self.adversary is not None:
            weights += [*self.adversary.network.parameters(), *self.adversary.network.buffers()]
        return compute_checksum(weights)

    @torch.no_grad()
    def load_weights(self, params: dict[str, Tensor], params_ema: dict[str, Tensor], ema_updates: int) -> None:
        """Load weights, EMA weights and the number of EMA updates."""
        for name, parameter in self.network.named_parameters():
            parameter.copy_(params[name])
        self.ema.load(params_ema, ema_updates)

    def restart(self, params: dict[str, Tensor]) -> None:
        """Load initial weights, with a new optimizer, discriminator, EMA and count of skipped steps."""
        self.load_weights(params, params, 0)
        self.discard_gradients()
        self._optimizer.state.clear()
        if self.adversary is not None:
            self.adversary.restart()
        self._scaler = torch.amp.GradScaler("cuda") if self._scaler else None
        for count in (self._skipped, self._consecutive_skips, self._overflows):
            count.zero_()

    def load_optimizer(
        self, optimizer: dict[str, Any], scaler: dict[str, Any] | None, *, trained_with: str | None = None
    ) -> None:
        """Load the optimizer's moments and its latest learning rate; betas and weight decay stay as configured.

        Args:
            optimizer: its state.
            scaler: the loss scale of fp16, if there is one.
            trained_with: the setting `optimizer` of the run that stored them; None for that of this run. After another
                one the inner kernels begin without moments: those of Muon have no second moment, by which Adam divides.
        """
        load_moments(self._optimizer, optimizer)
        if trained_with not in (None, self._optimizer_setting):
            clear_moments(self._optimizer, find_inner_kernels(self.network))
        if self._scaler and scaler:
            self._scaler.load_state_dict(scaler)

    def load_discriminator(self, state: dict[str, Any] | None) -> tuple[str, ...]:
        """Load the discriminator of a checkpoint; return a sentence if the adversarial stage begins with a new one."""
        if self.adversary is None:
            return ()
        if state is None:
            return ("The checkpoint has no discriminator, so the adversarial stage begins with a new one.",)
        if state["features"] != self.adversary.features:
            return (
                f"The discriminator of the checkpoint has {state['features']} features instead of "
                f"{self.adversary.features}, so the adversarial stage begins with a new one.",
            )
        self.adversary.load(state)
        return ()


def _make_optimizer(config: TrainerConfig, network: RRDBNet) -> Adam:
    options: dict[str, Any] = {
        "lr": config.learning_rate,
        "betas": config.betas,
        "weight_decay": config.weight_decay,
        "fused": True,
    }
    if config.optimizer == "muon":
        return Muon(network.parameters(), find_inner_kernels(network), **options)
    return Adam(network.parameters(), **options)


def _add_up(sums: dict[str, Tensor], values: dict[str, Tensor], count: int) -> None:
    """Add the values of one of `count` micro-batches to their means over a step."""
    for name, value in values.items():
        sums[name] = sums.get(name, 0) + value.detach() / count
