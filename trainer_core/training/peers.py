"""The peers of a run in several processes: what the main process sends to them, and what they do.

The main process shares out the micro-batches of each step: of W processes, process r computes micro-batch k of the
step if k mod W = r. A micro-batch stays whole, so samples, camera and pixel noise are those of one process; gradients
are added up, so every process updates its weights alike. All decisions are made by the main process, from stop to
rollback: a peer computes the steps it is asked for, whatever their size, and writes nothing.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path
from typing import Any

import torch

from trainer_core.camera import CameraProfile
from trainer_core.control import RunControl, Stopped
from trainer_core.data.photos import Photo
from trainer_core.errors import UserError, is_out_of_memory
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning import gpus
from trainer_core.planning.hardware import Hardware, choose_hardware, release_memory
from trainer_core.planning.plan import RunPlan, network_spec
from trainer_core.priority import set_priority
from trainer_core.settings.batch_sizes import RATINGS_DIFFER, largest_micro_batch
from trainer_core.settings.config import TrainerConfig
from trainer_core.training.batches import BatchMaker
from trainer_core.training.cameras import make_camera, make_region_spec
from trainer_core.training.compiling import try_compiling
from trainer_core.training.failures import NotCompiled, WeightsDiffer
from trainer_core.training.learner import Learner
from trainer_core.training.moments import flatten, unflatten
from trainer_core.training.samples import make_region_source
from trainer_core.training.world import World

_CHECKED_PHOTOS = 100  # of which each peer checks that they exist
_CHOICES_OF_GPUS = {"cuda": "CUDA_VISIBLE_DEVICES", "xpu": "ZE_AFFINITY_MASK"}  # variables that leave out some


def share_out_batch(plan: RunPlan, processes: int) -> RunPlan:
    """Return the plan with a number of micro-batches that `processes` can share, and the same effective batch.

    Raises:
        UserError: the batch cannot be divided.
    """
    config, before = plan.config, plan.micro_batch
    size = largest_micro_batch(config, before, processes)
    if size == before:
        return plan
    if not size:
        raise UserError(
            f"{processes} processes cannot share a step of {config.effective_batch} patches. Use a --batch-size or "
            f"--grad-accum-steps that is a multiple of {processes}."
        )
    text = (
        f"{processes} processes share each step: {config.effective_batch // size} micro-batches of {size} "
        f"patch{'es' * (size > 1)} instead of {config.effective_batch // before} of {before}, which is the same "
        "effective batch with other pixel noise."
    )
    text += f" {RATINGS_DIFFER}" if config.gan_weight > 0 else ""
    return dataclasses.replace(plan, micro_batch=size, notices=(*plan.notices, text))


def check_devices(hardware: Hardware, world: World) -> None:
    """Check that each process of this machine has a GPU of its own, unless it trains on the CPU.

    Raises:
        UserError: there are fewer GPUs than processes.
    """
    kind = hardware.kind
    count = world.local_size if kind == "cpu" else gpus.count_gpus(kind)
    if world.local_size > count:
        raise UserError(
            f"torchrun started {world.local_size} processes on this machine, which has {count} "
            f"GPU{'s' if count > 1 else ''}. Use --nproc-per-node {count}, or --device cpu."
        )
    own = f"{kind}:{world.local_rank}"
    if world.local_size > 1 and kind in _CHOICES_OF_GPUS and hardware.device != own:
        raise UserError(
            f"Each process uses the GPU with its own number, but process {world.local_rank} would use "
            f"{hardware.label}. Use --device {kind} without a number. If {own} cannot be used, leave it out with "
            f"{_CHOICES_OF_GPUS[kind]}."
        )


# -- the main process --------------------------------------------------------------------------


def prepare_peers(world: World, plan: RunPlan) -> None:
    """Let the peers prepare for a run, before it writes anything.

    Raises:
        UserError: a peer cannot train it.
        PeerLost: a peer has ended.
    """
    if world.size == 1:
        return
    photos = plan.splits.train if plan.photos is not None else ()  # built-in scenes do not exist yet
    world.send(
        {
            "kind": "prepare",
            "config": dataclasses.asdict(plan.config),
            "profile": plan.profile.to_json() if plan.profile else None,
            "some_photos": [str(photo.path) for photo in photos[:: len(photos) // _CHECKED_PHOTOS + 1]],
            "device": plan.hardware.torch_device.type,
            "precision": plan.hardware.precision,
            "micro_batch": plan.micro_batch,
        }
    )
    try:
        with world.together():
            pass
    except MemoryError as error:
        raise UserError(f"There is not enough memory to begin. {error}") from error


def give_photos(world: World, plan: RunPlan, compile_problem: str) -> list[str]:
    """Give the peers the list of the training photos, which each reads for itself.

    Args:
        world: the processes.
        plan: the plan with the photos.
        compile_problem: why the main process cannot compile, or "".

    Returns:
        Why processes cannot compile, a clause for each of them.
    """
    if world.size == 1:
        return world.collect(compile_problem)
    photos = [[str(p.path), p.name, p.width, p.height, p.file_bytes] for p in plan.splits.train]
    world.send({"kind": "photos", "photos": photos})
    with world.together():
        pass
    return world.collect(compile_problem)


def load_peers(world: World, learner: Learner) -> None:
    """Give the peers weights, moments and loss scale of the main process, and its discriminator.

    Raises:
        WeightsDiffer: they do not have them afterwards.
    """
    if world.size == 1:
        return
    state, adversary = learner.state(), learner.adversary
    flats = [flatten(state["params"], state["optimizer"])]
    message = {"kind": "load", "scaler": state["scaler"], "updates": 0}
    if adversary is not None:
        flats.append(adversary.flatten())
        message["updates"] = adversary.updates
    world.send({**message, "values": [flat.numel() for flat in flats]})
    for flat in flats:
        world.broadcast(flat)
    with world.together():
        pass
    compare_weights(world, learner)


def compare_weights(world: World, learner: Learner) -> None:
    """Compare the weights of all processes.

    Raises:
        WeightsDiffer: their bits differ.
    """
    if world.size == 1:
        return
    checksum = learner.checksum()  # before the peers wait, because it may fail
    world.send({"kind": "compare"})
    if not world.is_same_everywhere(checksum):
        raise WeightsDiffer


def begin_step(world: World, learner: Learner, *, first: int, size: int, count: int, learning_rate: float) -> None:
    """Let the peers begin their share of a step.

    Args:
        world: the processes.
        learner: the one of the main process; those of the peers use as much memory.
        first: first sample of the step.
        size: patches of a micro-batch.
        count: micro-batches of the step.
        learning_rate: of this step.
    """
    if world.size > 1:
        recomputes = learner.network.recomputes_blocks
        numbers = {"first": first, "size": size, "count": count, "learning_rate": learning_rate}
        world.send({"kind": "step", "recomputes_blocks": recomputes, **numbers})


# -- a peer ------------------------------------------------------------------------------------


def assist(world: World, control: RunControl) -> int:
    """Compute this process's share of each step until the main process ends the run; return the exit code.

    Raises:
        PeerLost: the main process has ended, or cannot be reached.
        MemoryError, RuntimeError: this process alone ran out of memory, or failed otherwise.
    """
    peer: _Peer | None = None
    while True:
        message = world.receive()
        kind = message.pop("kind")
        if kind == "end":
            return int(message["code"])
        try:
            if kind == "prepare":
                with world.together():
                    peer = _Peer(message, world, control)
                control.begin()
            elif peer is not None and kind == "photos":
                peer.take_photos(**message)
            elif peer is not None and kind == "load":
                peer.load(**message)
            elif peer is not None and kind == "compare":
                peer.compare_weights()
            elif peer is not None:
                peer.do_step(**message)
        except Exception as error:
            can_go_on = isinstance(error, (UserError, Stopped, NotCompiled)) or is_out_of_memory(error)
            if not (can_go_on and world.failure_is_known):  # else the main process decides what follows
                raise
        else:
            continue
        if peer is not None:  # after the exception, whose traceback holds tensors
            peer.drop_step()


class _Peer:
    """The share of one peer in a run."""

    def __init__(self, message: dict[str, Any], world: World, control: RunControl) -> None:
        values: dict[str, Any] = {
            name: tuple(value) if isinstance(value, list) else value for name, value in message["config"].items()
        }
        config = TrainerConfig(**values)
        profile = message["profile"]
        camera = make_camera(config, CameraProfile.parse(json.dumps(profile).encode()) if profile else None)
        hardware = choose_hardware(config)
        if hardware.kind == "cpu":  # every processor computes in every precision
            hardware = dataclasses.replace(hardware, precision=message["precision"])
        own = hardware.torch_device.type, hardware.precision
        if own != (message["device"], message["precision"]):
            raise UserError(
                f"It would train on {own[0]} ({own[1]}), but the main process on {message['device']} "
                f"({message['precision']}). Use --device cpu or --no-amp, or machines of one kind."
            )
        check_devices(hardware, world)
        missing = [path for path in message["some_photos"] if not os.path.exists(path)]
        if missing:
            raise UserError(f"{missing[0]} does not exist. All machines need the photos under the same path.")
        if not world.is_local:  # else it has that of the main process
            set_priority(config.priority)
        torch.set_num_threads(config.threads or torch.get_num_threads())
        self._world, self._hardware = world, hardware
        self._learner = Learner(config, RRDBNet(network_spec(config)), hardware, world)
        self._compile_problem = try_compiling(self._learner.network, config, hardware, message["micro_batch"])
        self._batch_maker = BatchMaker(config, camera, self._learner.device, hardware.memory_format)
        self._config, self._region, self._control = config, make_region_spec(config, camera), control
        self._next: tuple[int, int] | None = None  # first sample and size of the next micro-batch

    def take_photos(self, *, photos: list[list[Any]]) -> None:
        """Take the training photos that `give_photos` sends, and report what keeps this process from compiling."""
        with self._world.together():
            listed = [Photo(Path(path), *facts) for path, *facts in photos]
            check_stop = self._control.raise_if_stopped
            self._source = make_region_source(self._config, listed, self._region, lambda event: None, check_stop)
        self._world.collect(self._compile_problem)

    def load(self, *, values: list[int], scaler: dict[str, Any] | None, updates: int) -> None:
        """Load what `load_peers` sends."""
        flats = [torch.empty(count) for count in values]
        for flat in flats:
            self._world.broadcast(flat)
        with self._world.together():
            shapes = {name: parameter.shape for name, parameter in self._learner.network.named_parameters()}
            params, moments = unflatten(flats[0], shapes)
            self._learner.restart(params)
            if moments:
                self._learner.load_optimizer({"state": moments}, scaler)
            if self._learner.adversary is not None:
                self._learner.adversary.load_flat(flats[1], updates)

    def compare_weights(self) -> None:
        """Compare the weights with those of the other processes; the main process ends the run if they differ."""
        self._world.is_same_everywhere(self._learner.checksum())

    def do_step(self, *, first: int, size: int, count: int, learning_rate: float, recomputes_blocks: bool) -> None:
        """Compute this peer's micro-batches of a step, and update the weights with all processes."""
        start, stride = first + self._world.rank * size, self._world.size * size
        if self._next != (start, size):
            self._samples = self._source.iterate_prepared(start, size, self._batch_maker.prepare, stride=stride)
        self._next = start + count * size, size
        own = (self._batch_maker.make_batch(next(self._samples)) for _ in range(count // self._world.size))
        self._learner.network.recomputes_blocks = recomputes_blocks
        self._learner.update(own, count=count, learning_rate=learning_rate)

    def drop_step(self) -> None:
        """Drop the gradients of a step that not all processes completed, and return memory to the device."""
        self._learner.discard_gradients()
        release_memory(self._hardware)
        self._next = None
