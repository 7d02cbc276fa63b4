"""The processes that train together, seen from one of them."""

from __future__ import annotations

import datetime
import math
import os
import re
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from trainer_core import cli
from trainer_core.cli import _SignalHandler
from trainer_core.control import RunControl, StopMode, Stopped
from trainer_core.errors import UserError
from trainer_core.training import process_group
from trainer_core.training.failures import PeerLost
from trainer_core.training.process_group import ProcessGroup, check_restart, read_world
from trainer_core.training.world import World

VARIABLES = {
    "RANK": "1",
    "WORLD_SIZE": "2",
    "LOCAL_RANK": "1",
    "LOCAL_WORLD_SIZE": "2",
    "MASTER_ADDR": "127.0.0.1",
    "MASTER_PORT": "29500",
}


def test_only_all_variables_of_torchrun_make_several_processes() -> None:
    world = read_world(VARIABLES)
    assert isinstance(world, ProcessGroup) and (world.rank, world.size, world.local_size) == (1, 2, 2)
    assert type(read_world({})) is type(read_world({**VARIABLES, "WORLD_SIZE": "1", "RANK": "0"})) is World
    for name in VARIABLES:
        assert type(read_world({**VARIABLES, name: ""})) is World


def test_only_one_module_uses_torch_distributed_and_only_to_join_several_processes() -> None:
    root = Path(cli.__file__).parent
    found = {path.relative_to(root) for path in root.rglob("*.py") if "torch.distributed" in path.read_text("utf-8")}
    assert found == {Path("training/process_group.py")}
    text = (root / "training" / "process_group.py").read_text("utf-8")
    head, _ = text.split("class ProcessGroup")
    assert not re.search(r"^ *import torch\.distributed", head, re.MULTILINE)


def test_a_restart_is_refused_unless_the_run_is_resumed() -> None:
    world = read_world({**VARIABLES, "TORCHELASTIC_RESTART_COUNT": "1"})
    with pytest.raises(UserError, match="--max-restarts 0"):
        check_restart(world, resumes=False)
    check_restart(world, resumes=True)
    check_restart(read_world({**VARIABLES, "TORCHELASTIC_RESTART_COUNT": "0"}), resumes=False)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("rank", ["0", "1"])
def test_the_signals_of_a_terminal_and_of_torchrun_count_as_one(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], rank: str
) -> None:
    control, exits, now = RunControl(), list[int](), [100.0]
    monkeypatch.setattr(os, "_exit", exits.append)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    control.begin()
    world = read_world({**VARIABLES, "RANK": rank})
    with _SignalHandler(control, world) as signals:
        signal.raise_signal(signal.SIGINT)
        now[0] += 1
        signal.raise_signal(signal.SIGINT)
        assert control.stop_requested is StopMode.SAVE and signals.exit_code == 130 and not exits
        assert world.stop_signal == signal.SIGINT and capfd.readouterr().err.count("Stopping") == (rank == "0")
        now[0] += 6
        signal.raise_signal(signal.SIGINT)
    assert exits == [130]


def test_a_batch_is_shared_out_with_the_same_number_of_patches(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from trainer_core.planning.hardware import Hardware
    from trainer_core.planning.plan import RunPlan
    from trainer_core.settings.config import TrainerConfig
    from trainer_core.settings.stored import StoredSettings
    from trainer_core.training.peers import share_out_batch
    from trainer_core.workspace.layout import Workspace

    def share(batch: int, count: int, processes: int) -> tuple[int, int, int]:
        config = TrainerConfig(batch_size=batch, grad_accum_steps=count)
        plan = RunPlan(config, StoredSettings(), Workspace(tmp_path), Hardware("cpu", "fp32", ""), batch)
        shared = share_out_batch(plan, processes)
        return shared.micro_batch, config.effective_batch // shared.micro_batch, len(shared.notices)

    assert share(16, 2, 2) == (16, 2, 0)
    assert share(16, 1, 4) == (4, 4, 1)
    assert share(8, 2, 4) == (4, 4, 1)
    assert share(16, 6, 4) == (12, 8, 1)
    config = TrainerConfig(batch_size=2)
    plan = RunPlan(config, StoredSettings(), Workspace(tmp_path), Hardware("cpu", "fp32", ""), 2)
    assert "2 micro-batches of 1 patch instead of 1 of 2" in share_out_batch(plan, 2).notices[0]
    config = TrainerConfig(batch_size=16, gan_weight=0.1)
    plan = RunPlan(config, StoredSettings(), Workspace(tmp_path), Hardware("cpu", "fp32", ""), 16)
    assert "ratings of fewer patches" in share_out_batch(plan, 2).notices[0]
    with pytest.raises(UserError, match="--grad-accum-steps that is a multiple of 3"):
        share(16, 1, 3)


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_two_processes_do_not_share_a_gpu(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from trainer_core.planning.hardware import Hardware
    from trainer_core.training.peers import check_devices

    monkeypatch.setattr(getattr(torch, kind), "device_count", lambda: 2)
    world = World()
    world.local_size, world.local_rank = 2, 1
    check_devices(Hardware(f"{kind}:1", "bf16", "GPU"), world)
    text = rf"process 1 would use GPU \({kind}:0\). Use --device {kind} without a number"
    with pytest.raises(UserError, match=text):
        check_devices(Hardware(f"{kind}:0", "bf16", "GPU"), world)
    world.local_size = 3
    with pytest.raises(UserError, match="started 3 processes on this machine, which has 2 GPUs"):
        check_devices(Hardware(f"{kind}:1", "bf16", "GPU"), world)
    world.local_size = 2
    with pytest.raises(UserError, match=r"which has 1 GPU\. "):
        check_devices(Hardware("mps", "fp32", "Apple GPU"), world)
    check_devices(Hardware("cpu", "fp32", "CPU"), world)


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_a_process_joins_on_the_gpu_with_its_number(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    chosen: list[int] = []
    monkeypatch.setattr(getattr(torch, kind), "set_device", chosen.append)
    for name in ("init_process_group", "new_group"):
        monkeypatch.setattr(torch.distributed, name, lambda *arguments, **more: None)
    for count in (1, 2):  # with fewer GPUs than processes they train on the CPU, or are refused
        monkeypatch.setattr(getattr(torch, kind), "device_count", lambda count=count: count)
        ProcessGroup(VARIABLES).join()
        assert chosen == [1] * (count == 2)


class LateWork:
    """Work that ends, well or not, just after a wait for it timed out."""

    def __init__(self, failure: str = "") -> None:
        self.failure, self.waits = failure, 0

    def wait(self, timeout: object = None) -> None:
        self.waits += 1
        if self.waits == 1:
            raise RuntimeError("Operation timed out!")
        if self.failure:
            raise RuntimeError(self.failure)

    def is_completed(self) -> bool:
        return True


def test_work_that_ends_just_after_a_wait_for_it_counts_as_done() -> None:
    world = ProcessGroup(VARIABLES)
    world._is_joined = True
    world._wait(LateWork, 1.0)
    with pytest.raises(PeerLost):
        world._wait(lambda: LateWork("Connection reset by peer"), 1.0)
    with pytest.raises(PeerLost):
        world._wait(LateWork, 1.0)  # nothing can be exchanged any more


class SumOnGpu:
    """A sum under way on a GPU: it ends after some looks at it, well or not; a wait before that would block."""

    def __init__(self, looks: float, failure: str = "") -> None:
        self.looks, self.failure, self.limits = looks, failure, list[object]()

    def is_completed(self) -> bool:
        self.looks -= 1
        return self.looks < 0

    def wait(self, *limit: object) -> None:
        assert self.looks < 0
        self.limits += limit
        if self.failure:
            raise RuntimeError(self.failure)


class GpuGroup:
    """The processes as NCCL connects them."""

    def __init__(self, backend: str = "", timeout: datetime.timedelta | None = None) -> None:
        self.backend, self.timeout, self.aborts = backend, timeout, 0

    def abort(self) -> None:
        self.aborts += 1


@pytest.fixture
def gpu_world(monkeypatch: pytest.MonkeyPatch) -> ProcessGroup:
    """The main process of two, whose sums are those of NCCL; `torch.distributed.all_reduce` is to be replaced."""
    distributed = pytest.importorskip("torch.distributed")
    monkeypatch.setattr(process_group, "_can_sum_on_gpu", lambda tensor: True)
    monkeypatch.setattr(process_group, "_NOTICE_DELAY", 0.05)
    monkeypatch.setattr(process_group, "_STEP_TIMEOUT", 0.2)
    monkeypatch.setattr(distributed, "new_group", GpuGroup)
    monkeypatch.setenv("TORCH_NCCL_ASYNC_ERROR_HANDLING", "")
    monkeypatch.delenv("TORCH_NCCL_ASYNC_ERROR_HANDLING")
    world = ProcessGroup({**VARIABLES, "RANK": "0", "LOCAL_RANK": "0"})
    world._is_joined = True
    return world


def add_up(world: ProcessGroup, monkeypatch: pytest.MonkeyPatch, work: SumOnGpu) -> list[dict[str, Any]]:
    import torch

    calls: list[dict[str, Any]] = []

    def all_reduce(tensor: object, **options: Any) -> SumOnGpu:
        calls.append(options)
        return work

    monkeypatch.setattr(torch.distributed, "all_reduce", all_reduce)
    world.add_up([torch.ones(3)])
    return calls


def test_a_sum_on_gpus_has_a_group_whose_limit_is_that_of_a_step(
    gpu_world: ProcessGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = SumOnGpu(looks=5)
    (options,) = add_up(gpu_world, monkeypatch, work)
    group = options["group"]
    assert options["async_op"] and group.backend == "nccl" and 0.2 < group.timeout.total_seconds() < 120
    assert work.looks < 0 and not work.limits  # NCCL gives up what a wait with a limit does not see the end of
    assert os.environ["TORCH_NCCL_ASYNC_ERROR_HANDLING"] == "0"
    assert add_up(gpu_world, monkeypatch, SumOnGpu(looks=0))[0]["group"] is group and not group.aborts


def test_a_sum_on_gpus_that_never_ends_is_given_up(gpu_world: ProcessGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    notices: list[str] = []
    gpu_world.on_wait = notices.append
    with pytest.raises(PeerLost, match="did not answer"):
        add_up(gpu_world, monkeypatch, SumOnGpu(looks=math.inf))
    assert gpu_world._gpu_group.aborts and len(notices) == 1
    with pytest.raises(PeerLost):
        gpu_world.send({})


def test_a_sum_on_gpus_that_fails_names_the_reason(gpu_world: ProcessGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(PeerLost, match=r"on the GPUs \(NCCL error: remote process exited\)"):
        add_up(gpu_world, monkeypatch, SumOnGpu(looks=1, failure="NCCL error: remote process exited\nmore"))
    assert gpu_world._gpu_group.aborts


def test_a_stop_ends_the_wait_for_a_sum_on_gpus(gpu_world: ProcessGroup, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process_group, "_STEP_TIMEOUT", 60.0)
    monkeypatch.setattr(process_group, "_STOP_PATIENCE", 0.05)
    gpu_world.stop_signal = signal.SIGINT
    with pytest.raises(Stopped):
        add_up(gpu_world, monkeypatch, SumOnGpu(looks=math.inf))
    assert gpu_world._gpu_group.aborts
