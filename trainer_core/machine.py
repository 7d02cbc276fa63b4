"""What the machine gives this process: free memory and processors, within the limits of its container.

On Linux a container or a service is limited by control groups (cgroups), of which the system's own figures know
nothing. A limit holds for a group and for all groups in it, so the smallest one on the way to the root counts; where
the group itself is not visible, as in a container with cgroup v1, the root is the container's.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import psutil

_PROC_FILE = Path("/proc/self/cgroup")
_MOUNTS = Path("/sys/fs/cgroup")
_NO_LIMIT = 1 << 60  # bytes; cgroup v1 states a number near 2^63 without a limit


def available_memory() -> int:
    """Return the bytes of main memory that this process can still use."""
    return min([int(psutil.virtual_memory().available), *_room_in_groups()])


def count_processors() -> int:
    """Return how many processors this process can keep busy: those it may run on, or the share of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    usable = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min([usable, *(math.ceil(share) for share in _processor_shares())]))


def _room_in_groups() -> Iterator[int]:
    """Yield the bytes that each group with a limit has left; its file cache is given back when memory runs short."""
    for folder, is_v2 in _find_groups("memory"):
        names = ("memory.max", "memory.current") if is_v2 else ("memory.limit_in_bytes", "memory.usage_in_bytes")
        limit, used = (_read_number(folder / name) for name in names)
        if limit is not None and used is not None and limit < _NO_LIMIT:
            yield max(0, limit - used + _read_cache(folder, "inactive_file" if is_v2 else "total_inactive_file"))


def _processor_shares() -> Iterator[float]:
    """Yield the processors that each group with a limit may use at a time."""
    for folder, is_v2 in _find_groups("cpu"):
        if is_v2:
            words = _read(folder / "cpu.max").split()
            numbers = [int(word) if word.isdigit() else None for word in words]
            quota, period = numbers if len(numbers) == 2 else (None, None)
        else:
            quota, period = (_read_number(folder / f"cpu.cfs_{name}_us") for name in ("quota", "period"))
        if quota and period:
            yield quota / period


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


def _read_cache(folder: Path, name: str) -> int:
    fields = (line.split() for line in _read(folder / "memory.stat").splitlines())
    return next((int(words[1]) for words in fields if words[:1] == [name] and words[1:][0].isdigit()), 0)


def _read_number(file: Path) -> int | None:
    """Return the number in a file of the system; None without one, also for "max" and for -1, which mean no limit."""
    text = _read(file).strip()
    return int(text) if text.isdigit() else None


def _read(file: Path) -> str:
    try:
        return file.read_text("ascii")
    except (OSError, ValueError):
        return ""
