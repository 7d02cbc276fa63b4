"""Every command that a document shows works as it is shown.

Each runs in a folder of its own that holds what the documents name: photos, captures, workspaces, models, and a folder
of WQV-Viewer. Placeholders such as MODEL stand for these (`fill_in`). The Python of the tests starts the commands, and
those of `run.py` without its set-up, which `test_run_py` tests. So that a command takes seconds,

* a training gets `SHORT` as well, and `TINY_NETWORK` if its network is not that of a file; a resumed one `LONGER`;
* `calibrate` tries few candidates, and the soak and `benchmarks.starter_start` get few seconds;
* `torchrun` starts two processes; with `--nnodes 2` it is started twice on this machine, for one process each;
* pytest gets `SOME_TESTS` as well.

What goes on until somebody ends it gets Ctrl+C: the window once it is visible, or has trained a step; `blind` once it
shows the address of its page.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")

import run as set_up
from tests.documented_commands import PAGES, ROOT, commands_in_blocks, commands_in_sentences
from tests.small_runs import make_photos, picture, profile_file
from trainer_core.calibration.clean_frames import cut_clean_frame
from trainer_core.calibration.synthetic import simulate_photos
from trainer_core.camera import CameraProfile, build_camera

# Commands that are not run here, by their beginning, and why.
NOT_RUN = {
    "uv tool install": "needs uv and an index; release/check.py installs the wheel with pip",
    "pipx install": "needs pipx and an index; release/check.py installs the wheel with pip",
    "pip install": "downloads packages; test_packaging compares the lock files with the constraints",
    ".venv/bin/python -m pip install": "downloads PyTorch for a graphics card",
    "PIP_EXTRA_INDEX_URL=": "downloads PyTorch; the command behind it is run without the variable",
    "wqv-upscale-tools fetch": "downloads a model; test_tools downloads from a server of its own",
    ".ci/run": "runs these tests",
    "python -m release.check": "runs these tests",
    "python -m release.lock": "needs uv and an index; test_packaging calls what --check calls",
    "python -m release.notes": "test_workflows runs it",
    "python -m tests.golden.recorder": "writes into the repository; test_golden_losses computes the same",
    "python -m benchmarks.starters": "takes hours; test_starter_training trains a small model with it",
    "python -m benchmarks.camera_realism": "needs captures of real watches",
    "ruff": "another program; .ci/run runs it",
    "mypy": "another program; .ci/run runs it",
    "typos": "another program; .ci/run runs it",
    "coverage report": "another program; .ci/run --coverage runs it",
}
SHORT = "--max-minutes 0.02 --batch-size 2 --base-resolution 48 --patch-size 16 --num-workers 1 --device cpu --no-amp"
LONGER = "--max-minutes 0.5"  # all sessions together
TINY_NETWORK = "--num-feat 8 --num-block 1 --num-grow-ch 4"
SOME_TESTS = ["tests/core/test_splits.py", "tests/core/test_gpu.py"]
MODEL, OTHER = "runs/mono/models/wqv_neosr_x4.pth", "runs/x4/models/wqv_neosr_x4_best.pth"
PLACES = {
    "<source_dir>": "photos",
    "<workspace_dir>": "runs/new",
    "/data/photos": "photos",
    "data/highres": "photos",
    "/data/runs/x4": "runs/x4",
    "CAPTURES": "captures",
    "DIR": "made",
    "MODEL": MODEL,
    "A": MODEL,
    "B": OTHER,
    "OTHER": OTHER,
    "FILE": MODEL,
    "N": "0.02",
    "ARGS": "--help",
    "{wqv1,wqv10}": "wqv1",
    "{2,4,8}": "2",
}
SECONDS = 300  # of one command, at most
FAST = ("--config-only", "--help", "inspect", "install", "train ARGS", "tools ARGS")
# The window, which gets Ctrl+C from itself; with "--start" after a step.
WINDOW = f"""
import pathlib, signal, sys
sys.path.insert(0, {str(ROOT)!r})
import wqv_upscale_trainer
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication

def end_when_it_works():
    journals = [path.read_text("utf-8") for path in pathlib.Path.home().rglob("journal.jsonl")]
    trained = "--start" not in sys.argv or any('"StepDone"' in text for text in journals)
    if trained and any(widget.isVisible() for widget in QApplication.topLevelWidgets()):
        signal.raise_signal(signal.SIGINT)
    else:
        QTimer.singleShot(500, end_when_it_works)

wait = QApplication.exec
QApplication.exec = lambda *_: (QTimer.singleShot(2000, end_when_it_works), wait())[1]
sys.exit(wqv_upscale_trainer.window())
"""
CALIBRATION = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import wqv_upscale_trainer
from trainer_core.calibration import calibrate
calibrate.DEFAULT_CANDIDATES["mono"] = 5
sys.exit(wqv_upscale_trainer.tools())
"""


def is_run(words: Sequence[str]) -> bool:
    return not " ".join(words).startswith(tuple(NOT_RUN))


SHOWN = {
    tuple(words): page.name for page in PAGES for words in [*commands_in_blocks(page), *commands_in_sentences(page)]
}
COMMANDS = [
    pytest.param(
        words,
        id=f"{page}: {' '.join(words)}",
        marks=() if any(w in " ".join(words) for w in FAST) else pytest.mark.long,
    )
    for words, page in SHOWN.items()
    if is_run(words)
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that the documents name."""
    folder = tmp_path_factory.mktemp("prepared")
    make_photos(folder / "photos", 6, width=520, height=500)
    (folder / "captures").mkdir()
    profile = CameraProfile.builtin("wqv1")
    camera = build_camera(profile, 2)
    frames = np.stack([cut_clean_frame(np.asarray(picture(n, 420, 340)), camera, 5, n) for n in range(12)])
    for number, pixels in enumerate(simulate_photos(profile, frames, 2, 6)):
        Image.fromarray(pixels).save(folder / "captures" / f"capture{number:02d}.png")
    shutil.copy(folder / "captures" / "capture00.png", folder / "capture.png")
    profile_file(folder).rename(folder / "watch.json")
    (folder / "VIEWER" / "models" / "custom").mkdir(parents=True)
    start(["wqv-upscale-trainer", "photos", "runs/x4", "--monochrome-style"], folder)
    shutil.copytree(folder / "runs" / "x4", folder / "runs" / "mono")
    official = folder / "models" / "realesrgan" / "RealESRGAN_x4plus.pth"
    official.parent.mkdir(parents=True)
    shutil.copy(folder / MODEL, official)
    return folder


@pytest.fixture
def folder(prepared: Path, tmp_path: Path) -> Path:
    """A copy of the prepared folder, for one command."""
    return Path(shutil.copytree(prepared, tmp_path / "folder"))


def fill_in(words: Sequence[str]) -> list[str]:
    """Put prepared files in the place of placeholders."""
    takes_photos = "simulate" in words or words[0] == "python"
    places = {**PLACES, "PHOTOS": "photos" if takes_photos else "captures"}
    filled = [places.get(word, word) for word in words]
    if "-o" in words and words[words.index("-o") + 1] == "FILE":
        filled[words.index("-o") + 1] = "made.safetensors"
    return filled


def shorten(words: Sequence[str]) -> list[str]:
    """Return the options that make a training short; none for other commands."""
    if "--config-only" in words or "--help" in words:
        return []
    if "--resume" in words:
        return LONGER.split()
    return [*SHORT.split(), *([] if "--init-weights" in words else TINY_NETWORK.split())]


def to_command(words: list[str]) -> list[str]:
    """Return what starts a documented command with the Python of the tests."""
    program, *arguments = words
    launcher = str(ROOT / "wqv_upscale_trainer.py")
    if program == "wqv-upscale-trainer-gui":
        return [sys.executable, "-c", WINDOW, *arguments]
    if program == "wqv-upscale-tools":
        code = ["-c", CALIBRATION] if arguments[0] == "calibrate" else [launcher, "tools"]
        return [sys.executable, *code, *arguments, *(["--no-browser"] if arguments[0] == "blind" else [])]
    if program == "wqv-upscale-trainer":
        return [sys.executable, launcher, "train", *arguments, *shorten(arguments)]
    if program == "python3":
        command, rest = (arguments[1], arguments[2:]) if len(arguments) > 1 else ("window", [])
        more = SOME_TESTS if command == "test" else [] if command in ("tools", "enlarge") else shorten(rest)
        return [sys.executable, *set_up.job_arguments(command, rest), *more]
    if program == "torchrun":
        processes = "1" if "--nnodes" in words else "2"
        with socket.socket() as free:
            free.bind(("localhost", 0))
            places = {"4": processes, "first.example:29500": f"localhost:{free.getsockname()[1]}"}
        launched = [places.get(word, word) for word in arguments]
        return [sys.executable, "-m", "torch.distributed.run", *launched, *shorten(arguments)]
    assert program == "python", f"{program} is neither run nor listed in NOT_RUN"
    modules = arguments[: arguments.index(">")] if ">" in arguments else arguments
    options = {"tests.gui.soak": ["--minutes", "0.02"], "benchmarks.starter_start": ["--", *SHORT.split()]}
    return [sys.executable, *modules, *options.get(arguments[1], [])]


def start(words: Sequence[str], folder: Path) -> str:
    """Run a documented command in a folder until it ends well, and return what it printed."""
    filled = fill_in(words)
    command = to_command(filled)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    places = {"HOME": home, "XDG_CONFIG_HOME": home / "config", "XDG_STATE_HOME": home / "state", "PYTHONPATH": ROOT}
    environment = {**os.environ, **{name: str(place) for name, place in places.items()}, "QT_QPA_PLATFORM": "offscreen"}
    place = ROOT if "pytest" in command or filled[:2] == ["python", "-m"] else folder
    command = [str(folder / word) if place is ROOT and word == "photos" else word for word in command]
    processes = [
        subprocess.Popen(
            command, cwd=place, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        for _ in range(2 if "--nnodes" in words else 1)
    ]
    try:
        shown = ""
        if "blind" in words:
            shown = end_when_it_shows_its_page(processes[0])
        shown += "".join(process.communicate(timeout=SECONDS)[0] for process in processes)
    finally:
        for process in processes:
            process.kill()
    expected = 128 + signal.SIGINT if "blind" in words or words[0] == "wqv-upscale-trainer-gui" else 0
    assert [process.returncode for process in processes] == [expected] * len(processes), shown
    assert "Traceback" not in shown, shown
    if "-o" in filled:
        made = folder / filled[filled.index("-o") + 1]
        assert made.is_file() or any(made.iterdir()), shown
    return shown


def end_when_it_shows_its_page(process: subprocess.Popen[str]) -> str:
    shown = ""
    assert process.stdout is not None
    while "Ctrl+C ends early" not in shown:
        line = process.stdout.readline()
        assert line, shown
        shown += line
    process.send_signal(signal.SIGINT)
    return shown


def test_every_command_is_run_or_listed_with_the_reason() -> None:
    """`to_command` refuses other programs."""
    programs = ("wqv-upscale-trainer", "wqv-upscale-tools", "wqv-upscale-trainer-gui", "python3", "python", "torchrun")
    assert [words for words in SHOWN if is_run(words) and words[0] not in programs] == []
    assert [begin for begin in NOT_RUN if not any(" ".join(words).startswith(begin) for words in SHOWN)] == []
    assert len(COMMANDS) > 30


@pytest.mark.skipif(os.name == "nt", reason="Ctrl+C is sent as a signal of POSIX")
@pytest.mark.parametrize("words", COMMANDS)
def test_a_documented_command_works(words: tuple[str, ...], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(set_up, "PYTHON", Path(sys.executable))
    monkeypatch.setattr(set_up, "DEMO_WORKSPACE", folder / "runs" / "demo")
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    monkeypatch.chdir(folder)  # `run.py test` goes to the repository
    if "calibrate" not in words:
        for capture in sorted((folder / "captures").iterdir())[1:]:
            capture.unlink()
    trains = words[0] in ("wqv-upscale-trainer", "torchrun") and "--config-only" not in words and "--help" not in words
    workspace = folder / next((word for word in fill_in(words) if word.startswith("runs/")), "runs/none")
    if trains and "--resume" not in words and workspace.is_dir():
        shutil.rmtree(workspace)  # of an earlier command on the page
    start(words, folder)
    assert not trains or list((workspace / "models").glob("*.pth"))
