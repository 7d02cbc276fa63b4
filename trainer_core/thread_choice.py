"""How many threads torch uses on a computer that other programs use too, chosen again while work goes on.

Every operation of torch waits for all of its threads. If another program shares the processor of one thread, all of
them wait for it: with two threads on two processors, one busy program makes a step five times as long, although it
takes a quarter of the computer. `TorchThreads` receives the duration of each step. While other programs are busy, it
tries fewer threads, and one more than there are processors, and continues with the fewest that are about as fast as the
fastest; on an idle computer it tries nothing.
"""

from __future__ import annotations

import contextlib
import math
import os
import statistics
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType

import psutil

from trainer_core.machine import count_processors, find_processor_groups, list_processors

_SAMPLES, _SAMPLE_SECONDS = 4, 5.0  # steps that are compared for each count, or fewer that take this long together
_MIN_GAIN = 0.1  # of the duration of a step, for which more threads are used
_MIN_USE = 0.2  # of a processor; what other programs use less is not counted
_TRIAL_INTERVAL = 20  # the shortest time from one trial to the next, as a multiple of the trial's duration
_SHARE = 0.85  # of what a fair scheduler gives this program, which fewer threads should reach
_PATIENCE = 60.0  # seconds in which they do not before that counts
_READING_INTERVAL = 0.5  # seconds between two readings of the system's accounting
_BUSY_TIMES = ("user", "nice", "system", "irq", "softirq", "steal")  # those of them that the system has


class ThreadChoice:
    """Choice of a number of threads from the durations of steps.

    Args:
        processors: the number of threads on an idle computer.
        count: the number to begin with; by default `processors`.

    Attributes:
        count: the number for the next step.
        chosen: the number that the latest trial chose; during a trial, `count` differs from it.
    """

    def __init__(self, processors: int, count: int | None = None) -> None:
        self._processors = processors
        self.count = self.chosen = min(count or processors, processors + 1)
        self._durations: deque[float] = deque(maxlen=_SAMPLES)
        self._skips = 1  # steps that also pay for new threads and the choice of kernels
        self._untried: list[int] = []
        self._results: dict[int, float] = {}  # seconds of a step by count, while a trial is under way
        self._trial_seconds = self._delay = 0.0
        self._is_idle_refuted = False  # the full count was tried on an idle computer and was slower

    def add_step(self, seconds: float, others: float) -> None:
        """Add the duration of a step, and choose the count for the next one.

        Args:
            seconds: the duration.
            others: processors that other programs kept busy.
        """
        self._delay -= seconds
        if self._results:
            self._trial_seconds += seconds
        if self._skips:
            self._skips -= 1
            return
        self._durations.append(seconds)
        is_hopeless = bool(self._results) and seconds > 2 * self._results[self.chosen]
        if len(self._durations) < _SAMPLES and sum(self._durations) < _SAMPLE_SECONDS and not is_hopeless:
            return
        needed = _count_needed(others)
        if self._results or self._is_trial_due(needed):
            self._continue_trial(needed)

    def _is_trial_due(self, needed: int) -> bool:
        if needed:
            self._is_idle_refuted = False
            return self._delay <= 0
        return self.chosen != self._processors and not self._is_idle_refuted

    def _continue_trial(self, needed: int) -> None:
        """Note the durations of this count and go to the next one, or end the trial."""
        if not self._results:
            full = self._processors
            counts = {full, full + 1, max(1, full - needed)} if needed else {full}
            self._untried = sorted(counts - {self.count}, reverse=True)
        self._results[self.count] = statistics.mean(self._durations)
        if self._untried:
            self._switch(self._untried.pop())
        else:
            self._end_trial(needed)

    def _end_trial(self, needed: int) -> None:
        # A small gain of more threads may be chance, and fewer threads wait less for other programs.
        limit = min(self._results.values()) / (1 - _MIN_GAIN)
        self.chosen = min(count for count, seconds in self._results.items() if seconds <= limit)
        self._is_idle_refuted = not needed and self.chosen != self._processors
        self._delay, self._trial_seconds = _TRIAL_INTERVAL * self._trial_seconds, 0.0
        self._results = {}
        self._switch(self.chosen)

    def _switch(self, count: int) -> None:
        if count != self.count:
            self.count, self._skips = count, int(sum(self._durations) < _SAMPLE_SECONDS)
        self._durations.clear()


class ProcessorUse:
    """How many of the processors that this process may use are taken by other programs, from the system's accounting.

    Those that it may not run on do not count. Where a control group limits its share, it has less if other programs of
    the group are busy, or if those outside leave fewer processors than the share.
    """

    def __init__(self) -> None:
        self._usable, self._groups = list_processors(), find_processor_groups()
        self._latest = 0.0
        self._read_at, self._seconds = time.monotonic(), self._read_seconds()

    def read(self) -> float:
        """Return the number, averaged since the latest reading, which was at least half a second ago."""
        now = time.monotonic()
        if now - self._read_at >= _READING_INTERVAL:
            seconds = self._read_seconds()
            own, *used = ((after - before) / (now - self._read_at) for after, before in zip(seconds, self._seconds))
            limits = [len(self._usable), *(group.share for group in self._groups)]
            left = min(limit - (all_use - own) for limit, all_use in zip(limits, used))
            self._latest = max(0.0, min(limits) - left)
            self._read_at, self._seconds = now, seconds
        return self._latest

    def _read_seconds(self) -> list[float]:
        """Return the seconds of processors used by this process, by all on those it may run on, and by each group."""
        groups = (group.read_used_seconds() for group in self._groups)
        return [time.process_time(), _read_busy_seconds(self._usable), *groups]


def _read_busy_seconds(processors: Sequence[int]) -> float:
    """Return the seconds that processors with these numbers have worked; 0 if the system has other numbers."""
    times = psutil.cpu_times(percpu=True)
    if len(processors) < len(times):
        if processors[-1] >= len(times):
            return 0.0
        times = [times[number] for number in processors]
    return float(sum(getattr(each, name, 0.0) for each in times for name in _BUSY_TIMES))


def _count_needed(others: float) -> int:
    """Return how many processors other programs need which keep `others` busy on average."""
    return math.ceil(others - _MIN_USE) if others > _MIN_USE else 0


class TorchThreads:
    """The number of torch's threads from `__enter__` to `__exit__`, which restores the number before.

    Args:
        fixed: a number that is not changed; None to choose. The environment variable OMP_NUM_THREADS also fixes it.
        count: the number to begin with, such as that of a resumed run.
        can_change: whether the processors do the work, so that their use by other programs matters.
        yields: whether other programs come first, so that the share of this one is what they leave.
        on_change: called with a newly chosen number, and that of an idle computer.

    Attributes:
        count: the present number.
    """

    def __init__(
        self,
        fixed: int | None = None,
        *,
        count: int | None = None,
        can_change: bool = True,
        yields: bool = False,
        on_change: Callable[[int, int], None] = lambda count, full: None,
    ) -> None:
        import torch

        self._set, self._before, self._on_change = torch.set_num_threads, torch.get_num_threads(), on_change
        processors = count_processors()
        self._full = min(self._before, processors)
        self._spare = processors - self._full  # which torch does not use, such as second threads of cores
        self.count = fixed or self._before
        self._choice: ThreadChoice | None = None
        self._given, self._is_fixed, self._missed_seconds = self.count, False, 0.0
        if fixed is None and can_change and "OMP_NUM_THREADS" not in os.environ:
            self._choice = ThreadChoice(self._full, count)
            self.count = self._choice.count
        self._use, self._yields = ProcessorUse(), yields

    @property
    def chosen(self) -> int:
        """The number that was chosen; during a trial, the present one differs from it."""
        return self._choice.chosen if self._choice and not self._is_fixed else self.count

    @property
    def usual(self) -> int:
        """The number on an idle computer; a fixed number is the usual one."""
        return self._full if self._choice and not self._is_fixed else self.count

    @property
    def follows_others(self) -> bool:
        """Whether the number follows other programs, instead of --threads or OMP_NUM_THREADS."""
        return self._choice is not None

    @property
    def misses_share(self) -> bool:
        """Whether other programs have been busy for a minute that leave fewer threads less than their share."""
        return self._missed_seconds >= _PATIENCE

    def __enter__(self) -> TorchThreads:
        """Set the number."""
        self._set(self.count)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Restore the number before."""
        self._set(self._before)

    def add_step(self, seconds: float) -> None:
        """Add the duration of a step, and set the number for the next one."""
        choice = self._choice
        if choice is None or self._is_fixed:
            return
        before, others = choice.chosen, self._use.read()
        choice.add_step(seconds, others)
        self._add_missed(seconds, others)
        if choice.count != self.count:
            self.count = choice.count
            self._set(self.count)
        if choice.chosen != before:
            self._on_change(choice.chosen, self._full)

    def _add_missed(self, seconds: float, others: float) -> None:
        """Count the seconds in which the threads that fit beside other programs get less than their share."""
        needed = min(self._full, _count_needed(max(0.0, others - self._spare)))
        share = self._full - needed if self._yields else self._full - needed / 2
        is_missed = self._full - needed < _SHARE * max(share, 1)
        change = seconds if is_missed else -seconds
        self._missed_seconds = min(_PATIENCE, max(0.0, self._missed_seconds + change))

    def fix(self, count: int | None) -> None:
        """Set a number that stays from now on; None for the one before, which is chosen again unless it was fixed."""
        self._is_fixed, self._missed_seconds, self._use = count is not None, 0.0, ProcessorUse()
        self.count = count or self._free_count
        self._set(self.count)

    @contextlib.contextmanager
    def released(self) -> Iterator[None]:
        """Compute with the number from before `fix` in the `with` block, in which no other process does."""
        if not self._is_fixed:
            yield
            return
        self._set(self._free_count)
        try:
            yield
        finally:
            self._set(self.count)

    @property
    def _free_count(self) -> int:
        return self._choice.chosen if self._choice else self._given
