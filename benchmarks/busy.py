"""Measure training beside other programs: steps a second with fixed and with chosen numbers of threads and processes.

    python -m benchmarks.busy [--preset nano] [--competitors 0 1 2] [--seconds 30] [--settle 15] [--rounds 2]
        [--priority normal]

Each turn is a training by `python -m trainer_core` on photos that this script makes, without checks and saves on the
way, timed by its own events; the steps until it has settled do not count. Competitors are processes that keep a
processor busy, of the same priority unless `--priority low` lets training yield to them, as it does by default. For
each number of them, in turns: all threads, one thread, the number of threads that `trainer_core/thread_choice.py`
chooses, one process for each processor, and what the program does by itself (`--processes auto`), which settles after
a minute more where there are competitors.

The fair share of training is what a scheduler would give it that halves a processor for each competitor: with one on
two processors, three quarters of the idle speed. Goals: 0.85 of the fair share, and 0.99 of all threads on an idle
machine. Run it on an idle machine: it warns if other programs were busy.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.conditions import describe_conditions
from benchmarks.data import make_photos
from benchmarks.neighbors import busy_neighbors
from trainer_core.machine import count_processors
from trainer_core.priority import LEVELS
from trainer_core.settings.presets import PRESETS
from trainer_core.thread_choice import ProcessorUse

_ROOT = Path(__file__).parents[1]
_GOAL = 0.85
_AUTO_SETTLE = 75.0  # seconds more: other programs must be busy for a minute, then a process starts
_NO_TASKS = ("--val-interval", "1000000", "--checkpoint-interval", "1000000", "--image-log-interval", "1000000")


class Way(NamedTuple):
    """How a training shares its work out: its options, and whether it settles late."""

    options: tuple[str, ...]
    settles_late: bool = False


def main() -> None:
    """Measure every way beside every number of competitors, in turns, and print the medians."""
    arguments = _arguments()
    full = count_processors()
    ways = {
        f"{full} threads": Way(("--processes", "1", "--threads", str(full))),
        "1 thread": Way(("--processes", "1", "--threads", "1")),
        "threads chosen": Way(("--processes", "1")),
        f"{full} processes": Way(("--processes", str(full))),
        "auto": Way((), settles_late=True),
    }
    _warn_if_busy()
    speeds: dict[int, dict[str, list[float]]] = {n: {way: [] for way in ways} for n in arguments.competitors}
    with tempfile.TemporaryDirectory() as folder:
        photos = make_photos(Path(folder) / "photos", 8, 0.4)
        for number in range(arguments.rounds):
            for competitors in arguments.competitors:
                for name, way in list(ways.items())[:: 1 if number % 2 == 0 else -1]:
                    late = _AUTO_SETTLE if way.settles_late and competitors else 0.0
                    workspace = Path(folder) / f"{number}-{competitors}-{name}"
                    command = [str(photos), str(workspace), "--preset", arguments.preset, *way.options]
                    command += ["--priority", arguments.priority]
                    with busy_neighbors(competitors):
                        speed = _measure(command, arguments.settle + late, arguments.seconds)
                    speeds[competitors][name].append(speed)
                    print(f"{competitors} competitors, {name}: {speed:.2f} steps a second", file=sys.stderr)
    _print(arguments, full, speeds)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="nano", choices=tuple(PRESETS))
    parser.add_argument("--competitors", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each turn, after it has settled")
    parser.add_argument("--settle", type=float, default=15.0)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--priority", choices=LEVELS, default="normal", help="of the training")
    return parser.parse_args()


def _warn_if_busy() -> None:
    use = ProcessorUse()
    time.sleep(3)
    others = use.read()
    print(f"{describe_conditions()}; other programs use {others:.2f} processors")
    if others > 0.1:
        print("The machine is not idle: the figures say little.")


def _measure(arguments: list[str], settle: float, seconds: float) -> float:
    """Return the steps a second of a training, from `settle` seconds after its first step."""
    command = [sys.executable, "-m", "trainer_core", *arguments, *_NO_TASKS, "--events", "jsonl", "--no-tensorboard"]
    command += ["--monochrome-style", "--steps", "1000000"]
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    training = subprocess.Popen(
        command, cwd=_ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert training.stdout is not None, "it is a pipe"
    first = 0.0  # time of the first step
    begin = end = (0.0, 0)  # time and number of a step
    try:
        for line in training.stdout:
            now = time.monotonic()
            event = json.loads(line)
            if event["event"] != "StepDone":
                continue
            first = first or now
            if now - first < settle:
                begin = now, event["step"]
            end = now, event["step"]
            if now - first > settle + seconds:
                break
    finally:
        training.send_signal(signal.SIGINT)
        training.stdout.read()
        training.wait()
    return (end[1] - begin[1]) / (end[0] - begin[0])


def _print(arguments: argparse.Namespace, full: int, speeds: dict[int, dict[str, list[float]]]) -> None:
    medians = {n: {way: statistics.median(values) for way, values in of.items()} for n, of in speeds.items()}
    all_threads = f"{full} threads"
    print(
        f"{arguments.preset}, {full} processors, {arguments.rounds} rounds of {arguments.seconds:.0f} s; steps a second"
    )
    ways = list(next(iter(medians.values())))
    shared = [way for way in ways if way not in (all_threads, "1 thread")]
    print("| competitors | " + " | ".join(ways) + " | fair share | " + " | ".join(f"{w} / fair" for w in shared) + " |")
    print("| --- " * (len(ways) + len(shared) + 2) + "|")
    idle = medians.get(0, {}).get(all_threads)
    for number, of in medians.items():
        fair = idle * (full - min(number, full) / 2) / full if idle else None
        row = [str(number), *(f"{of[way]:.2f}" for way in ways)]
        row += [f"{fair:.2f}", *(f"{of[way] / fair:.2f}" for way in shared)] if fair else ["?"] * (len(shared) + 1)
        print("| " + " | ".join(row) + " |")
    print(f"goals: {_GOAL} of the fair share beside competitors, 0.99 on an idle machine")


if __name__ == "__main__":
    main()
