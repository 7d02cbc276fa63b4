"""Time a training step for each way in which torch's OpenMP threads wait (`trainer_core/environment.py`).

    python -m benchmarks.thread_waiting [--steps 8] [--rounds 2]

For each way of waiting a child process times steps of the nano preset, first alone, then beside one process that keeps
a core busy. Prints the median seconds of a step. Measure on an idle machine: any other work disturbs it.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import time

from benchmarks.conditions import describe_conditions
from benchmarks.neighbors import busy_neighbors

WAYS = {
    "the library's own": {},
    "spin count 30000": {"GOMP_SPINCOUNT": "30000"},
    "spin count 1000": {"GOMP_SPINCOUNT": "1000"},
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
}
_SETTLING = 2


def main() -> None:
    """Measure every way, in turns."""
    arguments = _arguments()
    if arguments.child:
        print(_step_seconds(arguments.steps))
        return
    print(describe_conditions())
    alone: dict[str, list[float]] = {way: [] for way in WAYS}
    beside: dict[str, list[float]] = {way: [] for way in WAYS}
    for _ in range(arguments.rounds):
        for way in WAYS:
            alone[way].append(_measure(way, arguments.steps))
        with busy_neighbors(1):
            for way in WAYS:
                beside[way].append(_measure(way, arguments.steps))
    print(f"{'seconds a step':20}{'alone':>20}{'beside one process':>24}")
    for way in WAYS:
        print(f"{way:20}{_text(alone[way]):>20}{_text(beside[way]):>24}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _text(values: list[float]) -> str:
    return " ".join(f"{value:.2f}" for value in values)


def _measure(way: str, steps: int) -> float:
    inherited = {key: value for key, value in os.environ.items() if key not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    command = [sys.executable, "-m", "benchmarks.thread_waiting", "--child", "--steps", str(steps)]
    return float(subprocess.run(command, env={**inherited, **WAYS[way]}, check=True, stdout=subprocess.PIPE).stdout)


def _step_seconds(steps: int) -> float:
    from benchmarks.training_step import step_config, training_step

    step = training_step(step_config("nano"))
    times = []
    for _ in range(_SETTLING + steps):
        began = time.monotonic()
        step()
        times.append(time.monotonic() - began)
    return statistics.median(times[_SETTLING:])


if __name__ == "__main__":
    main()
