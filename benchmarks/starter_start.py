"""Compare a training that starts from the built-in model with one that starts from nothing: time to each gain in PSNR.

    python -m benchmarks.starter_start PHOTOS [--color] [--scale 4] [--preset nano] [--minutes 10] [-- OPTIONS]

PHOTOS has the folders `train` and `val`; the built-in model must not have been trained on those of `val`. The two
trainings run one after the other with the same settings. OPTIONS are passed to both, such as `--lr 2e-4`.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.conditions import describe_conditions
from trainer_core.sinks.journal import read_journal

_GAINS = (0.5, 0.8, 1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6, 1.8, 2.0)  # dB above bicubic enlargement


def main() -> None:
    """Train twice and print when each gain was reached."""
    words = sys.argv[1:]
    options = words[words.index("--") + 1 :] if "--" in words else []
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--color", action="store_true")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--preset", default="nano")
    parser.add_argument("--minutes", type=float, default=10.0)
    given = parser.parse_args(words[: len(words) - len(options) - bool(options)])
    settings = ["--no-monochrome-style" if given.color else "--monochrome-style", "--scale", str(given.scale)]
    settings += ["--preset", given.preset, "--max-minutes", str(given.minutes), *options]
    print(describe_conditions())
    curves = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, start in (("from nothing", []), ("built-in model", ["--init-weights", "starter"])):
            workspace = Path(folder) / name.replace(" ", "_")
            command = [sys.executable, "-m", "trainer_core", str(given.photos), str(workspace), *settings, *start]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            curves[name] = read_gains(workspace)
            for minutes, step, gain in curves[name]:
                print(f"{name}: step {step:>6}, {minutes:5.1f} min, {gain:+.3f} dB", flush=True)
    print_table(curves)


def read_gains(workspace: Path) -> list[tuple[float, int, float]]:
    """Return minutes since the start, step, and PSNR above bicubic enlargement of each validation."""
    records = read_journal(workspace / "journal.jsonl")
    start = next(record["time"] for record in records if record["event"] == "RunStarted")
    return [
        ((record["time"] - start) / 60, record["step"], record["psnr"] - record["bicubic_psnr"])
        for record in records
        if record["event"] == "Validated" and record["split"] == "val"
    ]


def print_table(curves: dict[str, list[tuple[float, int, float]]]) -> None:
    """Print the minutes to each gain."""
    print("| gain | " + " | ".join(curves) + " |\n| --- |" + " --- |" * len(curves))
    for wanted in _GAINS:
        times = [next((m for m, _, gain in curve if gain >= wanted), None) for curve in curves.values()]
        if any(time is not None for time in times):
            cells = ("not reached" if time is None else f"{time:.1f} min" for time in times)
            print(f"| {wanted:+.1f} dB | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
