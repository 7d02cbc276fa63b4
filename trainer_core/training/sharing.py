"""Which processes of this machine share the steps of a run on the processor: `StepSharing`.

One process waits in each operation for the thread whose processor another program uses; several processes with one
thread each wait for each other once a step. On two processors beside two busy programs, two processes make a quarter to
two thirds more steps than one thread, and as many as two threads on an idle machine (benchmarks/results/busy.md). So a
run gets peers while the machine is busy (decision 19), or from its start with `--processes N`.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable

from trainer_core.control import RunControl, Stopped
from trainer_core.events import EventSink, Notice
from trainer_core.files import explain_error
from trainer_core.machine import available_memory, count_processors
from trainer_core.planning.hardware import MemoryNeed, count_own_processes, estimate_memory
from trainer_core.planning.plan import RunPlan
from trainer_core.settings.batch_sizes import largest_micro_batch
from trainer_core.settings.schema import AUTO
from trainer_core.thread_choice import TorchThreads
from trainer_core.training.failures import PeerLost, WeightsDiffer
from trainer_core.training.learner import Learner
from trainer_core.training.local_peers import LocalPeers
from trainer_core.training.peers import compare_weights, give_photos, load_peers, prepare_peers, share_out_batch
from trainer_core.training.stepping import Stepper
from trainer_core.training.world import World

_MAX_PROCESSORS = 8  # on which a run gets peers by itself; more have not been measured
_PROCESS_BYTES = 400_000_000  # of Python and torch, beside what `estimate_memory` counts
_POLL = 0.05  # seconds
_START_TIMEOUT = 300.0  # seconds in which the peers of the settings must be ready


def plan_processes(plan: RunPlan, world: World) -> RunPlan:
    """Return the plan with micro-batches for the processes of its settings.

    Raises:
        UserError: they cannot share a step.
    """
    asked = 1 if plan.config.processes == AUTO else int(plan.config.processes)
    obstacle = "torchrun has started the processes of this run" if world.size > 1 else _find_obstacle(plan)
    if asked > 1 and obstacle:
        text = f"--processes {asked} has no effect: {obstacle}."
        return dataclasses.replace(plan, notices=(*plan.notices, text))
    return share_out_batch(plan, asked) if asked > 1 else plan


def _find_obstacle(plan: RunPlan) -> str:
    """Return why only one process can train on this machine, as a clause, or ""."""
    if plan.hardware.kind != "cpu":
        return "it is for training on the processor; for several GPUs use torchrun"
    return "it cannot be combined with --compile on" if plan.config.compile == "on" else ""


class StepSharing:
    """The peers of a run on this machine, which come between two of its steps and may be lost.

    Args:
        plan: the plan of the run.
        world: the processes that train it at its start.
        learner: the learner of this process.
        stepper: does the steps.
        threads: the number of torch's threads.
        control: stop of the run.
        sink: receives a notice when peers come, cannot come or are lost.

    Attributes:
        world: the processes that train the run.
    """

    def __init__(
        self,
        plan: RunPlan,
        world: World,
        learner: Learner,
        stepper: Stepper,
        threads: TorchThreads,
        control: RunControl,
        sink: EventSink,
    ) -> None:
        self.world = world
        self._plan, self._learner, self._stepper, self._threads = plan, learner, stepper, threads
        self._control, self._sink = control, sink
        self._is_possible = world.size == 1 and not _find_obstacle(plan)
        self._asked = count_own_processes(plan.config, plan.hardware) if self._is_possible else 1
        self._peers: LocalPeers | None = None

    @property
    def size(self) -> int:
        """The number of processes that train the run, or that will from its first step on."""
        return max(self.world.size, self._asked if self._is_possible else 1)

    def begin(self) -> None:
        """Start the peers of the settings, which get ready while the first weights are previewed; `close` ends them."""
        self._stepper.go_on_alone = self.go_on_alone
        if self._asked > 1:
            self._try(lambda: self._start(self._asked))

    def adapt(self) -> None:
        """Between two steps: start peers that are wanted, or share the steps with those that are ready.

        Raises:
            Stopped: the run was stopped before the peers of its settings were ready.
        """
        if self._is_possible and self.world.size == 1:
            self._try(self._adapt)

    def _adapt(self) -> None:
        if self._peers is None:
            size = self._count_wanted()
            if size > 1:
                self._start(size)
            return
        limit = time.monotonic() + _START_TIMEOUT
        while self._asked > 1 and not self._peers.are_ready():  # no step without them, so that runs are equal
            self._control.raise_if_stopped()
            if time.monotonic() > limit:
                raise PeerLost(f"The other processes were not ready after {_START_TIMEOUT / 60:.0f} minutes.")
            time.sleep(_POLL)
        if self._peers.are_ready():
            self._share(self._peers)

    def _try(self, action: Callable[[], None]) -> None:
        """Do what brings peers; whatever fails in it, train without them."""
        try:
            action()
        except Stopped:
            raise
        except OSError as error:
            self._train_alone(f"No other process can share the steps. {explain_error(error)}")
        except Exception as error:
            self._train_alone(f"No other process can share the steps. {str(error) or type(error).__name__}")

    def _start(self, size: int) -> None:
        own = share_threads(size) if self._threads.follows_others else self._threads.count
        self._peers = LocalPeers(size - 1, threads=own)
        if self._asked > 1:
            self._threads.fix(own)

    def _count_wanted(self) -> int:
        """Return the number of processes that would be faster than one."""
        config = self._plan.config
        can_start = config.processes == AUTO and sys.platform.startswith("linux")  # where it was measured
        if not can_start or not self._threads.misses_share:
            return 1
        size = count_processors()
        if size > _MAX_PROCESSORS:
            return 1
        micro_batch = largest_micro_batch(config, self._stepper.micro_batch, size)
        compares_others = config.gan_weight > 0 and micro_batch != self._stepper.micro_batch
        if not micro_batch or compares_others:
            return 1
        hardware = self._plan.hardware
        each = _PROCESS_BYTES + estimate_memory(config, self._plan.spec, hardware, micro_batch)
        return 1 if MemoryNeed((size - 1) * each, available_memory()).exceeds_free else size

    def _share(self, peers: LocalPeers) -> None:
        """Share the steps from now on with peers that are ready.

        Raises:
            UserError: a peer cannot train the run.
            PeerLost: a peer has ended.
        """
        world = peers.join()
        control, sink = self._control, self._sink  # without a reference to the learner, which would keep its tensors
        world.on_wait = lambda text: sink(Notice("warning", text))
        world.is_stopping = lambda: control.stop_requested is not None
        before = self._stepper.micro_batch
        size = largest_micro_batch(self._plan.config, before, world.size)
        prepare_peers(world, dataclasses.replace(self._plan, micro_batch=size))
        give_photos(world, self._plan, "")
        try:
            load_peers(world, self._learner)
        except WeightsDiffer as error:
            raise PeerLost("A process that was started for this run computes other weights.") from error
        self._stepper.micro_batch = size
        self.world = self._learner.world = self._stepper.world = world
        if self._asked == 1:
            self._threads.fix(1)  # there are as many processes as processors
            text = f"Other programs are busy: {world.size} processes with one thread each share the steps"
            divided = f", in micro-batches of {size} instead of {before}, which draws other pixel noise"
            self._sink(Notice("info", f"{text}{divided if size != before else ''}."))

    def load_peers(self) -> None:
        """Give the peers the state of this process; `peers.load_peers` says what it raises."""
        self._exchange(load_peers)

    def compare_weights(self) -> None:
        """Compare the weights of all processes; `peers.compare_weights` says what it raises."""
        self._exchange(compare_weights)

    def _exchange(self, action: Callable[[World, Learner], None]) -> None:
        """Do an exchange with the peers between two steps; if peers of this machine fail in it, go on without them."""
        try:
            action(self.world, self._learner)
        except (PeerLost, MemoryError):
            if not self.world.is_local:
                raise
            self.go_on_alone()

    def go_on_alone(self) -> None:
        """Train in this process alone after peers of this machine failed or were lost."""
        reason = self._peers.explain_loss() if self._peers is not None else ""
        self._train_alone(reason or "A process that was started for this run failed.")

    def _train_alone(self, reason: str) -> None:
        self.close()
        self._is_possible = False
        self._threads.fix(None)
        self.world = self._learner.world = self._stepper.world = World()
        self._sink(Notice("warning", f"{reason} Training continues in one process."))

    def close(self) -> None:
        """End the peers that this process started; nothing refers to the learner afterwards."""
        self._stepper.go_on_alone = lambda: None
        if self._peers is not None:
            self._peers.close()
            self._peers = None


def share_threads(processes: int) -> int:
    """Return the number of torch's threads for each of some processes that share the processors."""
    return max(1, count_processors() // processes)
