"""One step of a run after the other: micro-batches from the source of samples, less memory when it runs out, its event.

When memory runs out in a step, its micro-batch is halved, and a single patch computes the blocks of the network twice.
The step begins again from its first sample, so samples and effective batch stay as they are. Several processes all
begin it again; if memory runs out in one of them alone, in the sum of the gradients or in the update, that one ends.
A step in which a peer that this process started is lost begins again without peers.
A step in which the compiler fails begins again, too, without it.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Iterator, Sequence

from trainer_core.camera import Camera
from trainer_core.control import Activity, RunControl
from trainer_core.data.regions import RegionSource
from trainer_core.errors import is_out_of_memory
from trainer_core.events import EventSink, Notice, StepDone
from trainer_core.planning.hardware import release_memory
from trainer_core.planning.plan import RunPlan
from trainer_core.settings.batch_sizes import RATINGS_DIFFER, halve_micro_batch
from trainer_core.thread_choice import TorchThreads
from trainer_core.training.batches import Batch, BatchMaker, PreparedBatch
from trainer_core.training.clock import Cadences, Overhead, RunClock
from trainer_core.training.failures import NotCompiled, PeerLost
from trainer_core.training.learner import Learner, StepReading
from trainer_core.training.peers import begin_step
from trainer_core.training.world import World

_MAX_SECONDS_AFTER_STOP = 10.0  # a longer step ends between two of its micro-batches


class Stepper:
    """Does the steps of a run.

    Args:
        plan: the plan of the run.
        camera: camera of the training samples.
        learner: the learner that computes the steps.
        world: the processes that share out the micro-batches.
        sink: receives a notice when memory runs out or the compiler fails.
        control: stop of the run.

    Attributes:
        micro_batch: patches that go through the network at a time; it may change between two steps, and so may `world`.
        world: the processes that share out the micro-batches.
        go_on_alone: called when peers that this process started are lost, before the step is done again.
        waited: seconds that the latest step waited for photos, without the wait for the very first ones.
    """

    def __init__(
        self, plan: RunPlan, camera: Camera, learner: Learner, world: World, sink: EventSink, control: RunControl
    ) -> None:
        self._plan, self._learner, self.world, self._sink, self._control = plan, learner, world, sink, control
        self._batch_maker = BatchMaker(plan.config, camera, learner.device, plan.hardware.memory_format)
        self._source: RegionSource | None = None
        self._samples: Iterator[PreparedBatch] = iter(())
        self.micro_batch = plan.micro_batch
        self.go_on_alone: Callable[[], None] = lambda: None
        self._taken_for: tuple[int, int] | None = None  # micro-batch and number of processes
        self.waited = 0.0
        self._is_first_batch = True

    def take_samples(self, source: RegionSource, first: int) -> None:
        """Take the samples of the next steps from `source`, from number `first`."""
        self._taken_for = self.micro_batch, self.world.size
        stride = self.micro_batch * self.world.size  # the peers compute the others
        self._source, prepare = source, self._batch_maker.prepare
        self._samples = source.iterate_prepared(first, self.micro_batch, prepare, stride=stride)
        self._is_first_batch = True

    def do_step(self, first: int, learning_rate: float) -> None:
        """Update the weights from the samples of a step, whose first one is `first`.

        Raises:
            Stopped: the step takes long, and the run was stopped.
        """
        assert self._source is not None, "a source comes before the first step"
        if self._taken_for != (self.micro_batch, self.world.size):
            self.take_samples(self._source, first)
        while (before_next_try := self._try_step(first, learning_rate)) is not None:
            self._learner.discard_gradients()
            before_next_try()
            self.take_samples(self._source, first)

    def _try_step(self, first: int, learning_rate: float) -> Callable[[], None] | None:
        """Do one step; if it failed and can be done again, return what must be called before."""
        size, count = self.micro_batch, self._plan.config.effective_batch // self.micro_batch
        try:
            begin_step(self.world, self._learner, first=first, size=size, count=count, learning_rate=learning_rate)
            self._learner.update(self._make_batches(count), count=count, learning_rate=learning_rate)
        except Exception as error:
            is_lowest = size == 1 and self._learner.network.recomputes_blocks
            can_repeat = self.world.failure_is_known and not self._learner.is_mid_update
            # the caller goes on after the exception, whose traceback holds tensors
            if can_repeat and isinstance(error, NotCompiled):
                return functools.partial(self._report_failed_compiler, error.reasons)
            if can_repeat and is_out_of_memory(error) and not is_lowest:
                return self._need_less_memory
            can_go_on_alone = self.world.is_local and not self._learner.is_mid_update
            if can_go_on_alone and (isinstance(error, PeerLost) or is_out_of_memory(error)):
                return self.go_on_alone  # which leaves more memory
            raise  # other processes may have completed the step
        return None

    def _make_batches(self, count: int) -> Iterator[Batch]:
        started, self.waited = time.monotonic(), 0.0
        for _ in range(count // self.world.size):
            if time.monotonic() - started > _MAX_SECONDS_AFTER_STOP:
                self._control.raise_if_stopped()
            yield self._batch_maker.make_batch(self._next_samples())

    def _next_samples(self) -> PreparedBatch:
        started = time.monotonic()
        with self._control.during(Activity.WAITING):
            samples = next(self._samples)
        if not self._is_first_batch:  # no photo of the first batch can be decoded in advance
            self.waited += time.monotonic() - started
        self._is_first_batch = False
        return samples

    def _report_failed_compiler(self, reasons: Sequence[str]) -> None:
        for reason in reasons:
            if self.world.size == 1:
                text = f"--compile on no longer works: {reason} Training continues without it."
            else:
                text = f"--compile on no longer works in one of the processes, which continues without it. {reason}"
            self._sink(Notice("warning", text))

    def _need_less_memory(self) -> None:
        release_memory(self._plan.hardware)
        before, what = self.micro_batch, "--memory low"
        if before > 1:
            self.micro_batch = halve_micro_batch(self._plan.config, before, self.world.size)
            what = "the same effective batch"
        else:
            self._learner.network.recomputes_blocks = True
        text = f"Memory ran out with micro-batches of {before} patch{'es' * (before > 1)}."
        text += f" Training continues with {self.micro_batch} at a time and {what}."
        if self.micro_batch < before and self._plan.config.gan_weight > 0:
            text += f" {RATINGS_DIFFER}"
        self._sink(Notice("warning", text))


def make_step_event(
    step: int,
    reading: StepReading,
    learning_rate: float,
    memory: int,
    clock: RunClock,
    cadences: Cadences,
    threads: TorchThreads,
    overhead: Overhead,
) -> StepDone:
    """Return the event of the latest step, with the speed and the time left of the run.

    Args:
        step: steps done.
        reading: values of the latest step.
        learning_rate: that of the latest step.
        memory: used memory of the device in bytes.
        clock: clock of the session.
        cadences: cadences of the tasks beside the steps.
        threads: the number of torch's threads.
        overhead: estimates the seconds beside the steps, as in `RunClock.seconds_left`.
    """
    return StepDone(
        step=step,
        total_steps=clock.total_steps,
        losses=reading.losses,
        learning_rate=learning_rate,
        gradient_norm=reading.gradient_norm,
        steps_per_second=clock.steps_per_second,
        elapsed=clock.elapsed,
        seconds_left=clock.seconds_left(step, overhead),
        memory_bytes=memory,
        skipped_steps=reading.skipped,
        photo_wait=clock.photo_wait,
        discriminator=reading.discriminator,
        threads=threads.chosen,
        usual_threads=threads.usual,
        run_seconds=clock.total_seconds,
        check_seconds=cadences.seconds_to_validation(step),
    )
