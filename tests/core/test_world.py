"""The processes that train together, seen from one of them."""

from __future__ import annotations

import os
import re
import signal
import time
from pathlib import Path

import pytest

from trainer_core import cli
from trainer_core.cli import _SignalHandler
from trainer_core.control import RunControl, StopMode
from trainer_core.errors import UserError
from trainer_core.training.failures import PeerLost
from trainer_core.training.world import ProcessGroup, World, check_restart, read_world

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
    assert found == {Path("training/world.py")}
    text = (root / "training" / "world.py").read_text("utf-8")
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
    config = TrainerConfig(batch_size=16, gan_weight=0.1)
    plan = RunPlan(config, StoredSettings(), Workspace(tmp_path), Hardware("cpu", "fp32", ""), 16)
    assert "ratings of fewer patches" in share_out_batch(plan, 2).notices[0]
    with pytest.raises(UserError, match="--grad-accum-steps that is a multiple of 3"):
        share(16, 1, 3)


def test_two_processes_do_not_share_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from trainer_core.planning.hardware import Hardware
    from trainer_core.training.peers import check_devices

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    world = World()
    world.local_size, world.local_rank = 2, 1
    check_devices(Hardware("cuda:1", "bf16", "GPU"), world)
    with pytest.raises(UserError, match=r"process 1 would use GPU \(cuda:0\). Use --device cuda without a number"):
        check_devices(Hardware("cuda:0", "bf16", "GPU"), world)


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
