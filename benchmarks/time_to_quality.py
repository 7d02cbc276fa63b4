"""Measure the gain over bicubic enlargement that trainings of the same time reach, with different settings.

    python -m benchmarks.time_to_quality PHOTOS --out DIR [--minutes 1 2 5 10] [--seeds 1 2 3]
        [--ways "nano=--preset nano" "light=--preset light"] [--scale 4] [--color]

PHOTOS has the folders `train` and `val`. Every run is one of the command line with `--max-minutes`, its own schedule
and its own workspace in DIR; runs that are complete there are not repeated, so the script can be stopped and started
again. A way of several runs shares the minutes among them; each starts from the best model of the one before, which is
widened and deepened without a change of output where the options ask for a larger network:
"growing=--preset nano then --preset light --num-feat 64 --num-block 6 --num-grow-ch 32". The ways take turns, so that a
machine that becomes slower disturbs all of them alike. The table holds the mean gain of the best model on the
validation frames, in dB, and the range of the seeds. Run it on an idle machine.
"""

from __future__ import annotations

import argparse
import shlex
import subprocess
import sys
from pathlib import Path
from statistics import mean

from benchmarks.conditions import describe_conditions
from trainer_core.sinks.journal import read_journal
from trainer_core.workspace.layout import Workspace
from trainer_core.workspace.models import model_of

_WAYS = ("nano=--preset nano", "light=--preset light")


def main() -> None:
    """Train, and print the table after every round."""
    arguments = _arguments()
    ways = dict(way.split("=", 1) for way in arguments.ways)
    print(describe_conditions())
    for minutes in arguments.minutes:
        for seed in arguments.seeds:
            for name, options in ways.items():
                _train(arguments, name, options, minutes, seed)
        _print_table(arguments, list(ways))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 2, 5, 10])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--ways", nargs="+", default=_WAYS, metavar="NAME=OPTIONS", help="options of the command line")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--color", action="store_true")
    return parser.parse_args()


def _workspace(arguments: argparse.Namespace, name: str, minutes: float, seed: int) -> Path:
    return Path(arguments.out / f"{name}_{minutes:g}min_{seed}")


def _train(arguments: argparse.Namespace, name: str, options: str, minutes: float, seed: int) -> None:
    """Train a way's runs one after the other; the workspace of the last one has the way's name."""
    last, stages = _workspace(arguments, name, minutes, seed), options.split(" then ")
    workspaces = [last.with_name(f"{last.name}_stage{number}") for number in range(1, len(stages))] + [last]
    start: list[str] = []
    for workspace, stage in zip(workspaces, stages):
        _run(arguments, workspace, [*shlex.split(stage), *start], minutes / len(stages), seed)
        start = ["--init-weights", str(model_of(Workspace(workspace)))]


def _run(arguments: argparse.Namespace, workspace: Path, options: list[str], minutes: float, seed: int) -> None:
    if _read_result(workspace) is not None:
        return
    style = "--no-monochrome-style" if arguments.color else "--monochrome-style"
    command = [sys.executable, "-m", "trainer_core", str(arguments.photos), str(workspace), style]
    command += ["--scale", str(arguments.scale), "--max-minutes", str(minutes), "--seed", str(seed)]
    command += ["--no-tensorboard", "--priority", "normal", *options]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open(arguments.out / f"{workspace.name}.log", "wb") as log:
        subprocess.run(command, stdout=log, stderr=log, check=True)
    gain, steps = _read_result(workspace) or (float("nan"), 0)
    print(f"{workspace.name}: {gain:+.3f} dB, {steps} steps", flush=True)


def _read_result(workspace: Path) -> tuple[float, int] | None:
    """Return the gain of the best model (dB) and the steps of a complete run; None of any other."""
    records = read_journal(workspace / "journal.jsonl")
    if not any(record["event"] == "RunFinished" and record["outcome"] == "completed" for record in records):
        return None
    gains = [r["psnr"] - r["bicubic_psnr"] for r in records if r["event"] == "Validated" and r["split"] == "val"]
    return max(gains), max(record["step"] for record in records if record["event"] == "Validated")


def _print_table(arguments: argparse.Namespace, names: list[str]) -> None:
    print(f"\n| minutes | {' | '.join(names)} |")
    print("| --- |" + " --- |" * len(names))
    for minutes in arguments.minutes:
        cells = []
        for name in names:
            found = [_read_result(_workspace(arguments, name, minutes, seed)) for seed in arguments.seeds]
            gains = [result[0] for result in found if result is not None]
            spread = f" ({min(gains):+.2f} to {max(gains):+.2f})" if len(gains) > 1 else ""
            cells.append(f"{mean(gains):+.2f}{spread}" if gains else "-")
        print(f"| {minutes:g} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
