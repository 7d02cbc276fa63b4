"""The conditions of a measurement, which every script prints above its figures."""

from __future__ import annotations

import os
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from trainer_core.machine import count_processors, name_processor

_BF16 = {"avx512_bf16", "amx_bf16", "bf16"}
_ROOT = Path(__file__).resolve().parents[1]


def describe_conditions() -> str:
    """Return processor, load, version of torch, date and commit in one line."""
    load = f"load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "load unknown"
    processors = f"{name_processor()}, {count_processors()} processors, {_describe_units()}"
    return f"{processors}, {load}, torch {version('torch')}, {time.strftime('%Y-%m-%d')}, {_describe_commit()}"


def _describe_units() -> str:
    """Return which instructions for bf16 the processor has, as far as Linux says."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text("utf-8").split())
    except OSError:
        return "instructions unknown"
    return " and ".join(sorted(flags & _BF16)) or "no bf16 instructions"


def _describe_commit() -> str:
    """Return the commit that is measured, and whether files differ from it."""
    try:
        commit, changes = (_git("rev-parse", "--short", "HEAD"), _git("status", "--porcelain", "--untracked-files=no"))
    except (OSError, subprocess.CalledProcessError):
        return "no commit"
    return f"commit {commit} with changes" if changes else f"commit {commit}"


def _git(*words: str) -> str:
    command = ["git", "-C", str(_ROOT), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
