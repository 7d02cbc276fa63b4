"""Measure training beside other programs: steps a second with a fixed and with the chosen number of threads.

    python -m benchmarks.busy [--preset nano] [--competitors 0 1 2] [--seconds 30] [--settle 20] [--rounds 3]

Competitors are processes of the same priority that keep a processor busy. For each number of them, in turns: all
threads, one thread, one thread more than processors, and the number that `trainer_core/thread_choice.py` chooses. Each
turn begins with steps that are not counted, in which the choice settles. The fair share of training is what a scheduler
would give it that halves a processor for each competitor: with one on two processors, three quarters of the idle speed.
Goals: 0.85 of the fair share, and 0.99 of all threads on an idle machine. Run it on an idle machine: it warns if other
programs were busy.
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable

from benchmarks.conditions import describe_conditions
from benchmarks.neighbors import busy_neighbors
from trainer_core import environment
from trainer_core.machine import count_processors
from trainer_core.settings.presets import PRESETS
from trainer_core.thread_choice import ProcessorUse, TorchThreads

_GOAL = 0.85


def main() -> None:
    """Measure every way beside every number of competitors, in turns, and print the medians."""
    arguments = _arguments()
    os.environ.pop("OMP_NUM_THREADS", None)
    environment.configure_libraries()  # before torch is imported, as in the program
    import torch

    from benchmarks.training_step import step_config, training_step

    full = min(torch.get_num_threads(), count_processors())
    ways: dict[str, int | None] = {f"{full} threads": full, "1 thread": 1, f"{full + 1} threads": full + 1}
    ways["chosen"] = None
    step = training_step(step_config(arguments.preset))
    _warn_if_busy()
    speeds: dict[int, dict[str, list[float]]] = {n: {way: [] for way in ways} for n in arguments.competitors}
    chosen: dict[int, list[int]] = {n: [] for n in arguments.competitors}
    for number in range(arguments.rounds):
        for competitors in arguments.competitors:
            with busy_neighbors(competitors):
                for way, fixed in list(ways.items())[:: 1 if number % 2 == 0 else -1]:
                    speed, count = _measure(step, fixed, arguments.settle, arguments.seconds)
                    speeds[competitors][way].append(speed)
                    if fixed is None:
                        chosen[competitors].append(count)
    _print(arguments, full, speeds, chosen)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--preset", default="nano", choices=tuple(PRESETS))
    parser.add_argument("--competitors", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--seconds", type=float, default=30.0, help="of each turn, after it has settled")
    parser.add_argument("--settle", type=float, default=20.0)
    parser.add_argument("--rounds", type=int, default=3)
    return parser.parse_args()


def _warn_if_busy() -> None:
    use = ProcessorUse()
    time.sleep(3)
    others = use.read()
    print(f"{describe_conditions()}; other programs use {others:.2f} processors")
    if others > 0.1:
        print("The machine is not idle: the figures say little.")


def _measure(step: Callable[[], object], fixed: int | None, settle: float, seconds: float) -> tuple[float, int]:
    """Return steps a second, and the number of threads at the end."""
    with TorchThreads(fixed) as threads:
        _do_steps(step, threads, settle)
        count, duration = _do_steps(step, threads, seconds)
        return count / duration, threads.count


def _do_steps(step: Callable[[], object], threads: TorchThreads, seconds: float) -> tuple[int, float]:
    count, started = 0, time.monotonic()
    now = started
    while now - started < seconds or not count:
        before = now
        step()
        now = time.monotonic()
        threads.add_step(now - before)
        count += 1
    return count, now - started


def _print(
    arguments: argparse.Namespace, full: int, speeds: dict[int, dict[str, list[float]]], chosen: dict[int, list[int]]
) -> None:
    medians = {n: {way: statistics.median(values) for way, values in of.items()} for n, of in speeds.items()}
    all_threads = f"{full} threads"
    print(
        f"{arguments.preset}, {full} processors, {arguments.rounds} rounds of {arguments.seconds:.0f} s; steps a second"
    )
    ways = list(next(iter(medians.values())))
    print("| competitors | " + " | ".join(ways) + " | threads chosen | fair share | chosen / fair share |")
    print("| --- " * (len(ways) + 4) + "|")
    idle = medians.get(0, {}).get(all_threads)
    for number, of in medians.items():
        share = (full - min(number, full) / 2) / full
        fair = idle * share if idle else None
        row = [str(number), *(f"{of[way]:.2f}" for way in ways), " ".join(map(str, chosen[number]))]
        row += [f"{fair:.2f}", f"{of['chosen'] / fair:.2f}"] if fair else ["?", "?"]
        print("| " + " | ".join(row) + " |")
    if 0 in speeds:
        pairs = zip(speeds[0]["chosen"], speeds[0][all_threads])
        ratio = statistics.median(ours / fixed for ours, fixed in pairs)
        print(f"idle: chosen / all threads {ratio:.3f} (goal 0.99); goal beside competitors {_GOAL}")


if __name__ == "__main__":
    main()
