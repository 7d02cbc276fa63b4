"""Hostile and broken weight files: each is refused in time, in little memory, with a reason, and runs nothing."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("torch")

from tests.core.hostile_files import all_hostile, archive, legacy, safetensors
from trainer_core.weights.container.reader import load_tree
from trainer_core.weights.container.refusal import WeightsError

ROOT = Path(__file__).resolve().parents[2]
ALLOWED_BYTES = 100 << 20
NAMES = list(all_hostile("x"))

# Reads every file of a folder and reports, for each, the error's text, the seconds and what was run besides.
READ_ALL = """
import json, sys, time
from pathlib import Path
import psutil, torch
from trainer_core.weights.container import materialize
from trainer_core.weights.container.refusal import WeightsError
from trainer_core.weights.container.reader import load_tree
FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "exec", "compile", "import",
             "pickle.find_class", "socket.", "os.putenv", "os.remove", "os.kill", "webbrowser.open", "urllib.Request")
audited, listening = [], False
def hook(event, arguments):
    if listening and event.startswith(FORBIDDEN):
        audited.append(event)
sys.addaudithook(hook)
process = psutil.Process()
def peak():
    return int(next(l.split()[1] for l in open("/proc/self/status") if l.startswith("VmHWM"))) * 1024
results = {}
for path in sorted(Path(sys.argv[1]).iterdir()):
    audited.clear()
    before, started = process.memory_info().rss, time.process_time()
    listening = True
    try:
        load_tree(path)
        text = ""
    except WeightsError as error:
        text = str(error)
    except BaseException as error:
        text = "ESCAPED " + repr(error)
    listening = False
    seconds = time.process_time() - started
    results[path.name] = [text, seconds, list(audited), max(0, peak() - before), path.stat().st_size]
print(json.dumps(results))
"""


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[str, float, list[str], int, int]]:
    folder = tmp_path_factory.mktemp("hostile")
    canary = tmp_path_factory.mktemp("canary") / "canary"
    files = all_hostile(str(canary))
    names = list(files)
    for number, name in enumerate(names):
        (folder / f"{number:03d}.pth").write_bytes(files[name])
    untraced = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}  # it is timed
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL, str(folder)],
        cwd=ROOT,
        env=untraced,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert not canary.exists()
    return {names[int(file[:3])]: verdict for file, verdict in json.loads(done.stdout).items()}


def test_there_are_at_least_sixty_of_them() -> None:
    assert len(NAMES) >= 60


@pytest.mark.parametrize("name", NAMES)
def test_a_hostile_file_is_refused_quietly(
    name: str, verdicts: dict[str, tuple[str, float, list[str], int, int]]
) -> None:
    text, seconds, audited, memory, size = verdicts[name]
    assert " cannot be used as weights: " in text, text or "it was accepted"
    assert text.endswith(".") and "\n" not in text
    assert "weights_only" not in text and "Traceback" not in text
    assert audited == []
    assert seconds < 2.0
    if sys.platform == "linux":
        assert memory < size + ALLOWED_BYTES


@pytest.mark.parametrize("make", [archive, legacy, safetensors])
def test_what_the_hostile_files_are_made_of_is_itself_good(make: object, tmp_path: Path) -> None:
    (tmp_path / "good.pth").write_bytes(make())  # type: ignore[operator]
    tree = load_tree(tmp_path / "good.pth")
    assert [t.flatten().tolist() for t in tree.values()] == [[0, 1, 2, 3, 4, 5, 6, 7]]


def test_a_pipe_and_a_folder_are_refused_without_waiting(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="a folder, not a file"):
        load_tree(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe.pth")
        with pytest.raises(WeightsError, match="not a regular file"):
            load_tree(tmp_path / "pipe.pth")


def mutate(rng: random.Random, data: bytes, other: bytes) -> bytes:
    """One to four random changes: bits, bytes, numbers, cuts, repetitions, pieces of another file."""
    result = bytearray(data)
    for _ in range(rng.randint(1, 4)):
        at = rng.randrange(len(result) + 1)
        kind = rng.randrange(7)
        if kind == 0 and at < len(result):
            result[at] ^= 1 << rng.randrange(8)
        elif kind == 1 and at < len(result):
            result[at] = rng.choice(b"\x00\xff\x7f\x80.(]}tRQcbeus" + bytes([rng.randrange(256)]))
        elif kind == 2:
            result[at : at + 4] = rng.choice((0, 1, 0xFFFFFFFF, 0x7FFFFFFF, len(data))).to_bytes(4, "little")
        elif kind == 3:
            del result[at : at + rng.randint(1, 40)]
        elif kind == 4:
            result[at:at] = result[max(0, at - rng.randint(1, 60)) : at]
        elif kind == 5:
            piece = rng.randrange(len(other))
            result[at:at] = other[piece : piece + rng.randint(1, 60)]
        else:
            result[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 8)))
    return bytes(result)


def fuzz(folder: Path, seconds: float, seed: int) -> int:
    """Read mutated files for a while; the number read. Any other error than WeightsError fails."""
    rng = random.Random(seed)
    seeds = [archive(), legacy(), safetensors(), *list(all_hostile("/nowhere/canary").values())]
    seeds = [data for data in seeds if 0 < len(data) < 5000]
    path, count, end = folder / "fuzzed.pth", 0, time.process_time() + seconds
    while time.process_time() < end:
        data = mutate(rng, rng.choice(seeds[:3] if rng.random() < 0.5 else seeds), rng.choice(seeds))
        path.write_bytes(data)
        started = time.process_time()
        try:
            load_tree(path)
        except WeightsError:
            pass
        except BaseException as error:
            raise AssertionError(f"{error!r} escaped for {data!r}") from error
        assert time.process_time() - started < 2.0
        count += 1
    return count


def test_mutated_files_raise_nothing_but_our_own_error(tmp_path: Path) -> None:
    assert fuzz(tmp_path, 2.0, 1) > 100


@pytest.mark.long
def test_mutated_files_raise_nothing_but_our_own_error_for_a_minute(tmp_path: Path) -> None:
    assert fuzz(tmp_path, 60.0, random.SystemRandom().randrange(1 << 30)) > 10_000
