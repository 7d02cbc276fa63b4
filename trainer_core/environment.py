"""Settings of libraries that must be made before torch is imported. Called first by the trainer and the window."""

from __future__ import annotations

import ctypes
import os
import sys

# torch's OpenMP threads wait for each other by spinning, by default so long that one busy neighbor
# makes every step several times slower. Seen on 2 cores, nano step: idle 0.44 s either way (passive waiting 0.5 s);
# beside other jobs 4.0 and 5.5 s by default, 0.5 and 2.5 s at a count of 1000. Noisy figures.
_SPIN_COUNT = "30000"

# glibc's mallopt(3): by default it hands a step's tensors back to the system and gets them again as new pages, which
# the system must clear first. Worst in a thread that is not the first, as in the window: there it has small heaps.
_MALLOPT_OPTIONS = (
    (-1, -1),  # M_TRIM_THRESHOLD: hand nothing back by itself
    (-4, 0),  # M_MMAP_MAX: large blocks come from the heap, too
    (-8, 1),  # M_ARENA_MAX: all threads share the first heap, the only one that grows without limit
)


def configure_libraries() -> None:
    """Tame the waiting of OpenMP threads and keep freed memory, unless the user has settings of their own."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
    if not any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        for parameter, value in _MALLOPT_OPTIONS:
            _call_glibc("mallopt", parameter, value)


def release_memory() -> None:
    """Hand back what is kept: a training is over, and the process goes on without one."""
    _call_glibc("malloc_trim", 0)


def _call_glibc(name: str, *numbers: int) -> None:
    """Call a function of glibc; without effect elsewhere."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
    if function is not None:
        function(*numbers)
