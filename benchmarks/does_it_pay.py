"""Compare training on a plain degradation with training on the watch's camera: same network, same minutes.

    python -m benchmarks.does_it_pay PHOTOS CAPTURES --out DIR [--minutes 10] [--color] [--scale 4] [--preset nano]

Two trainings run at the same time, each with half of the processor's cores, on the photos of PHOTOS (folders `train`
and `val`): one on `plain_degradation.py`, one on the built-in camera. Then the script measures both final models and
bicubic on the validation frames of each degradation, and upscales the captures of CAPTURES:
DIR/captures/NAME_compare.png shows bicubic, the plain model and the camera's model side by side. There is no HR for a
capture, so compare those pictures by eye.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import torch

from benchmarks.conditions import describe_conditions
from benchmarks.plain_degradation import PlainCamera
from trainer_core.camera import Camera, CameraProfile
from trainer_core.data.frames import validation_frames
from trainer_core.model.rrdb import RRDBNet
from trainer_core.planning.photos import find_photos
from trainer_core.settings.config import TrainerConfig
from trainer_core.training import start
from trainer_core.training.cameras import make_camera, make_region_spec
from trainer_core.training.validation import FRAME_SEED, Validator
from trainer_core.verbs.upscale import upscale
from trainer_core.weights.network import load_network

KINDS = ("plain", "watch")
_FRAMES = 24


def main() -> None:
    """Train twice, measure, upscale."""
    arguments = _arguments()
    if arguments.child:
        sys.exit(_train(arguments))
    print(describe_conditions())
    _train_both(arguments)
    models = {kind: _model(arguments.out / kind) for kind in KINDS}
    _print_table(arguments, models)
    plain, watch = models["plain"], models["watch"]
    done = upscale(plain, [arguments.captures], arguments.out / "captures", compare_with=watch)
    print(f"{len(done.written) // 2} captures upscaled into {arguments.out / 'captures'}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("captures", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--color", action="store_true")
    parser.add_argument("--scale", type=int, default=4)
    parser.add_argument("--preset", default="nano")
    parser.add_argument("--child", choices=KINDS, help=argparse.SUPPRESS)
    return parser.parse_args()


def _settings(arguments: argparse.Namespace, kind: str) -> list[str]:
    style = "--no-monochrome-style" if arguments.color else "--monochrome-style"
    return [
        str(arguments.photos),
        str(arguments.out / kind),
        style,
        "--scale",
        str(arguments.scale),
        "--preset",
        arguments.preset,
        "--max-minutes",
        str(arguments.minutes),
        "--no-tensorboard",
    ]


def _train_both(arguments: argparse.Namespace) -> None:
    arguments.out.mkdir(parents=True, exist_ok=True)
    threads = str(max(1, (os.cpu_count() or 2) // 2))
    children = []
    for kind in KINDS:
        command = [sys.executable, "-m", "benchmarks.does_it_pay", *sys.argv[1:], "--child", kind]
        with open(arguments.out / f"{kind}.log", "wb") as log:
            environment = {**os.environ, "OMP_NUM_THREADS": threads}
            children.append(subprocess.Popen(command, env=environment, stdout=log, stderr=log))
    if any(child.wait() for child in children):
        sys.exit(f"A training failed; see {arguments.out}/*.log")


def _train(arguments: argparse.Namespace) -> int:
    from trainer_core.cli import main as train

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    if arguments.child == "plain":
        start.make_camera = _plain  # type: ignore[attr-defined]  # the run takes its camera from here
    return train(_settings(arguments, arguments.child))


def _plain(config: TrainerConfig, profile: CameraProfile | None = None) -> Camera:  # noqa: ARG001 - the interface of make_camera
    return PlainCamera(config.scale, mono=config.monochrome_style)


def _model(workspace: Path) -> Path:
    newest = sorted((workspace / "models").glob("*.pth"))
    final = [path for path in newest if not path.stem.endswith("_best")]
    return (final or newest)[-1]


def _print_table(arguments: argparse.Namespace, models: dict[str, Path]) -> None:
    config = TrainerConfig(monochrome_style=not arguments.color, scale=arguments.scale)
    splits = find_photos(arguments.photos, train_split=config.train_split, val_split=config.val_split).splits
    networks = {kind: _network(path) for kind, path in models.items()}
    print(f"{'PSNR (dB), SSIM on':24}{'bicubic':>16}" + "".join(f"{kind:>16}" for kind in networks))
    for name, camera in (("plain frames", _plain(config)), ("watch frames", make_camera(config))):
        region = make_region_spec(config, camera)
        frames = validation_frames(splits.val, region, seed=FRAME_SEED, limit=_FRAMES, on_bad_photo=print)
        validator = Validator(frames, camera, scale=config.scale, device=torch.device("cpu"))
        found = [validator.baseline, *(validator.measure(network) for network in networks.values())]
        print(f"{name:24}" + "".join(f"{f'{m.psnr:.2f}  {m.ssim:.4f}':>16}" for m in found), flush=True)
    for kind, path in models.items():
        print(f"{kind}: {path.name}, {_steps(arguments.out / kind)} steps")


def _network(path: Path) -> RRDBNet:
    return load_network(path)[0]


def _steps(workspace: Path) -> int:
    from trainer_core.sinks.journal import read_journal

    records = read_journal(workspace / "journal.jsonl")
    return int(np.max([record["step"] for record in records if record["event"] == "StepDone"]))


if __name__ == "__main__":
    main()
