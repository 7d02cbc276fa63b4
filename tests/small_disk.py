"""Real disks of a few kilobytes, for tests of what happens when they are full."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(folder: Path, kilobytes: int, *, inodes: int = 0) -> Iterator[Path]:
    """Mount a disk of `kilobytes` at `folder`; skip the test where the system does not allow it."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("mounting a small disk needs Linux and root")
    folder.mkdir(parents=True, exist_ok=True)
    options = f"size={kilobytes}k" + (f",nr_inodes={inodes}" if inodes else "")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True
    )
    if mounted.returncode:
        pytest.skip(f"this system does not mount a small disk: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        if os.path.ismount(folder):  # the test may have taken it away
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def second_name(folder: Path, name: Path) -> Iterator[None]:
    """Show `folder` as `name` too, as a file system does that ignores the case of letters; skip where it cannot."""
    if os.geteuid() != 0:
        pytest.skip("mounting a folder needs root")
    name.mkdir()
    mounted = subprocess.run(["mount", "--bind", str(folder), str(name)], capture_output=True, text=True)
    if mounted.returncode:
        pytest.skip(f"this system does not mount a folder: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(name)], check=True)


def fill(folder: Path, *, leave_kilobytes: int) -> Path:
    """Fill the disk of `folder` up to `leave_kilobytes` with one file, and return that file."""
    filler = folder / ".filler"
    filler.unlink(missing_ok=True)
    status = os.statvfs(folder)
    with open(filler, "wb") as file:
        file.write(b"0" * max(0, status.f_bavail * status.f_frsize - leave_kilobytes * 1024))
    return filler
