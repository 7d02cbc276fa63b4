"""The installed program in processes of its own: output, exit codes, interruption, kill -9 and exact resume."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tests.small_disk import fill, small_disk
from tests.small_runs import TINY, flags, make_photos, picture
from trainer_core.sinks.journal import read_journal
from trainer_core.training import checkpoint


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


def command(photos: Path, workspace: Path, *more: str, **settings: Any) -> list[str]:
    base = [] if "--resume" in more else flags({**TINY, **settings})
    return [sys.executable, "-m", "trainer_core", str(photos), str(workspace), *base, *more]


def run(*args: Any, **settings: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*args, **settings), capture_output=True, text=True, timeout=240)


def started(*args: Any, **settings: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(command(*args, **settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def wait_for_step(workspace: Path, step: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = (
            [e["step"] for e in read_journal(workspace / "journal.jsonl") if e["event"] == "CheckpointSaved"]
            if (workspace / "journal.jsonl").exists()
            else []
        )
        if done and max(done) >= step:
            return
        time.sleep(0.02)
    raise AssertionError(f"the run did not reach step {step}")


def digest(workspace: Path) -> str:
    state = checkpoint.load_checkpoint(workspace / "checkpoints" / "scale4_final.pth")
    return checkpoint.compute_digest([state.params, state.params_ema, state.optimizer, state.step])


def test_config_only_prints_json_and_touches_nothing(photos: Path, tmp_path: Path) -> None:
    result = run(photos, tmp_path / "w", "--config-only", steps=7)
    assert result.returncode == 0, result.stderr
    data = json.loads(result.stdout)
    assert data["steps"] == 7 and data["learning_rate"] == 1e-3 and data["warm_start"] is None and data["schema"] == 1
    assert data["derived"]["images"]["train"] == 5 and data["derived"]["device"] == "cpu"
    assert not (tmp_path / "w").exists()


def test_events_go_to_stdout_and_words_to_stderr(photos: Path, tmp_path: Path) -> None:
    result = run(photos, tmp_path / "w", "--events", "jsonl", steps=3)
    assert result.returncode == 0, result.stderr
    events = [json.loads(line) for line in result.stdout.splitlines()]
    assert events[0]["event"] == "RunStarted" and events[-1]["event"] == "RunFinished"
    assert [e["step"] for e in events if e["event"] == "StepDone"] == [1, 2, 3]
    assert "PSNR" in result.stderr and "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere", "w"], "does not exist"),
        (["photos", "w", "--steps", "0"], "--steps must be from 1"),
        (["photos", "w", "--device", "cuda"], "no CUDA GPU"),
        (["photos", "w", "--init-weights", "photos/photo0.png"], "photo0.png"),
        (["photos", "w", "--resume", "latest"], "no checkpoint to resume"),
        (["photos", "photos/photo0.png"], "is a file"),
        (["photos"], "a workspace folder (with --demo"),
        (["photos", "w", "--demo"], "--demo trains on built-in scenes, not on photos"),
        (["photos", "w", "--no-such-option"], "unrecognized arguments"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    photos: Path, tmp_path: Path, arguments: list[str], words: str
) -> None:
    if "cuda" in arguments and torch.cuda.is_available():
        pytest.skip("this machine has a CUDA GPU")
    (tmp_path / "photos").symlink_to(photos)
    result = subprocess.run(
        [sys.executable, "-m", "trainer_core", *arguments],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        timeout=240,
    )
    assert result.returncode == 2, result.stderr
    assert words in result.stderr and "Traceback" not in result.stderr and not result.stdout
    assert not (tmp_path / "w").exists()


def test_a_rerun_takes_from_the_stored_settings_what_is_not_given(photos: Path, tmp_path: Path) -> None:
    run(photos, tmp_path / "w", steps=2, seed=77)
    again = [sys.executable, "-m", "trainer_core", str(photos), str(tmp_path / "w"), "--steps", "3", "--config-only"]
    data = json.loads(subprocess.run(again, capture_output=True, text=True, timeout=240).stdout)
    assert (data["seed"], data["num_feat"], data["steps"]) == (77, 8, 3)


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_saves_and_says_so(photos: Path, tmp_path: Path, number: int, code: int) -> None:
    process = started(photos, tmp_path / "w", steps=100000, checkpoint_interval=5)
    wait_for_step(tmp_path / "w", 5)
    process.send_signal(number)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == code, errors
    last = read_journal(tmp_path / "w" / "journal.jsonl")[-1]
    assert last["event"] == "RunFinished" and last["outcome"] == "stopped"
    assert Path(last["checkpoint"]).name == f"scale4_step{last['step']}.pth" and "--resume latest" in errors


@pytest.mark.skipif(sys.platform != "linux", reason="sets the size of a pipe")
def test_a_run_whose_output_nobody_reads_still_stops_and_saves(photos: Path, tmp_path: Path) -> None:
    import fcntl

    reader, writer = os.pipe()
    fcntl.fcntl(writer, 1031, 16384)  # F_SETPIPE_SZ, which Python 3.9 does not name
    arguments = command(photos, tmp_path / "w", "--events", "jsonl", steps=100000, checkpoint_interval=2)
    process = subprocess.Popen(arguments, stdout=writer, stderr=writer)
    os.close(writer)
    try:
        wait_for_full_pipe(reader)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=240) == 143
    finally:
        process.kill()
        os.close(reader)
    last = read_journal(tmp_path / "w" / "journal.jsonl")[-1]
    assert last["event"] == "RunFinished" and Path(last["checkpoint"]).is_file()


def wait_for_full_pipe(reader: int) -> None:
    """Wait until a pipe of 16 KiB has no more room for a while."""
    import fcntl
    import termios

    latest, since = -1, time.monotonic()
    while latest < 8000 or time.monotonic() - since < 2:
        waiting = int.from_bytes(fcntl.ioctl(reader, termios.FIONREAD, bytes(4)), sys.byteorder)
        if waiting != latest:
            latest, since = waiting, time.monotonic()
        assert time.monotonic() - since < 60, latest
        time.sleep(0.05)


@pytest.mark.parametrize("ends_wait", [False, True])
def test_an_interrupted_run_on_a_full_disk_waits_and_never_says_saved_if_it_is_not(
    photos: Path, tmp_path: Path, ends_wait: bool
) -> None:
    with small_disk(tmp_path / "disk", 2048) as disk:
        process = started(photos, disk / "w", steps=100000, checkpoint_interval=5, val_interval=100000)
        wait_for_step(disk / "w", 5)
        filler = fill(disk, leave_kilobytes=4)
        process.send_signal(signal.SIGTERM)
        assert process.stderr is not None
        shown = ""
        while "is not saved yet" not in shown:
            line = process.stderr.readline()
            assert line, shown
            shown += line
        if ends_wait:
            process.send_signal(signal.SIGTERM)
        else:
            filler.unlink()
        shown += process.communicate(timeout=240)[1]
        newest = max(int(path.stem[11:]) for path in (disk / "w/checkpoints").glob("scale4_step*[0-9].pth"))
        stopped_at = int(re.findall(r"(?:Stopped|Failed) at step (\d+)", shown)[0])
        assert process.returncode == (1 if ends_wait else 143)
        assert (f"Not saved: checkpoint and models of step {stopped_at}." in shown) == ends_wait
        assert (newest == stopped_at) == (not ends_wait)
        assert f"Checkpoint: {disk}/w/checkpoints/scale4_step{newest}.pth" in shown and "Traceback" not in shown


@pytest.mark.parametrize("case", ["no files", "folder"])
def test_a_workspace_that_cannot_be_used_is_one_sentence_and_exit_code_2(
    photos: Path, tmp_path: Path, case: str
) -> None:
    with small_disk(tmp_path / "disk", 4096, inodes=6 if case == "no files" else 0) as disk:
        (disk / "w").mkdir()
        if case == "folder":
            (disk / "w/journal.jsonl").mkdir()
        result = run(photos, disk / "w", steps=2)
        assert result.returncode == 2 and "Traceback" not in result.stderr
        words = {"no files": "no room for more files", "folder": "journal.jsonl must be a file"}
        assert words[case] in result.stderr.splitlines()[-1]


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_run_resumes_to_the_same_bits(photos: Path, tmp_path: Path) -> None:
    settings = dict(steps=40, checkpoint_interval=5, val_interval=20)
    assert run(photos, tmp_path / "straight", **settings).returncode == 0
    process = started(photos, tmp_path / "killed", **settings)
    wait_for_step(tmp_path / "killed", 10)
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    process = started(photos, tmp_path / "killed", "--resume", "latest")
    wait_for_step(tmp_path / "killed", 20)
    process.kill()
    process.communicate()
    result = run(photos, tmp_path / "killed", "--resume", "latest")
    assert result.returncode == 0, result.stderr
    assert digest(tmp_path / "killed") == digest(tmp_path / "straight")
    assert not list((tmp_path / "killed").rglob("*.tmp"))


def test_a_run_needs_no_window_library(photos: Path, tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules.update({'PySide6': None, 'pyqtgraph': None})\n"
        "from trainer_core.cli import main\nsys.exit(main(sys.argv[1:]))"
    )
    arguments = command(photos, tmp_path / "w", steps=1)[3:]
    result = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=240)
    assert result.returncode == 0, result.stderr


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
@pytest.mark.parametrize("program", ["trainer_core", "trainer_core.tools"])
def test_ctrl_c_while_the_program_starts_leaves_no_traceback(program: str, photos: Path, tmp_path: Path) -> None:
    arguments = {
        "trainer_core": command(photos, tmp_path / "w", steps=5)[3:],
        "trainer_core.tools": ["simulate", str(photos), "-o", str(tmp_path / "o"), "--camera", "wqv1", "--scale", "2"],
    }
    first = {"trainer_core": "trainer_core.cli", "trainer_core.tools": "argparse"}  # imported once Ctrl+C is handled
    code = (
        "import runpy, sys\n"
        f"sys.addaudithook(lambda event, args: args[:1] == ({first[program]!r},) and print('started', flush=True))\n"
        f"runpy.run_module({program!r}, run_name='__main__')"
    )
    for delay in (0.0, 0.3, 0.8):
        process = subprocess.Popen(
            [sys.executable, "-c", code, *arguments[program]], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert process.stdout is not None and process.stdout.readline() == "started\n"
        time.sleep(delay)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=240)
        assert process.returncode in (0, 130, -signal.SIGINT) and "Traceback" not in errors, errors


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_run_under_nohup_goes_on_when_the_terminal_closes(photos: Path, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [
            "sh",
            "-c",
            "trap '' HUP; exec \"$@\"",
            "sh",
            *command(photos, tmp_path / "w", steps=100000, checkpoint_interval=5),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_for_step(tmp_path / "w", 5)
    process.send_signal(signal.SIGHUP)
    wait_for_step(tmp_path / "w", 15)
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=240)
    assert process.returncode == 143, errors


@pytest.mark.long
@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_the_full_network_is_stopped_within_ten_seconds_of_a_signal_in_a_validation(tmp_path: Path) -> None:
    for split, count in (("train", 2), ("val", 8), ("test", 5)):
        for number in range(count):
            path = tmp_path / "photos" / split / f"{split}{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            picture(100 * count + number, 520, 500).save(path)
    options = ["--preset", "full", "--monochrome-style", "--batch-size", "1", "--steps", "100", "--val-interval", "1"]
    options += ["--device", "cpu", "--no-amp", "--events", "jsonl"]
    process = subprocess.Popen(
        [sys.executable, "-m", "trainer_core", str(tmp_path / "photos"), str(tmp_path / "w"), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    while json.loads(process.stdout.readline())["event"] != "StepDone":
        pass
    time.sleep(0.5)  # the validation after the step is under way
    process.send_signal(signal.SIGTERM)
    signaled = time.monotonic()
    rest = process.stdout.read()
    assert process.wait(60) == 143
    seconds = time.monotonic() - signaled
    events = [json.loads(line) for line in rest.splitlines()]
    assert not [event for event in events if event["event"] == "Validated"]
    (saved,) = [event for event in events if event["event"] == "CheckpointSaved"]
    print(f"ended {seconds:.1f} s after the signal, of which saving took {saved['seconds']:.1f} s")
    assert seconds - saved["seconds"] < 10
