"""The memory and the processors of a container, by made-up files of the system."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from trainer_core import machine


@pytest.fixture
def mounts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(machine, "_PROC_FILE", tmp_path / "cgroup")
    monkeypatch.setattr(machine, "_MOUNTS", tmp_path / "mounts")
    monkeypatch.delenv("LOCAL_WORLD_SIZE", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: range(16), raising=False)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 64 << 30}))
    return tmp_path / "mounts"


def write(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text)


def join(mounts: Path, lines: str) -> None:
    mounts.mkdir(exist_ok=True)
    (mounts.parent / "cgroup").write_text(lines)


def test_without_groups_the_systems_figures_count(mounts: Path) -> None:
    assert machine.available_memory() == 64 << 30
    assert machine.count_processors() == 16


def test_the_limits_of_cgroup_v2_count_on_all_levels(mounts: Path) -> None:
    join(mounts, "0::/service/inner\n")
    write(mounts, memory_stat="")
    write(
        mounts / "service",
        memory_max=f"{4 << 30}\n",
        memory_current=f"{3 << 30}\n",
        memory_stat=f"anon 5\ninactive_file {1 << 30}\n",
        cpu_max="250000 100000\n",
    )
    write(mounts / "service" / "inner", memory_max="max\n", memory_current="5\n", cpu_max="max 100000\n")
    assert machine.available_memory() == 2 << 30
    assert machine.count_processors() == 3
    (group,) = machine.find_processor_groups()
    assert group.share == 2.5 and group.read_used_seconds() == 0, "no statistics"
    (mounts / "service" / "cpu.stat").write_text("usage_usec 1500000\nuser_usec 1000000\nodd\n")
    assert group.read_used_seconds() == 1.5


def test_the_limits_of_cgroup_v1_count_at_the_root_of_a_container(mounts: Path) -> None:
    join(mounts, "4:memory:/docker/0123\n3:cpu,cpuacct:/docker/0123\n1:name=systemd:/docker/0123\n")
    memory, cpu = mounts / "memory", mounts / "cpu,cpuacct"
    write(memory)
    for name, text in {"limit_in_bytes": f"{2 << 30}\n", "usage_in_bytes": f"{1 << 30}\n"}.items():
        (memory / f"memory.{name}").write_text(text)
    (memory / "memory.stat").write_text(f"inactive_file 7\ntotal_inactive_file {1 << 29}\n")
    write(cpu)
    for name, text in {"quota": "150000\n", "period": "100000\n"}.items():
        (cpu / f"cpu.cfs_{name}_us").write_text(text)
    assert machine.available_memory() == (1 << 30) + (1 << 29)
    assert machine.count_processors() == 2
    (cpu / "cpuacct.usage").write_text("2500000000\n")
    assert machine.find_processor_groups()[0].read_used_seconds() == 2.5


@pytest.mark.parametrize(
    ("limit", "used"), [("max", "5"), (str(2**63 - 4096), "5"), ("many", "5"), (str(1 << 30), ""), ("", "")]
)
def test_a_group_without_a_readable_limit_has_none(mounts: Path, limit: str, used: str) -> None:
    join(mounts, "0::/\n")
    write(mounts, memory_max=limit, memory_current=used, cpu_max="max")
    assert machine.available_memory() == 64 << 30
    assert machine.count_processors() == 16


def test_a_number_of_processes_is_read_from_torchrun() -> None:
    assert machine.count_local_processes({"LOCAL_WORLD_SIZE": "4"}) == 4
    assert [machine.count_local_processes({"LOCAL_WORLD_SIZE": text}) for text in ("1", "0", "", "x")] == [1] * 4


def test_a_group_above_its_limit_has_no_memory_left(mounts: Path) -> None:
    join(mounts, "0::/../outside\n0::/\n")
    write(mounts, memory_max="1000", memory_current="1500", cpu_max="1000 100000")
    assert machine.available_memory() == 0
    assert machine.count_processors() == 1
