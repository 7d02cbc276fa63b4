"""Which runs get peers on this machine: from their settings, and while other programs are busy."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("torch")

from tests.core.test_world import VARIABLES
from tests.small_runs import TINY, make_photos
from trainer_core import thread_choice
from trainer_core.control import RunControl
from trainer_core.errors import UserError
from trainer_core.events import Notice
from trainer_core.planning.hardware import Hardware, count_processes
from trainer_core.planning.plan import RunPlan, make_plan
from trainer_core.settings.config import TrainerConfig
from trainer_core.thread_choice import TorchThreads
from trainer_core.training import sharing
from trainer_core.training.process_group import ProcessGroup
from trainer_core.training.sharing import StepSharing, plan_processes
from trainer_core.training.world import World

CPU, GPU = Hardware("cpu", "fp32", "CPU"), Hardware("cuda:0", "bf16", "GPU")


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., RunPlan]:
    photos = make_photos(tmp_path / "photos", 2)

    def make(**settings: Any) -> RunPlan:
        return make_plan(
            {**TINY, "batch_size": 4, **settings, "source_dir": str(photos), "workspace": str(tmp_path / "w")}
        )

    return make


def test_the_processes_of_the_settings_count_where_they_can_train(monkeypatch: pytest.MonkeyPatch) -> None:
    config = TrainerConfig(workspace="w")
    assert count_processes(config, CPU) == 1
    assert count_processes(config.replace(processes=3), CPU) == 3
    assert count_processes(config.replace(processes=3, compile="on"), CPU) == 1
    assert count_processes(config.replace(processes=3), GPU) == 1
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "4")
    assert count_processes(config, CPU) == 4 and count_processes(config, GPU) == 1


def test_a_plan_has_micro_batches_for_its_processes(plan: Callable[..., RunPlan]) -> None:
    shared = plan_processes(plan(processes=2), World())
    assert shared.micro_batch == 2 and "2 processes share each step: 2 micro-batches of 2" in shared.notices[-1]
    assert plan_processes(plan(), World()).micro_batch == 4
    with pytest.raises(UserError, match="3 processes cannot share a step of 4 patches"):
        plan_processes(plan(processes=3), World())


@pytest.mark.parametrize(
    ("settings", "world", "reason"),
    [
        ({"compile": "on"}, World(), "it cannot be combined with --compile on"),
        ({}, ProcessGroup(VARIABLES), "torchrun has started the processes of this run"),
    ],
)
def test_processes_that_have_no_effect_are_named(
    plan: Callable[..., RunPlan], settings: dict[str, Any], world: World, reason: str
) -> None:
    planned = plan_processes(plan(processes=2, **settings), world)
    assert planned.micro_batch == 4 and planned.notices[-1] == f"--processes 2 has no effect: {reason}."


class Machine:
    """A run on two processors, of which other programs use some; counts the peers that it starts."""

    def __init__(self, plan: RunPlan, monkeypatch: pytest.MonkeyPatch, processors: int = 2) -> None:
        self.fixed = list[int | None]()
        self.started, self.notices, self.free, self.error = list[tuple[int, int]](), list[str](), 64 << 30, ""
        self.threads = SimpleNamespace(misses_share=True, follows_others=True, count=2, fix=self.fixed.append)
        stepper = SimpleNamespace(micro_batch=plan.micro_batch, go_on_alone=None, world=None)
        monkeypatch.setattr(sharing, "LocalPeers", self.start)
        monkeypatch.setattr(sharing, "count_processors", lambda: processors)
        monkeypatch.setattr(sharing, "available_memory", lambda: self.free)
        monkeypatch.setattr(sys, "platform", "linux")
        learner = SimpleNamespace(world=None)
        make: Any = StepSharing
        self.sharing = make(plan, World(), learner, stepper, self.threads, RunControl(), self.note)

    def start(self, count: int, *, threads: int) -> SimpleNamespace:
        if self.error:
            raise OSError(self.error)
        self.started.append((count, threads))
        return SimpleNamespace(are_ready=lambda: False, close=lambda: None)

    def note(self, event: object) -> None:
        assert isinstance(event, Notice)
        self.notices.append(event.text)


def test_a_run_gets_peers_once_other_programs_take_too_much(
    plan: Callable[..., RunPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(plan(), monkeypatch)
    machine.threads.misses_share = False
    machine.sharing.adapt()
    assert machine.started == []
    machine.threads.misses_share = True
    for _ in range(3):
        machine.sharing.adapt()
    assert machine.started == [(1, 1)]


@pytest.mark.parametrize(
    "settings", [{"processes": 1}, {"compile": "on"}, {"batch_size": 3}, {"gan_weight": 0.05, "gan_features": 4}]
)
def test_a_run_that_cannot_share_its_steps_gets_no_peers(
    plan: Callable[..., RunPlan], monkeypatch: pytest.MonkeyPatch, settings: dict[str, Any]
) -> None:
    machine = Machine(plan(**settings), monkeypatch)
    machine.sharing.adapt()
    assert machine.started == []


@pytest.mark.parametrize(("processors", "started"), [(1, []), (4, [(3, 1)]), (8, [(7, 1)]), (16, []), (32, [])])
def test_as_many_processes_as_processors_share_the_steps_up_to_eight(
    plan: Callable[..., RunPlan], monkeypatch: pytest.MonkeyPatch, processors: int, started: list[tuple[int, int]]
) -> None:
    machine = Machine(plan(batch_size=32), monkeypatch, processors)
    machine.sharing.adapt()
    assert machine.started == started


def test_the_processes_of_the_settings_share_the_processors_unless_the_number_of_threads_is_fixed(
    plan: Callable[..., RunPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(plan(processes=2), monkeypatch, processors=8)
    assert machine.sharing.size == 2
    machine.sharing.begin()
    machine.threads.follows_others = False
    machine.sharing.begin()
    assert machine.started == [(1, 4), (1, 2)] and machine.fixed == [4, 2]


def test_peers_start_only_where_they_were_measured_and_have_memory(
    plan: Callable[..., RunPlan], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = Machine(plan(), monkeypatch)
    machine.free = 300 << 20
    machine.sharing.adapt()
    monkeypatch.setattr(sys, "platform", "darwin")
    machine.free = 64 << 30
    machine.sharing.adapt()
    assert machine.started == []


def test_peers_that_cannot_start_are_named_once(plan: Callable[..., RunPlan], monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(plan(), monkeypatch)
    machine.error = "no more processes"
    for _ in range(3):
        machine.sharing.adapt()
    sentence = "No other process can share the steps. no more processes. Training continues in one process."
    assert machine.notices == [sentence]


@pytest.mark.parametrize(
    ("processors", "others", "yields", "is_missed"),
    [
        *((2, 0.0, False, False), (2, 0.9, False, True), (2, 1.8, False, True), (1, 0.9, False, True)),
        *((4, 1.0, False, False), (4, 2.0, False, True), (8, 1.9, False, False)),
        *((2, 0.9, True, False), (2, 1.8, True, True), (4, 2.0, True, False), (4, 3.9, True, True)),
    ],
)
def test_a_share_is_missed_after_a_minute_beside_programs_for_which_fewer_threads_give_way(
    monkeypatch: pytest.MonkeyPatch, processors: int, others: float, yields: bool, is_missed: bool
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(thread_choice, "count_processors", lambda: processors)
    monkeypatch.setattr("torch.get_num_threads", lambda: processors)
    monkeypatch.setattr("torch.set_num_threads", lambda count: None)
    monkeypatch.setattr(thread_choice.ProcessorUse, "read", lambda use: others)
    threads = TorchThreads(yields=yields)
    for _ in range(59):
        threads.add_step(1.0)
        assert not threads.misses_share
    threads.add_step(1.0)
    assert threads.misses_share == is_missed
    threads.fix(1)
    assert not threads.misses_share and threads.chosen == threads.count == threads.usual == 1
    threads.add_step(1.0)
    assert threads.count == 1
    threads.fix(None)
    assert threads.usual == processors
