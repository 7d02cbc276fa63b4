"""Measure the gain of keeping a step's freed memory for the next one (`trainer_core/environment.py`), with glibc.

    python -m benchmarks.kept_memory [--presets nano light] [--steps 20] [--rounds 3]

Child processes train with freed memory kept and, in turns, with glibc's own settings, in the first thread (as on the
command line) and in another (as in the window). Prints steps per second, page faults of a step, the largest memory, and
the ratio of the medians. Measure on an idle machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from typing import Any

from benchmarks.conditions import describe_conditions

WAYS = {"handed back": {"MALLOC_PERTURB_": "0"}, "kept": {}}  # a setting without effect, which keeps ours away
THREADS = ("first", "another")
_SETTLING = 4


def main() -> None:
    """Measure every way, in turns."""
    arguments = _arguments()
    if arguments.child:
        _train(arguments.presets[0], arguments.child, arguments.steps)
        return
    print(describe_conditions())
    for preset in arguments.presets:
        for thread in THREADS:
            found: dict[str, list[dict[str, float]]] = {way: [] for way in WAYS}
            for _ in range(arguments.rounds):
                for way in WAYS:
                    found[way].append(_measure(way, preset, thread, arguments.steps))
            _print_result(preset, thread, found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=["nano", "light"])
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", choices=THREADS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _print_result(preset: str, thread: str, found: dict[str, list[dict[str, float]]]) -> None:
    print(f"{preset}, {thread} thread")
    for way, runs in found.items():
        speeds = " ".join(f"{run['speed']:.2f}" for run in runs)
        faults, memory = (statistics.median(run[name] for run in runs) for name in ("faults", "memory"))
        print(f"  {way:12} {speeds} steps/s, {faults:.0f} faults a step, at most {memory:.0f} MB")
    before, after = (statistics.median(run["speed"] for run in runs) for runs in found.values())
    print(f"  ratio {after / before:.3f}", flush=True)


def _measure(way: str, preset: str, thread: str, steps: int) -> dict[str, float]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("MALLOC_", "GLIBC_"))}
    command = [
        sys.executable,
        "-m",
        "benchmarks.kept_memory",
        "--child",
        thread,
        "--presets",
        preset,
        "--steps",
        str(steps),
    ]
    done = subprocess.run(command, env={**inherited, **WAYS[way]}, check=True, stdout=subprocess.PIPE)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def _train(preset: str, thread: str, steps: int) -> None:
    from trainer_core import environment

    environment.configure_libraries()
    if thread == "first":
        _time_steps(preset, steps)
    else:
        other = threading.Thread(target=_time_steps, args=(preset, steps))
        other.start()
        other.join()


def _time_steps(preset: str, steps: int) -> None:
    import resource

    from benchmarks.training_step import step_config, training_step

    def usage() -> Any:
        return resource.getrusage(resource.RUSAGE_SELF)

    step = training_step(step_config(preset))
    for _ in range(_SETTLING):
        step()
    before, began = usage(), time.monotonic()
    for _ in range(steps):
        step()
    speed = steps / (time.monotonic() - began)
    faults = (usage().ru_minflt - before.ru_minflt) / steps
    print(json.dumps({"speed": speed, "faults": faults, "memory": usage().ru_maxrss / 1024}))


if __name__ == "__main__":
    main()
