"""Measure how soon the command line answers: `--help`, and the first step of a training on a small folder.

    python -m benchmarks.start_up [--presets nano light full] [--turns 3]

Goals: 0.3 s for `--help`, 5 s from the start of the process to the end of the first step. The folder has twenty photos
of 0.5 megapixels. Medians of the turns; run it on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.conditions import describe_conditions
from benchmarks.data import make_photos

_PROGRAM = [sys.executable, "-m", "trainer_core"]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=["nano", "light", "full"])
    parser.add_argument("--turns", type=int, default=3)
    arguments = parser.parse_args()
    print(describe_conditions())
    times = [measure_help() for _ in range(3 * arguments.turns)]
    print(f"--help: {statistics.median(times):.2f} s")
    with tempfile.TemporaryDirectory() as folder:
        photos = make_photos(Path(folder) / "photos", 20, 0.5)
        for preset in arguments.presets:
            found = [measure_first_step(photos, Path(folder) / f"{preset}{n}", preset) for n in range(arguments.turns)]
            ready, ended = (statistics.median(each) for each in zip(*found))
            print(f"{preset}: first step begins after {ready:.2f} s and ends after {ended:.2f} s", flush=True)


def measure_help() -> float:
    """Return the seconds that `--help` takes."""
    started = time.perf_counter()
    subprocess.run([*_PROGRAM, "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def measure_first_step(photos: Path, workspace: Path, preset: str) -> tuple[float, float]:
    """Return the seconds to the event before the first step, and to that of the first step."""
    command = [*_PROGRAM, str(photos), str(workspace), "--preset", preset, "--steps", "2", "--events", "jsonl"]
    started = ready = time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if json.loads(line)["event"] == "StepDone":
                ended = time.perf_counter()
                process.terminate()
                return ready - started, ended - started
            ready = time.perf_counter()
    raise RuntimeError(f"the training of {preset} ended without a step")


if __name__ == "__main__":
    main()
