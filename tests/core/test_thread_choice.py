"""The number of threads follows what other programs leave, on a simulated computer."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from trainer_core import machine, thread_choice
from trainer_core.thread_choice import ProcessorUse, ThreadChoice


class Computer:
    """Does steps with the chosen number of threads beside other programs; counts the seconds of all steps.

    Args:
        choice: the choice to follow.
        step: seconds of a step, by number of threads and number of busy programs.
    """

    def __init__(self, choice: ThreadChoice, step: Callable[[int, int], float]) -> None:
        self.choice, self._step = choice, step
        self.now, self.steps = 0.0, 0
        self.counts: list[int] = []

    def work(self, seconds: float, programs: int) -> float:
        """Do steps for this time and return the steps a second."""
        end, before, began = self.now + seconds, self.steps, self.now
        while self.now < end:
            self.counts.append(self.choice.count)
            duration = self._step(self.choice.count, programs)
            self.now += duration
            self.steps += 1
            self.choice.add_step(duration, float(programs) / (2 if programs + self.choice.count > 2 else 1))
        return (self.steps - before) / (self.now - began)


def two_processors(threads: int, programs: int) -> float:
    """Seconds of a step of nano on two processors, after benchmarks/results/busy.md; three threads are invented."""
    return {(1, 0): 0.69, (2, 0): 0.37, (3, 0): 0.5, (1, 1): 0.69, (2, 1): 2.1, (3, 1): 0.8}[threads, programs]


def eight_processors(threads: int, programs: int) -> float:
    """Every thread waits for one that shares its processor."""
    return 1.6 / threads * (2 if threads + programs > 8 else 1)


def test_an_idle_computer_uses_all_processors_and_tries_nothing() -> None:
    computer = Computer(ThreadChoice(2), two_processors)
    computer.work(600, programs=0)
    assert set(computer.counts) == {2}


def test_one_busy_program_leaves_one_thread_and_its_end_brings_the_second_back() -> None:
    computer = Computer(ThreadChoice(2), two_processors)
    computer.work(20, programs=0)
    computer.work(60, programs=1)
    assert computer.choice.chosen == 1
    assert computer.work(600, programs=1) > 0.9 / 0.69
    computer.work(10, programs=0)
    assert computer.choice.chosen == 2 and computer.counts[-1] == 2
    assert computer.work(100, programs=0) == pytest.approx(1 / 0.37)


def test_the_free_processors_of_a_large_computer_are_used() -> None:
    computer = Computer(ThreadChoice(8), eight_processors)
    computer.work(60, programs=1)
    assert computer.choice.chosen == 7


def test_trials_take_a_twentieth_of_the_time_at_most() -> None:
    computer = Computer(ThreadChoice(2), two_processors)
    computer.work(60, programs=1)
    computer.counts.clear()
    computer.work(2000, programs=1)
    trial = sum(two_processors(count, 1) for count in computer.counts if count != 1)
    assert 0 < trial <= 2000 / 20


def test_more_threads_that_are_slower_on_an_idle_computer_are_tried_once() -> None:
    computer = Computer(ThreadChoice(2, count=1), lambda threads, programs: 0.1 * threads)
    computer.work(600, programs=0)
    assert computer.choice.chosen == 1 and computer.counts.count(2) <= 5


@pytest.mark.parametrize("two", [0.46, 0.49, 0.52])
def test_more_threads_that_gain_little_are_not_used(two: float) -> None:
    computer = Computer(ThreadChoice(2), lambda threads, programs: two if threads == 2 else 0.5 + (threads > 2))
    computer.work(300, programs=1)
    assert computer.choice.chosen == 1
    assert set(computer.counts[-20:]) == {1}


def test_more_threads_that_gain_much_are_used() -> None:
    computer = Computer(ThreadChoice(2), lambda threads, programs: 0.44 if threads == 2 else 0.5 + (threads > 2))
    computer.work(300, programs=1)
    assert computer.choice.chosen == 2


def test_a_resumed_run_begins_with_its_number_of_threads() -> None:
    assert ThreadChoice(8, count=5).count == 5
    assert ThreadChoice(2, count=64).count == 3, "the checkpoint is of a larger computer"


class Accounting:
    """The system's accounting of busy processors, in place of that of this computer.

    Args:
        usable: the processors that this process may run on, of `count`.
        group: the control group of this process, if it limits the processors.
    """

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, count: int, usable: set[int], group: machine.ProcessorGroup | None = None
    ) -> None:
        self._now = self._own = 0.0
        used = self._used = [0.0]
        self._times = [SimpleNamespace(user=100.0, nice=2.0, system=10.0, idle=50.0, iowait=7.0) for _ in range(count)]
        monkeypatch.setattr(time, "monotonic", lambda: self._now)
        monkeypatch.setattr(time, "process_time", lambda: self._own)
        monkeypatch.setattr(psutil, "cpu_times", lambda percpu: self._times)
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: usable, raising=False)
        monkeypatch.setattr(thread_choice, "find_processor_groups", lambda: [group] if group else [])
        monkeypatch.setattr(machine.ProcessorGroup, "read_used_seconds", lambda self: used[0])
        self.use = ProcessorUse()

    def read(self, busy: dict[int, float], *, own: float, used_by_group: float = 0.0, seconds: float = 10.0) -> float:
        """Let time pass; return what `ProcessorUse` reads.

        Args:
            busy: processor -> how many seconds of each second it works, for this process or others.
            own: processors that this process uses.
            used_by_group: processors that its group uses, those of this process included.
            seconds: the time.
        """
        for number, share in busy.items():
            times = self._times[number]
            times.user, times.system = times.user + 0.75 * share * seconds, times.system + 0.25 * share * seconds
        for times in self._times:
            times.idle, times.iowait = times.idle + 3, times.iowait + 2
        self._own += own * seconds
        self._used[0] += used_by_group * seconds
        self._now += seconds
        return self.use.read()


def test_other_programs_are_the_busy_time_without_that_of_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    accounting = Accounting(monkeypatch, 2, {0, 1})
    assert accounting.read({0: 1.0, 1: 0.5}, own=1.2) == pytest.approx(0.3)
    assert accounting.read({0: 1.0, 1: 1.0}, own=0.0, seconds=0.2) == pytest.approx(0.3), "less than half a second"


def test_programs_on_processors_that_this_process_may_not_use_do_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    accounting = Accounting(monkeypatch, 8, {2, 5})
    busy = dict.fromkeys(range(8), 1.0)
    assert accounting.read(busy, own=2.0) == pytest.approx(0)
    assert accounting.read(busy, own=1.4) == pytest.approx(0.6)


def test_a_share_of_a_container_is_taken_by_its_own_programs_or_by_a_full_computer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    group = machine.ProcessorGroup(3.0, Path("group"), is_v2=True)
    accounting = Accounting(monkeypatch, 16, {*range(16)}, group)
    ten, sixteen = dict.fromkeys(range(10), 1.0), dict.fromkeys(range(16), 1.0)
    assert accounting.read(ten, own=3.0, used_by_group=3.0) == pytest.approx(0), "seven others leave nine"
    assert accounting.read(ten, own=1.5, used_by_group=3.0) == pytest.approx(1.5), "others of the group"
    assert accounting.read(sixteen, own=2.0, used_by_group=2.0) == pytest.approx(1), "fourteen others outside"


def test_a_group_of_which_the_system_says_nothing_counts_for_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    accounting = Accounting(monkeypatch, 16, {*range(16)}, machine.ProcessorGroup(3.0, Path("group"), is_v2=True))
    assert accounting.read(dict.fromkeys(range(10), 1.0), own=3.0, used_by_group=0.0) == 0


def test_processors_that_the_system_numbers_otherwise_leave_the_number_of_threads_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Accounting(monkeypatch, 4, {5, 6}).read(dict.fromkeys(range(4), 1.0), own=0.5) == 0
    assert Accounting(monkeypatch, 2, {5, 6}).read({0: 1.0, 1: 1.0}, own=0.5) == pytest.approx(1.5), "all it shows"


def test_torch_gets_the_number_and_its_own_back(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")

    counts = [2]
    monkeypatch.setattr(torch, "get_num_threads", lambda: counts[-1])
    monkeypatch.setattr(torch, "set_num_threads", counts.append)
    monkeypatch.setattr(thread_choice, "count_processors", lambda: 2)
    monkeypatch.setattr(ProcessorUse, "read", lambda self: 1.0)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    chosen: list[tuple[int, int]] = []
    with thread_choice.TorchThreads(on_change=lambda *numbers: chosen.append(numbers)) as threads:
        for _ in range(30):
            threads.add_step(0.5 if counts[-1] == 1 else 2.0)
    assert chosen == [(1, 2)] and counts[-2:] == [1, 2]
    assert (threads.chosen, threads.usual) == (1, 2)
    with thread_choice.TorchThreads(1) as threads:
        assert (threads.chosen, threads.usual) == (1, 1)
        for _ in range(30):
            threads.add_step(9.0)
        assert counts[-1] == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with thread_choice.TorchThreads(count=1) as threads:
        for _ in range(30):
            threads.add_step(9.0)
        assert counts[-1] == 2
