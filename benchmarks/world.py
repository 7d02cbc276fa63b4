"""Compare one process with two on this machine: throughput, what the exchange of a step costs, and its bytes.

    python -m benchmarks.world [--presets light nano] [--turns 3] [--steps 4] [--threads N]

In each turn one process with all threads and two processes with half of them train the same micro-batches (two of half
the preset's batch a step) on random pixels, one after the other. The exchange of a step is timed alone, after a
barrier: the message, the vote, and the sum of gradients and loss terms. Its bytes are those of the buffer, and those
that the loopback interface counted.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psutil
import torch

from benchmarks.conditions import describe_conditions
from benchmarks.training_step import step_config
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.hardware import choose_hardware
from trainer_core.planning.plan import network_spec
from trainer_core.training.batches import Batch
from trainer_core.training.learner import Learner
from trainer_core.training.peers import begin_step
from trainer_core.training.process_group import read_world
from trainer_core.training.world import World

_WARM_UP = 2
_EXCHANGES = 20


def measure(preset: str, steps: int) -> dict[str, float]:
    """Train in the processes that the environment describes, and return the main process's figures."""
    world = read_world()
    world.join()
    config = step_config(preset)
    config = config.replace(batch_size=config.effective_batch // 2, grad_accum_steps=2)
    learner = Learner(config, RRDBNet(network_spec(config)), choose_hardware(config), world)
    side, batch = config.patch_size, config.effective_batch // 2
    pixels = Batch(torch.rand(batch, 3, side, side), torch.rand(batch, 3, *[side * config.scale] * 2))
    seconds = []
    for _ in range(_WARM_UP + steps if steps else 0):
        started = time.perf_counter()
        _tell(world, learner, batch)
        learner.update([pixels] * (2 // world.size), count=2, learning_rate=1e-4)
        seconds.append(time.perf_counter() - started)
    figures = {
        "step": statistics.median(seconds[_WARM_UP:] or [math.nan]),
        "parameters": float(network_spec(config).parameter_count()),
    }
    figures.update(_measure_exchange(world, learner, batch))
    world.end(0)
    return figures


def _tell(world: World, learner: Learner, batch: int) -> None:
    if world.rank == 0:
        begin_step(world, learner, first=0, size=batch, count=2, learning_rate=1e-4)
    elif world.size > 1:
        world.receive()


def _measure_exchange(world: World, learner: Learner, batch: int) -> dict[str, float]:
    """Time the exchange of a step without its computation."""
    tensors = [torch.zeros_like(parameter) for parameter in learner.network.parameters()]
    tensors += [torch.zeros(()) for _ in learner.read_latest().losses]
    seconds, sent = [], []
    for _ in range(_EXCHANGES):
        with world.together():
            pass
        before, started = _loopback_bytes(), time.perf_counter()
        _tell(world, learner, batch)
        with world.together():
            pass
        world.add_up(tensors)
        seconds.append(time.perf_counter() - started)
        sent.append(_loopback_bytes() - before)
    buffer = sum(tensor.numel() for tensor in tensors) * 4
    return {
        "exchange": statistics.median(seconds),
        "best": min(seconds),
        "sent": statistics.median(sent),
        "buffer": float(buffer),
    }


def _loopback_bytes() -> int:
    counters = psutil.net_io_counters(pernic=True).get("lo")
    return int(counters.bytes_sent) if counters else 0


def start(size: int, preset: str, steps: int, threads: int) -> dict[str, float]:
    """Measure in `size` new processes, each with its share of the threads."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for rank in range(size):
        variables = {**os.environ, "OMP_NUM_THREADS": str(max(1, threads // size))}
        if size > 1:
            facts = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": size, "LOCAL_WORLD_SIZE": size}
            variables.update({name: str(value) for name, value in facts.items()})
            variables.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=port)
        command = [sys.executable, "-m", "benchmarks.world", "--measure", preset, "--steps", str(steps)]
        root = Path(__file__).parents[1]
        processes.append(subprocess.Popen(command, env=variables, cwd=root, stdout=subprocess.PIPE, text=True))
    outputs = [process.communicate()[0] for process in processes]
    figures: dict[str, float] = json.loads(outputs[0])
    return figures


def main() -> None:
    """Print one table row for each preset."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--presets", nargs="+", default=["light", "nano"])
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument(
        "--steps", type=int, default=4, help="timed steps of a turn, after two others; 0: only the exchange"
    )
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="shared by the processes of a turn")
    parser.add_argument("--measure", metavar="PRESET", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        print(json.dumps(measure(arguments.measure, arguments.steps)))
        return
    threads = arguments.threads
    print(f"{describe_conditions()}; {threads} threads in a turn, at least one for each process\n")
    titles = [
        "Preset",
        "1 process, s a step",
        "2 processes, s a step",
        "Ratio of the turns",
        "Exchange: median, best, ms",
    ]
    titles += ["Share of the step", "Buffer, MB", "Loopback, MB a step"]
    print(f"| {' | '.join(titles)} |\n{'| --- ' * len(titles)}|", flush=True)
    for preset in arguments.presets:
        turns = [[start(size, preset, arguments.steps, threads) for size in (1, 2)] for _ in range(arguments.turns)]
        one, two = ([turn[which]["step"] for turn in turns] for which in (0, 1))
        ratios = ", ".join(f"{a / b:.2f}" for a, b in zip(one, two))
        exchange = statistics.median(turn[1]["exchange"] for turn in turns)
        best = min(turn[1]["best"] for turn in turns)
        buffer, sent = turns[0][1]["buffer"], min(turn[1]["sent"] for turn in turns)
        cells = [preset, f"{statistics.median(one):.3f}", f"{statistics.median(two):.3f}", ratios]
        cells += [f"{1000 * exchange:.1f}, {1000 * best:.1f}", f"{100 * exchange / statistics.median(two):.1f} %"]
        cells += [f"{buffer / 1e6:.2f}", f"{sent / 1e6:.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"\nload {os.getloadavg()[0]:.1f} at the end; a ratio above 1 means that two processes are faster")


if __name__ == "__main__":
    main()
