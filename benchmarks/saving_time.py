"""Time how long a save of the full network interrupts training (`trainer_core/training/saver.py`).

    python -m benchmarks.saving_time [--against FOLDER] [--saves 3] [--rounds 2]

A child process makes one step of the full preset, so that its OpenMP threads exist, and then times saves of the 268 MB
checkpoint with both models: how long the thread that trains prepares them, how long another thread then writes and
verifies them, and one read of the checkpoint for a resume; first alone, then beside two processes that keep a core busy
each. `--against` names another checkout of this project, whose code is timed in turns with this one's. Prints every
figure, its processor time, the medians, their ratio and the load of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainer_core.training.saver import Write

_ROOT = Path(__file__).resolve().parent.parent
_NEIGHBORS = {"alone": 0, "beside two busy processes": 2}
_STAGES = ("prepare", "write", "read")
_FIGURES = tuple(f"{stage}{unit}" for stage in _STAGES for unit in ("", ", processor"))


def main() -> None:
    """Measure every checkout, in turns."""
    arguments = _arguments()
    if arguments.child:
        print(json.dumps(_time_saves(arguments.saves)))
        return
    from benchmarks.conditions import describe_conditions  # the child has the path of another checkout
    from benchmarks.neighbors import busy_neighbors

    roots = [*(Path(folder).resolve() for folder in arguments.against), _ROOT]
    for name, count in _NEIGHBORS.items():
        found: dict[Path, list[dict[str, float]]] = {root: [] for root in roots}
        print(f"{name}; {describe_conditions()}")
        with busy_neighbors(count):
            for _ in range(arguments.rounds):
                for root in roots:
                    found[root] += _measure(root, arguments.saves)
        _print_results(found)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--against", nargs="*", default=[], metavar="FOLDER")
    parser.add_argument("--saves", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def _print_results(found: dict[Path, list[dict[str, float]]]) -> None:
    medians = []
    for root, times in found.items():
        print(f"  {root}")
        medians.append({name: statistics.median(part[name] for part in times) for name in _FIGURES})
        for name in _FIGURES:
            values = " ".join(f"{part[name]:.2f}" for part in times)
            print(f"    {name:16} {values} s, median {medians[-1][name]:.2f} s")
    if len(medians) > 1:
        ratios = (f"{name} {medians[0][name] / medians[-1][name]:.1f}" for name in _FIGURES)
        print(f"  times as fast: {', '.join(ratios)}", flush=True)


def _measure(root: Path, saves: int) -> list[dict[str, float]]:
    inherited = {key: value for key, value in os.environ.items() if not key.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, str(Path(__file__).resolve()), "--child", "--saves", str(saves)]
    done = subprocess.run(
        command, env={**inherited, "PYTHONPATH": str(root)}, cwd=root, check=True, stdout=subprocess.PIPE
    )
    found: list[dict[str, float]] = json.loads(done.stdout)
    return found


def _time_saves(saves: int) -> list[dict[str, float]]:
    from trainer_core.environment import configure_libraries

    configure_libraries()

    from trainer_core.training.checkpoint import load_checkpoint

    result = []
    with tempfile.TemporaryDirectory() as folder:
        prepare = _make_prepare(Path(folder))
        for number in range(1 + saves):
            clocks = [_read_clocks()]
            write = prepare(number)
            clocks.append(_read_clocks())
            saved = write()
            clocks.append(_read_clocks())
            assert saved is not None
            load_checkpoint(Path(saved.path))
            clocks.append(_read_clocks())
            spans = [end - start for one, two in zip(clocks, clocks[1:]) for start, end in zip(one, two)]
            result.append(dict(zip(_FIGURES, spans)))
    return result[1:]  # the first save allocates the memory


def _read_clocks() -> tuple[float, float]:
    return time.monotonic(), time.process_time()


def _make_prepare(folder: Path) -> Callable[[int], Write]:
    import torch

    from trainer_core.model.rrdb import RRDBNet
    from trainer_core.planning.hardware import choose_hardware
    from trainer_core.planning.plan import network_spec
    from trainer_core.settings.config import TrainerConfig
    from trainer_core.settings.presets import PRESETS
    from trainer_core.training.batches import Batch
    from trainer_core.training.checkpoint import TrainingState, collect_versions
    from trainer_core.training.learner import Learner
    from trainer_core.training.saver import CheckpointSaver
    from trainer_core.workspace.layout import Workspace

    config = TrainerConfig(preset="full", device="cpu", **PRESETS["full"])
    spec = network_spec(config)
    learner = Learner(config, RRDBNet(spec), choose_hardware(config))
    saver = CheckpointSaver(Workspace(folder), config, spec, None)
    pixels = Batch(torch.rand(1, 3, 16, 16), torch.rand(1, 3, 64, 64))
    learner.update([pixels], count=1, learning_rate=1e-4)

    def prepare(step: int) -> Write:
        state = TrainingState(
            **learner.state(),
            step=step,
            samples=step,
            run_id="",
            workspace_id="",
            spec=spec.as_dict(),
            config={},
            photos=[],
            versions=collect_versions("cpu"),
        )
        return saver.prepare_step(state, final=False)

    return prepare


if __name__ == "__main__":
    main()
