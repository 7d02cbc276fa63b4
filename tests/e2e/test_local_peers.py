"""Runs whose steps are shared by processes that the program starts itself."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="processes are signaled and killed")

from tests.small_runs import TINY, flags, make_photos
from trainer_core.events import Notice
from trainer_core.planning.plan import make_plan
from trainer_core.sinks.journal import read_journal
from trainer_core.training import checkpoint
from trainer_core.training.sharing import StepSharing
from trainer_core.training.trainer import Trainer

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}
SHORT: dict[str, Any] = dict(
    TINY, steps=8, grad_accum_steps=2, val_interval=100, checkpoint_interval=4, priority="normal", threads=1
)
LONG: dict[str, Any] = dict(SHORT, steps=100000, val_interval=100000, checkpoint_interval=5)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_photos(tmp_path_factory.mktemp("photos"), 6)


def start(photos: Path, workspace: Path, **settings: Any) -> subprocess.Popen[str]:
    """Start a run in a session of its own, whose peers lie in a temporary folder of its own."""
    folder = workspace.with_name(f"{workspace.name}-temporary")
    folder.mkdir(exist_ok=True)
    command = [sys.executable, "-m", "trainer_core", str(photos), str(workspace), *flags(settings)]
    environment = {**ENVIRONMENT, "TMPDIR": str(folder)}
    return subprocess.Popen(
        command,
        env=environment,
        cwd=workspace.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def train(photos: Path, workspace: Path, **settings: Any) -> str:
    run = start(photos, workspace, **settings)
    output = run.communicate(timeout=120)[0]
    assert run.returncode == 0, output
    return output


def digest(workspace: Path) -> str:
    state = checkpoint.load_checkpoint(workspace / "checkpoints" / "scale4_final.pth")
    return checkpoint.compute_digest([state.params, state.params_ema, state.optimizer, state.step, state.samples])


def journal(workspace: Path) -> list[dict[str, Any]]:
    file = workspace / "journal.jsonl"
    return list(read_journal(file)) if file.exists() else []


def find_peers(run: subprocess.Popen[str]) -> Iterator[psutil.Process]:
    for process in psutil.Process(run.pid).children():
        with contextlib.suppress(psutil.NoSuchProcess):  # it has ended
            if "local_peers" in str(process.cmdline()):
                yield process


def wait_for(run: subprocess.Popen[str], workspace: Path, step: int) -> list[psutil.Process]:
    """Wait for a checkpoint of this step or a later one, and return the peers."""
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and run.poll() is None:
        if any(event["event"] == "CheckpointSaved" and event["step"] >= step for event in journal(workspace)):
            return list(find_peers(run))
        time.sleep(0.05)
    run.kill()
    raise AssertionError(run.communicate()[0])


@pytest.fixture
def running(photos: Path, tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], list[psutil.Process]]]:
    run = start(photos, tmp_path / "w", **LONG, processes=2)
    try:
        yield run, wait_for(run, tmp_path / "w", 5)
    finally:
        run.kill()
        run.communicate()


def are_gone(peers: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(peers, timeout=20)[1]


def test_two_processes_train_the_run_of_one_bit_for_bit_and_leave_nothing(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path / "one", **SHORT, processes=1)
    train(photos, tmp_path / "two", **SHORT, processes=2)
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    state = checkpoint.load_checkpoint(tmp_path / "two" / "checkpoints" / "scale4_final.pth")
    assert state.versions["processes"] == 2
    assert list((tmp_path / "two-temporary").iterdir()) == []
    resumed = train(photos, tmp_path / "two", **dict(SHORT, steps=10), processes=1, resume_from="latest")
    assert "processes 2 -> 1" in resumed


def test_the_modules_of_the_current_folder_are_not_those_of_a_peer(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "trainer_core").mkdir()
    (tmp_path / "trainer_core" / "__init__.py").write_text("raise SystemExit('the wrong one')")
    code = f"import sys; sys.path[:] = [{str(ROOT)!r}, *sys.path[1:]]; from trainer_core.cli import main; main()"
    settings = flags(dict(SHORT, processes=2))
    command = [sys.executable, "-c", code, str(photos), str(tmp_path / "w"), *settings]
    done = subprocess.run(command, cwd=tmp_path, env=os.environ, capture_output=True, text=True, timeout=120)
    assert "No other process" not in done.stdout + done.stderr
    state = checkpoint.load_checkpoint(tmp_path / "w" / "checkpoints" / "scale4_final.pth")
    assert state.versions["processes"] == 2


def test_a_killed_peer_leaves_a_run_that_goes_on_alone(
    running: tuple[subprocess.Popen[str], list[psutil.Process]], tmp_path: Path
) -> None:
    run, (peer,) = running
    step = journal(tmp_path / "w")[-1].get("step", 0)
    peer.kill()
    wait_for(run, tmp_path / "w", step + 50)
    run.send_signal(signal.SIGINT)
    output = run.communicate(timeout=60)[0]
    assert run.returncode == 130, output
    assert output.count("Another process that shared the steps has ended.") == 1 and "Traceback" not in output
    assert journal(tmp_path / "w")[-1]["outcome"] == "stopped"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_reaches_all_processes_stops_the_run_once(
    running: tuple[subprocess.Popen[str], list[psutil.Process]], tmp_path: Path, number: signal.Signals
) -> None:
    run, peers = running
    os.killpg(run.pid, number)
    output = run.communicate(timeout=60)[0]
    assert run.returncode == 128 + number, output
    assert output.count("Stopping and saving") == 1
    assert "has ended" not in output and "Traceback" not in output
    assert peers and are_gone(peers)


def test_the_peers_of_a_killed_main_process_end(running: tuple[subprocess.Popen[str], list[psutil.Process]]) -> None:
    run, peers = running
    run.kill()
    assert peers and are_gone(peers)


def test_the_connection_is_that_of_the_loopback_interface(
    running: tuple[subprocess.Popen[str], list[psutil.Process]],
) -> None:
    run, peers = running
    connections = [each for process in (psutil.Process(run.pid), *peers) for each in process.net_connections("inet")]
    assert connections and {each.laddr.ip for each in connections} == {"127.0.0.1"}


def test_a_peer_that_cannot_start_leaves_a_run_that_trains_alone(photos: Path, tmp_path: Path) -> None:
    code = (
        "from trainer_core.training import local_peers; local_peers._CODE = 'raise ValueError(\"no such thing\")'; "
        "from trainer_core.cli import main; raise SystemExit(main())"
    )
    settings = flags(dict(SHORT, processes=2))
    command = [sys.executable, "-c", code, str(photos), str(tmp_path / "w"), *settings]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    sentence = "No other process can share the steps, so one computes them. It ended with code 1: ValueError: no such"
    assert sentence in done.stdout + done.stderr


def test_a_batch_that_cannot_be_shared_is_refused(photos: Path, tmp_path: Path) -> None:
    settings: dict[str, Any] = dict(SHORT, grad_accum_steps=1, batch_size=3, processes=2)
    run = start(photos, tmp_path / "w", **settings)
    output = run.communicate(timeout=60)[0]
    assert run.returncode == 2 and "2 processes cannot share a step of 3 patches" in output
    assert not (tmp_path / "w").exists()


def test_peers_that_come_between_two_steps_take_their_share_of_the_samples(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice, because a process may train several runs; the other run halves its micro-batch at the same step."""

    def train_with(workspace: Path, before_fourth: Callable[[StepSharing], None]) -> list[str]:
        steps = iter(range(1, 100))
        monkeypatch.setattr(StepSharing, "_adapt", lambda self: before_fourth(self) if next(steps) == 4 else None)
        given = {**TINY, "steps": 8, "threads": 1, "source_dir": str(photos), "workspace": str(workspace)}
        notices = list[str]()
        result = Trainer(make_plan(given), lambda e: notices.append(e.text) if isinstance(e, Notice) else None).run()
        assert result.outcome == "completed"
        return notices

    def share(self: StepSharing) -> None:
        self._start(2)
        assert self._peers is not None
        while not self._peers.are_ready():
            time.sleep(0.05)
        self._share(self._peers)

    def halve(self: StepSharing) -> None:
        self._stepper.micro_batch = 1

    train_with(tmp_path / "alone", halve)
    for name in ("first", "second"):
        notices = train_with(tmp_path / name, share)
        assert "Other programs are busy: 2 processes with one thread each share the steps." in notices
        assert digest(tmp_path / name) == digest(tmp_path / "alone")
