"""What the machine gives this process: free memory and processors, within the limits of its container, and their name.

On Linux a container or a service is limited by control groups (cgroups), of which the system's own figures know
nothing. A limit holds for a group and for all groups in it, so the smallest one on the way to the root counts; where
the group itself is not visible, as in a container with cgroup v1, the root is the container's.
"""

from __future__ import annotations

import math
import os
import platform
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil

_PROC_FILE = Path("/proc/self/cgroup")
_MOUNTS = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60  # bytes; cgroup v1 states a number near 2^63 without a limit


@dataclass(frozen=True)
class ProcessorGroup:
    """A control group that limits the processors of its programs.

    Attributes:
        share: processors that they may use at a time, all together.
        folder: its folder in the system's files.
        is_v2: whether it is of cgroup v2.
    """

    share: float
    folder: Path
    is_v2: bool

    def read_used_seconds(self) -> float:
        """Return the seconds of processors that its programs have used, with this one; 0 if the system does not say."""
        if self.is_v2:
            return _read_field(self.folder / "cpu.stat", "usage_usec") / 1e6
        return (_read_number(self.folder / "cpuacct.usage") or 0) / 1e9


def available_memory() -> int:
    """Return the bytes of main memory that this process, and others that it starts, can still use."""
    return min([int(psutil.virtual_memory().available), *_room_in_groups()])


def count_processors() -> int:
    """Return how many processors this process can keep busy: those it may run on, or the share of its container."""
    shares = (math.ceil(group.share) for group in find_processor_groups())
    return max(1, min([len(list_processors()), *shares]))


def name_processor() -> str:
    """Return the name of the processor, such as "AMD EPYC", or "CPU" if the system does not say it."""
    try:
        for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or "CPU"


def count_local_processes(environment: Mapping[str, str] = os.environ) -> int:
    """Return how many processes torchrun started on this machine for a run, with this one; 1 without torchrun."""
    text = environment.get("LOCAL_WORLD_SIZE", "")
    return max(1, int(text)) if text.isdigit() else 1


def list_processors() -> list[int]:
    """Return the numbers of the processors that this process may run on, from 0."""
    affinity = getattr(os, "sched_getaffinity", None)
    return sorted(affinity(0)) if affinity else list(range(os.cpu_count() or 1))


def find_processor_groups() -> list[ProcessorGroup]:
    """Return the groups of this process that limit its processors."""
    groups = ((folder, is_v2, _read_share(folder, is_v2=is_v2)) for folder, is_v2 in _find_groups("cpu"))
    return [ProcessorGroup(share, folder, is_v2) for folder, is_v2, share in groups if share]


def _room_in_groups() -> Iterator[int]:
    """Yield the bytes that each group with a limit has left; its file cache is given back when memory runs short."""
    for folder, is_v2 in _find_groups("memory"):
        names = ("memory.max", "memory.current") if is_v2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        limit, used = (_read_number(folder / name) for name in names)
        cache = "inactive_file" if is_v2 else "total_inactive_file"
        if limit is not None and used is not None and limit < _NO_LIMIT:
            yield max(0, limit - used + _read_field(folder / "memory.stat", cache))


def _read_share(folder: Path, *, is_v2: bool) -> float | None:
    """Return the processors that a group may use at a time; None without a limit."""
    if is_v2:
        words = _read(folder / "cpu.max").split()
        numbers = [int(word) if word.isdigit() else None for word in words]
        quota, period = numbers if len(numbers) == 2 else (None, None)
    else:
        quota, period = (_read_number(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
    return quota / period if quota and period else None


def _find_groups(controller: str) -> Iterator[tuple[Path, bool]]:
    """Yield the folders of the group of this process and of those around it, and whether they are of cgroup v2."""
    for line in _read(_PROC_FILE).splitlines():
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        is_v2 = number == "0" and not controllers
        if not is_v2 and controller not in controllers.split(","):
            continue
        inner = PurePosixPath(path.lstrip("/"))
        for mount in (_MOUNTS,) if is_v2 else (_MOUNTS / controller, _MOUNTS / controllers):
            for group in dict.fromkeys((inner, *inner.parents)):
                if (mount / group).is_dir() and ".." not in group.parts:
                    yield mount / group, is_v2


def _read_field(file: Path, name: str) -> int:
    """Return the number in the line of a file that begins with `name`; 0 without one."""
    fields = (line.split() for line in _read(file).splitlines())
    return next((int(words[1]) for words in fields if len(words) == 2 and words[0] == name and words[1].isdigit()), 0)


def _read_number(file: Path) -> int | None:
    """Return the number in a file of the system; None without one, also for "max" and for -1, which mean no limit."""
    text = _read(file).strip()
    return int(text) if text.isdigit() else None


def _read(file: Path) -> str:
    try:
        return file.read_text("ascii")
    except (OSError, ValueError):
        return ""
