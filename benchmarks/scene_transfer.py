"""Compare training on built-in scenes with training on photos: ratio of the PSNR gains on the same real photos.

    python -m benchmarks.scene_transfer PHOTOS [--steps 300]

PHOTOS has the folders `train` and `val`. The nano mono x4 network is trained twice for the same number of steps,
once on PHOTOS/train, once on scenes, and both are validated on PHOTOS/val.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.conditions import describe_conditions
from trainer_core.planning.plan import DEMO_SCENES
from trainer_core.scenes.painter import write_scenes


def gain(source: Path, workspace: Path, steps: int) -> float:
    """Train, and return the final validation PSNR minus bicubic's, in dB."""
    command = [sys.executable, "-m", "trainer_core", str(source), str(workspace), "--preset", "nano"]
    command += ["--monochrome-style", "--steps", str(steps), "--val-interval", str(steps), "--events", "jsonl"]
    lines = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    measured = [event for event in map(json.loads, lines) if event["event"] == "Validated" and event["split"] == "val"]
    return float(measured[-1]["psnr"] - measured[-1]["bicubic_psnr"])


def main() -> None:
    """Train twice and print the ratio."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    arguments = parser.parse_args()
    print(describe_conditions())
    with tempfile.TemporaryDirectory() as folder:
        scenes = Path(folder) / "scenes"
        write_scenes(scenes, seed=1337, train=DEMO_SCENES["train"], val=0, test=0)
        shutil.copytree(arguments.photos / "val", scenes / "val")
        on_photos = gain(arguments.photos, Path(folder) / "on_photos", arguments.steps)
        on_scenes = gain(scenes, Path(folder) / "on_scenes", arguments.steps)
    print(f"gain over bicubic after {arguments.steps} steps: photos {on_photos:+.3f} dB, scenes {on_scenes:+.3f} dB")
    print(f"ratio {on_scenes / on_photos:.2f}")


if __name__ == "__main__":
    main()
