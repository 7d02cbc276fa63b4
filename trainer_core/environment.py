"""Standard streams and library settings that must be right before torch is imported; every program calls this first."""

from __future__ import annotations

import ctypes
import logging
import os
import sys
import warnings

# What libraries write by themselves beyond Python's warnings and logging: torch's and TensorFlow's native code.
_QUIET_VARIABLES = {"TORCH_CPP_LOG_LEVEL": "ERROR", "TF_CPP_MIN_LOG_LEVEL": "3"}

# Loggers of torch that print by a handler of its own: without a GPU, its compiler warns that it finds no CUDA runtime.
_CHATTY_LOGGERS = ("torch.utils.cpp_extension",)

# torch's OpenMP threads spin while they wait for each other. The default spins so long that one other busy process
# makes every step several times slower. Measured on 2 cores, nano step: idle 0.44 s either way (passive waiting
# 0.5 s); with other jobs running 4.0 and 5.5 s by default, 0.5 and 2.5 s at a count of 1000. The figures are noisy.
_SPIN_COUNT = "30000"

# glibc's mallopt(3): by default it returns a step's tensors to the system and gets new pages for the next step, which
# the system must clear first. It is worst outside the main thread (the window trains there), where heaps are small.
_MALLOPT_OPTIONS = (
    (-1, -1),  # M_TRIM_THRESHOLD: never return memory automatically
    (-4, 0),  # M_MMAP_MAX: allocate large blocks from the heap, too
    (-8, 1),  # M_ARENA_MAX: all threads share the first heap, the only one that grows without limit
)


def find_lost_folder() -> str | None:
    """Return a sentence if the current folder was deleted, in which neither paths nor PyTorch's libraries are found."""
    try:
        os.getcwd()
    except OSError:
        return "The current folder no longer exists. Change to another folder, then run the command again."
    return None


def configure_libraries() -> None:
    """Make OpenMP threads spin less, keep freed memory in the process, and silence the messages of libraries.

    Each of these only if the environment does not configure it (for warnings: PYTHONWARNINGS, or Python's -W).
    """
    _silence_libraries()
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _SPIN_COUNT)
    if not any(name.startswith("MALLOC_") or name == "GLIBC_TUNABLES" for name in os.environ):
        for parameter, value in _MALLOPT_OPTIONS:
            _call_glibc("mallopt", parameter, value)


def _silence_libraries() -> None:
    """Ignore the warnings of libraries: they concern programmers, and this program reports what concerns users."""
    if not sys.warnoptions:
        warnings.simplefilter("ignore")
        logging.getLogger().addHandler(logging.NullHandler())  # else Python prints what no handler takes
        for name in _CHATTY_LOGGERS:
            logging.getLogger(name).setLevel(logging.ERROR)
    for name, value in _QUIET_VARIABLES.items():
        os.environ.setdefault(name, value)


def replace_missing_streams() -> None:
    """Open the null device for standard streams that are closed or, as with pythonw, do not exist.

    Otherwise the next file that is opened gets the number of the closed stream, and what libraries or a signal handler
    write to standard error lands in that file.
    """
    if os.name == "posix":
        descriptor = os.open(os.devnull, os.O_RDWR)  # the lowest free number
        while descriptor <= 2:
            descriptor = os.open(os.devnull, os.O_RDWR)
        os.close(descriptor)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 open to the end


def release_memory() -> None:
    """Return freed memory to the system after a run, when the process continues."""
    _call_glibc("malloc_trim", 0)


def _call_glibc(name: str, *numbers: int) -> None:
    """Call a function of glibc; does nothing without glibc."""
    function = getattr(ctypes.CDLL(None), name, None) if sys.platform.startswith("linux") else None
    if function is not None:
        function(*numbers)
