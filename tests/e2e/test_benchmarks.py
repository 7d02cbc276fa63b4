"""The benchmarks of the window still drive the window."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("PySide6")

ROOT = Path(__file__).parents[2]


@pytest.mark.long
@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs xvfb-run")
def test_the_window_trains_in_the_benchmark_of_its_speed() -> None:
    command = [sys.executable, "-m", "benchmarks.window_latency", "--only", "headless"]
    command += ["--turns", "2", "--seconds", "10"]  # a slow machine makes a few steps in one
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert "standard error" in done.stdout
