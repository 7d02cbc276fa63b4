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
from trainer_core.training import checkpoint, local_peers
from trainer_core.training.failures import PeerLost
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
    sentence = (
        "A process that was started for this run was killed, perhaps because memory ran out. Training continues in"
    )
    assert output.count(sentence) == 1 and "Traceback" not in output
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
    assert "Training continues in one process" not in output and "Traceback" not in output
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


def train_with_fault(photos: Path, workspace: Path, fault: str, **settings: Any) -> str:
    """Train in processes of which the peers run this code first."""
    code = (
        f"from trainer_core.training import local_peers; local_peers._CODE = local_peers._CODE.replace("
        f"'local_peers.main', {fault!r} + '; local_peers.main'); "
        "from trainer_core.cli import main; raise SystemExit(main())"
    )
    command = [sys.executable, "-c", code, str(photos), str(workspace), *flags({**SHORT, "processes": 2, **settings})]
    done = subprocess.run(command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    return done.stdout + done.stderr


OTHER = "A process that was started for this run computes other weights. Training continues in one process."
ENDED = "A process that was started for this run ended with code 1"
FAULTS = {
    "raise ValueError('no such thing')": f"{ENDED} (ValueError: no such thing). Training continues in one process.",
    "from trainer_core.training import peers; peers.Learner = None": "'NoneType' object is not callable",
    "from trainer_core.training import learner; learner.Learner.checksum = lambda self: 1": OTHER,
    "from trainer_core.training import batches; batches.BatchMaker.make_batch = None": ENDED,
    "import os; from trainer_core.training.peers import _Peer; _Peer.do_step = lambda *a, **b: os._exit(1)": ENDED,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_peer_that_fails_leaves_a_run_that_trains_alone(photos: Path, tmp_path: Path, fault: str) -> None:
    train(photos, tmp_path / "alone", **SHORT, processes=1)
    lines = "; ".join(f"exec({part.strip()!r})" for part in fault.split(";"))
    output = train_with_fault(photos, tmp_path / "w", lines)
    assert FAULTS[fault] in output and output.count("Training continues in one process.") == 1
    assert digest(tmp_path / "w") == digest(tmp_path / "alone")


def test_a_peer_without_memory_leaves_a_run_with_smaller_batches_and_at_last_one_that_trains_alone(
    photos: Path, tmp_path: Path
) -> None:
    fault = "from trainer_core.training import batches; batches.BatchMaker.make_batch = fail"
    output = train_with_fault(
        photos, tmp_path / "w", f"exec('def fail(*a): raise MemoryError'); exec({fault!r}, globals())"
    )
    assert "Training continues with 1 at a time" in output and "--memory low" in output
    assert output.count("Training continues in one process.") == 1


@pytest.mark.parametrize("more", [{"gan_weight": 0.05, "gan_ramp": 4, "gan_features": 4}, {"memory": "low"}])
def test_other_ways_to_train_are_shared_too(photos: Path, tmp_path: Path, more: dict[str, Any]) -> None:
    for processes in (1, 2):
        train(photos, tmp_path / f"w{processes}", **SHORT, **more, processes=processes)
    assert digest(tmp_path / "w1") == digest(tmp_path / "w2")


def test_a_run_resumed_with_as_many_processes_is_that_run(photos: Path, tmp_path: Path) -> None:
    train(photos, tmp_path / "straight", **SHORT, processes=2)
    train(photos, tmp_path / "w", **dict(SHORT, steps=4), processes=2)
    output = train(photos, tmp_path / "w", **SHORT, processes=2, resume_from="latest")
    assert "processes 2 -> 1" not in output and "on 2 x cpu" in output


def test_one_of_three_processes_may_be_lost(photos: Path, tmp_path: Path) -> None:
    run = start(photos, tmp_path / "w", **dict(LONG, grad_accum_steps=3), processes=3)
    try:
        peers = wait_for(run, tmp_path / "w", 5)
        step = journal(tmp_path / "w")[-1].get("step", 0)
        peers[0].kill()
        wait_for(run, tmp_path / "w", step + 50)
        assert len(peers) == 2 and are_gone(peers)
    finally:
        run.send_signal(signal.SIGINT)
        output = run.communicate(timeout=60)[0]
    assert run.returncode == 130 and output.count("Training continues in one process.") == 1, output


def test_a_peer_that_does_not_answer_keeps_no_run_from_being_saved(
    running: tuple[subprocess.Popen[str], list[psutil.Process]], tmp_path: Path
) -> None:
    run, (peer,) = running
    peer.suspend()
    run.send_signal(signal.SIGINT)
    output = run.communicate(timeout=60)[0]
    assert run.returncode == 130, output
    finished = journal(tmp_path / "w")[-1]
    assert finished["outcome"] == "stopped"
    assert checkpoint.load_checkpoint(tmp_path / "w" / "checkpoints" / f"scale4_step{finished['step']}.pth")
    assert are_gone([peer])


def test_other_files_of_the_program_and_an_interface_of_another_network_are_not_used(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with monkeypatch.context() as patch:
        patch.setattr(local_peers, "_PROGRAM", [("trainer_core/cli.py", 1, 1)])
        with pytest.raises(PeerLost, match="files of this program have changed"):
            local_peers.LocalPeers(1, threads=1)
    with monkeypatch.context() as patch:
        patch.setattr(psutil, "net_if_addrs", dict)
        with pytest.raises(PeerLost, match="no loopback interface"):
            local_peers.LocalPeers(1, threads=1)
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "eth7")
    number = 2**22 + 1  # beyond the numbers of processes
    left = tmp_path / f"wqv-peers-{number}-x"
    left.mkdir()
    peers = local_peers.LocalPeers(1, threads=1)
    try:
        while not peers.are_ready():
            time.sleep(0.05)
        (process,) = peers._processes
        assert psutil.Process(process.pid).environ()["GLOO_SOCKET_IFNAME"] == "lo"
        assert not left.exists()
    finally:
        peers.close()
    assert process.poll() == 0 and list(tmp_path.iterdir()) == []
    assert os.environ["GLOO_SOCKET_IFNAME"] == "eth7"


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
        sentence = (
            "Other programs are busy: 2 processes with one thread each share the steps, in micro-batches of 1 instead"
        )
        assert f"{sentence} of 2, which draws other pixel noise." in notices
        assert digest(tmp_path / name) == digest(tmp_path / "alone")
