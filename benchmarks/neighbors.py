"""Processes that keep the processors busy beside what a benchmark measures."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

# They end with the benchmark, also if it is killed.
_CODE = "import os\nparent = os.getppid()\nwhile os.getppid() == parent:\n    sum(range(10**5))"


@contextlib.contextmanager
def busy_neighbors(number: int) -> Iterator[None]:
    """Keep `number` processors busy in the `with` block."""
    processes = [subprocess.Popen([sys.executable, "-c", _CODE]) for _ in range(number)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()
