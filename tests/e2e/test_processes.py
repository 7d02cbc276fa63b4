"""Runs in several processes, connected by gloo: the same run as in one process, and one end for all of them."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs are forked and killed")

from tests.small_runs import TINY, flags, make_photos
from trainer_core.sinks.journal import read_journal
from trainer_core.training import checkpoint
from trainer_core.training.checkpoint import TrainingState

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
SHORT: dict[str, Any] = dict(TINY, steps=8, grad_accum_steps=2, val_interval=100, checkpoint_interval=4)
LONG: dict[str, Any] = dict(SHORT, steps=100000, checkpoint_interval=5, val_interval=100000)


class Run:
    """A run under way in forked processes."""

    def __init__(self, runs: Runs, numbers: list[int], log: Path) -> None:
        self.runs, self.numbers, self.log = runs, numbers, log

    def wait(self) -> list[int]:
        """Wait for all processes and return their exit codes."""
        return self.runs.ask({"wait": self.numbers})

    def output(self, rank: int = 0) -> str:
        return Path(f"{self.log}.{rank}").read_text("utf-8")


class Runs:
    """The process that forks the runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0
        self.photos = make_photos(folder / "photos", 6)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.forked_runs"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=ENVIRONMENT,
        )

    def ask(self, request: dict[str, Any]) -> list[int]:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(json.dumps(request), file=self.process.stdin, flush=True)
        answer: list[int] = json.loads(self.process.stdout.readline())
        return answer

    def start(
        self, workspace: Path, *more: str, size: int = 2, fault: dict[str, Any] | None = None, **settings: Any
    ) -> Run:
        base = [] if "--resume" in more else flags({**SHORT, **settings})
        return self.start_command([str(self.photos), str(workspace), *base, *more], size, fault)

    def start_command(self, arguments: list[str], size: int = 2, fault: dict[str, Any] | None = None) -> Run:
        self.count += 1
        log = self.folder / f"log{self.count}"
        return Run(self, self.ask({"arguments": arguments, "size": size, "log": str(log), **(fault or {})}), log)

    def train(self, workspace: Path, *more: str, size: int = 2, **settings: Any) -> Run:
        run = self.start(workspace, *more, size=size, **settings)
        codes = run.wait()
        assert codes == [0] * size, run.output()
        return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Runs]:
    runs = Runs(tmp_path_factory.mktemp("runs"))
    yield runs
    assert runs.process.stdin is not None
    runs.process.stdin.close()
    assert runs.process.wait(60) == 0


@pytest.fixture(scope="module")
def alone(runs: Runs) -> Path:
    """The workspace of an uninterrupted run in one process."""
    workspace = runs.folder / "alone"
    runs.train(workspace, size=1)
    return workspace


def load(workspace: Path, name: str = "final") -> TrainingState:
    return checkpoint.load_checkpoint(workspace / "checkpoints" / f"scale4_{name}.pth")


def digest(workspace: Path) -> str:
    state = load(workspace)
    parts = [state.params, state.params_ema, state.optimizer, state.discriminator, state.step, state.samples]
    return checkpoint.compute_digest(parts)


def wait_for_checkpoint(run: Run, workspace: Path, step: int) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if any(event["event"] == "CheckpointSaved" and event["step"] >= step for event in journal(workspace)):
            return
        time.sleep(0.02)
    raise AssertionError(run.output())


def journal(workspace: Path) -> list[dict[str, Any]]:
    file = workspace / "journal.jsonl"
    return list(read_journal(file)) if file.exists() else []


def test_two_processes_train_the_run_of_one_bit_for_bit_with_one_journal(
    runs: Runs, alone: Path, tmp_path: Path
) -> None:
    run = runs.train(tmp_path / "w")
    assert digest(tmp_path / "w") == digest(alone)
    kinds = [event["event"] for event in journal(tmp_path / "w")]
    assert kinds.count("RunStarted") == kinds.count("RunFinished") == 1
    started, log = journal(tmp_path / "w")[0], (tmp_path / "w" / "trainer.log").read_text("utf-8")
    assert started["devices"] == 2 and journal(alone)[0]["devices"] == 1
    assert log.count("Training x4 mono on 2 x cpu (fp32)") == log.count("Done at step 8") == 1
    assert "on 2 x cpu" in run.output() and not run.output(1)


@pytest.mark.parametrize(("settings", "is_equal"), [({"optimizer": "muon"}, False), ({"memory": "low"}, True)])
def test_two_processes_train_the_run_of_one_also_with_muon_and_with_low_memory(
    runs: Runs, alone: Path, tmp_path: Path, settings: dict[str, Any], is_equal: bool
) -> None:
    for size in (1, 2):
        runs.train(tmp_path / f"w{size}", size=size, **settings)
    assert digest(tmp_path / "w1") == digest(tmp_path / "w2")
    assert (digest(tmp_path / "w1") == digest(alone)) == is_equal


def test_two_processes_train_one_discriminator_also_after_a_resume_and_a_rollback(runs: Runs, tmp_path: Path) -> None:
    gan: dict[str, Any] = dict(gan_weight=0.05, gan_ramp=4, gan_features=4)
    for size in (1, 2):
        workspace, more = tmp_path / f"w{size}", ("--resume", "latest", "--steps", "12")
        runs.train(workspace, size=size, steps=3, **gan)
        run = runs.start(workspace, *more, size=size, fault={"fault": "explode"})
        assert run.wait() == [0] * size, run.output()
    assert [event for event in journal(tmp_path / "w2") if event["event"] == "RolledBack"]
    assert load(tmp_path / "w2").discriminator is not None
    assert digest(tmp_path / "w1") == digest(tmp_path / "w2")


def test_the_way_to_add_up_on_gpus_gives_the_same_run(runs: Runs, alone: Path, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "add_up_as_on_gpus"})
    assert run.wait() == [0, 0], run.output() + run.output(1)
    assert digest(tmp_path / "w") == digest(alone)


def test_more_micro_batches_differ_only_by_the_order_of_summation(runs: Runs, tmp_path: Path) -> None:
    runs.train(tmp_path / "one", size=1, grad_accum_steps=4, steps=4)
    runs.train(tmp_path / "two", grad_accum_steps=4, steps=4)
    one, two = load(tmp_path / "one"), load(tmp_path / "two")
    assert max(float((one.params[name] - two.params[name]).abs().max()) for name in one.params) < 1e-6
    assert one.samples == two.samples == 32


def test_a_run_goes_on_with_one_process_and_with_two_again(runs: Runs, alone: Path, tmp_path: Path) -> None:
    runs.train(tmp_path / "w", steps=3)
    resumed = runs.train(tmp_path / "w", "--resume", "latest", "--steps", "6", size=1)
    assert "processes 2 -> 1" in resumed.output()
    runs.train(tmp_path / "w", "--resume", "latest", "--steps", "8")
    straight = runs.train(tmp_path / "straight", steps=3, size=1)
    runs.train(tmp_path / "straight", "--resume", "latest", "--steps", "6", size=1)
    runs.train(tmp_path / "straight", "--resume", "latest", "--steps", "8", size=1)
    assert digest(tmp_path / "w") == digest(tmp_path / "straight"), straight.output()


def test_a_batch_is_divided_where_the_micro_batches_cannot_be_shared(runs: Runs, tmp_path: Path) -> None:
    run = runs.train(tmp_path / "w", grad_accum_steps=1, steps=3)
    assert "2 processes share each step: 2 micro-batches of 1 patch instead of 1 of 2" in run.output()
    assert load(tmp_path / "w").samples == 6
    run = runs.start(tmp_path / "odd", grad_accum_steps=1, batch_size=3)
    assert run.wait() == [2, 2]
    assert "2 processes cannot share a step of 3 patches" in run.output() and not run.output(1)
    assert not (tmp_path / "odd").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(("--resume", "latest"), "no checkpoint to resume"), (("--resume", "latest", "--lr", "x"), "invalid float value")],
)
def test_a_mistake_of_the_user_ends_all_processes_with_code_2(
    runs: Runs, tmp_path: Path, arguments: tuple[str, ...], sentence: str
) -> None:
    run = runs.start(tmp_path / "w", *arguments)
    assert run.wait() == [2, 2]
    assert run.output().count(sentence) == 1 and not run.output(1)


@pytest.mark.parametrize(
    ("arguments", "fault", "sentence"),
    [
        (["photos"], "", "give a source folder and a workspace folder"),
        (["photos", "w", "--config-only"], "", "photos"),
        (["photos", "w"], "lose_the_folder", "The current folder no longer exists"),
    ],
)
def test_a_mistake_that_is_found_before_the_processes_connect_has_code_2_in_all(
    runs: Runs, arguments: list[str], fault: str, sentence: str
) -> None:
    run = runs.start_command(arguments, fault={"fault": fault} if fault else None)
    assert run.wait() == [2, 2], run.output() + run.output(1)
    assert sentence in run.output() and not run.output(1)


def test_processes_that_cannot_connect_end_with_code_2(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "disconnect"})
    assert run.wait() == [2, 2], run.output() + run.output(1)
    assert "cannot connect (no route)" in run.output() and not run.output(1)


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("compute_on_a_gpu", "Process 2 of 2 .* It would train on mps .fp32., but the main process on cpu .fp32."),
        ("miss_the_photos", "Process 2 of 2 .*photo.*png does not exist. All machines need the photos"),
        ("run_out_while_preparing", "There is not enough memory to begin. Process 2 of 2 "),
    ],
)
def test_a_peer_that_cannot_train_the_run_leaves_the_earlier_one_in_its_place(
    runs: Runs, tmp_path: Path, fault: str, sentence: str
) -> None:
    runs.train(tmp_path / "w", size=1, steps=1)
    before = {path: path.read_bytes() for path in (tmp_path / "w").rglob("*") if path.is_file()}
    run = runs.start(tmp_path / "w", fault={"fault": fault, "rank": 1})
    assert run.wait() == [2, 2], run.output() + run.output(1)
    assert re.search(sentence, run.output()) and not run.output(1)
    assert before == {path: path.read_bytes() for path in (tmp_path / "w").rglob("*") if path.is_file()}


def test_a_processor_that_is_faster_in_another_precision_computes_as_the_main_process_does(
    runs: Runs, tmp_path: Path
) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "compute_in_bf16", "rank": 1})
    assert run.wait() == [0, 0], run.output() + run.output(1)
    runs.train(tmp_path / "alone", size=1)
    assert digest(tmp_path / "w") == digest(tmp_path / "alone")


def test_a_peer_that_ends_while_it_prepares_leaves_no_workspace(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "end_while_preparing", "rank": 1})
    assert run.wait() == [1, 3]
    assert "has ended or cannot be reached. No run was changed." in run.output()
    assert "Traceback" not in run.output() and not (tmp_path / "w").exists()


def test_the_peers_train_on_the_scenes_that_the_main_process_renders(runs: Runs, tmp_path: Path) -> None:
    run = runs.start_command(["--demo", str(tmp_path / "w"), *flags(SHORT)], fault={"fault": "render_few_scenes"})
    assert run.wait() == [0, 0], run.output() + run.output(1)
    assert journal(tmp_path / "w")[-1]["step"] == 8


def test_a_restart_by_torchrun_begins_no_new_run(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", fault={"environment": {"TORCHELASTIC_RESTART_COUNT": "1"}})
    assert run.wait() == [2, 2]
    assert "--max-restarts 0" in run.output() and not (tmp_path / "w").exists()


def test_a_time_budget_ends_both_processes_after_the_same_step(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", "--max-minutes", "0.05", fault={"fault": "print_updates"}, **LONG)
    assert run.wait() == [0, 0], run.output() + run.output(1)
    events = journal(tmp_path / "w")
    plans = [event["total_steps"] for event in events if event["event"] == "PlanChanged"]
    assert plans and events[-1]["outcome"] == "completed" and events[-1]["step"] == plans[-1]
    assert [run.output(rank).count("updated the weights") for rank in (0, 1)] == [plans[-1]] * 2
    assert load(tmp_path / "w").step == plans[-1]


@pytest.mark.parametrize("ranks", [(0, 1, 0, 1), (1,)])
def test_an_interrupted_run_saves_once_whichever_process_gets_the_signal_and_how_often(
    runs: Runs, tmp_path: Path, ranks: tuple[int, ...]
) -> None:
    run = runs.start(tmp_path / "w", **LONG)
    wait_for_checkpoint(run, tmp_path / "w", 5)
    assert len({os.getpriority(os.PRIO_PROCESS, number) for number in run.numbers}) == 1
    for rank in ranks:
        os.kill(run.numbers[rank], signal.SIGINT)
    assert run.wait() == [130, 130], run.output() + run.output(1)
    *_, saved, finished = journal(tmp_path / "w")
    assert finished["outcome"] == "stopped" and saved["event"] == "CheckpointSaved"
    assert saved["step"] == finished["step"] == load(tmp_path / "w", f"step{saved['step']}").step
    assert run.output().count("Stopping and saving") == 1 and "--resume latest" in run.output() and not run.output(1)


def test_a_killed_peer_ends_the_run_with_a_checkpoint_of_the_latest_step(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", **LONG)
    wait_for_checkpoint(run, tmp_path / "w", 5)
    os.kill(run.numbers[1], signal.SIGKILL)
    killed = time.monotonic()
    assert run.wait() == [1, -signal.SIGKILL]
    assert time.monotonic() - killed < 20
    finished = journal(tmp_path / "w")[-1]
    assert finished["outcome"] == "failed" and "has ended or cannot be reached" in finished["error"]
    assert load(tmp_path / "w", f"step{finished['step']}").step == finished["step"]
    assert "Traceback" not in run.output() and "--resume latest" in run.output()


def test_the_peers_of_a_killed_main_process_end(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", **LONG)
    wait_for_checkpoint(run, tmp_path / "w", 5)
    os.kill(run.numbers[0], signal.SIGKILL)
    assert run.wait() == [-signal.SIGKILL, 1]
    assert "process 2 of 2 ends: Another process of this run has ended" in run.output(1)
    assert "Traceback" not in run.output(1)


@pytest.mark.parametrize("is_stopped", [False, True])
def test_a_peer_that_does_not_answer_keeps_no_run_from_being_saved(
    runs: Runs, tmp_path: Path, is_stopped: bool
) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "lose_patience"}, **LONG)
    wait_for_checkpoint(run, tmp_path / "w", 5)
    os.kill(run.numbers[1], signal.SIGSTOP)
    deadline = time.monotonic() + 60
    while "Waiting for the other processes of this run" not in run.output():
        assert time.monotonic() < deadline, run.output()
        time.sleep(0.05)
    if is_stopped:
        os.kill(run.numbers[0], signal.SIGINT)
    while journal(tmp_path / "w")[-1]["event"] != "RunFinished":
        assert time.monotonic() < deadline, run.output()
        time.sleep(0.05)
    os.kill(run.numbers[1], signal.SIGCONT)
    codes, finished = run.wait(), journal(tmp_path / "w")[-1]
    assert codes == [130 if is_stopped else 1, 1], run.output()
    assert finished["outcome"] == ("stopped" if is_stopped else "failed")
    assert is_stopped or "did not answer" in finished["error"]
    assert load(tmp_path / "w", f"step{finished['step']}").step == finished["step"]
    assert "Traceback" not in run.output()


def test_a_failure_of_a_peer_is_that_of_the_run(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "break_down", "rank": 1})
    assert run.wait() == [1, 70]  # with the traceback in the peer
    finished = journal(tmp_path / "w")[-1]
    assert finished["step"] == load(tmp_path / "w", "step2").step == 2
    assert "Process 2 of 2" in finished["error"] and "no such thing" in finished["error"]


def test_memory_that_runs_out_in_a_peer_halves_the_micro_batches_of_all(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "run_out_of_memory", "rank": 1})
    assert run.wait() == [0, 0], run.output()
    assert run.output().count("Memory ran out with micro-batches of 2") == 1 and not run.output(1)
    assert load(tmp_path / "w").samples == 32


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize("where", ["in_the_sum", "before_the_update", "in_the_update"])
def test_memory_that_runs_out_in_one_process_after_the_vote_ends_the_run_with_a_checkpoint(
    runs: Runs, alone: Path, tmp_path: Path, rank: int, where: str
) -> None:
    fault = {"fault": f"run_out_{where}", "rank": rank}
    run = runs.start(tmp_path / "w", fault=fault, checkpoint_interval=1)
    assert run.wait() == [1, 1], run.output() + run.output(1)
    finished = journal(tmp_path / "w")[-1]
    expected = 1 if where == "in_the_sum" else 2 + rank  # the main process completes the step that its peer cannot
    assert (finished["outcome"], finished["step"]) == ("failed", expected)
    assert load(tmp_path / "w", f"step{finished['step']}").step == finished["step"]
    if rank:
        assert run.output(1).count("process 2 of 2 ends: Memory ran out in it") == 1
        assert "has ended or cannot be reached" in finished["error"]
    else:
        assert "Out of memory" in finished["error"]
    assert "Traceback" not in run.output() + run.output(1)
    runs.train(tmp_path / "w", "--resume", "latest")
    assert digest(tmp_path / "w") == digest(alone)


def test_processes_whose_weights_differ_end_before_a_checkpoint_of_them(
    runs: Runs, alone: Path, tmp_path: Path
) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "change_a_bit", "rank": 1}, checkpoint_interval=2)
    assert run.wait() == [1, 1], run.output() + run.output(1)
    finished = journal(tmp_path / "w")[-1]
    assert finished["outcome"] == "failed" and "do not have the same weights" in finished["error"]
    assert finished["step"] == 4 and finished["checkpoint"].endswith("scale4_step2.pth")
    assert load(tmp_path / "w", "step2").step == 2 and not list((tmp_path / "w" / "checkpoints").glob("*step4*"))
    assert "Traceback" not in run.output() + run.output(1)
    runs.train(tmp_path / "w", "--resume", "latest")
    assert digest(tmp_path / "w") == digest(alone)


def test_processes_that_do_not_begin_with_the_same_weights_do_no_step(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "load_other_weights", "rank": 1})
    assert run.wait() == [1, 1], run.output() + run.output(1)
    finished = journal(tmp_path / "w")[-1]
    assert finished["step"] == 0 and "do not have the same weights" in finished["error"]


def test_a_peer_that_cannot_compile_is_named_by_the_main_process(runs: Runs, tmp_path: Path) -> None:
    run = runs.start(tmp_path / "w", fault={"fault": "miss_a_compiler", "rank": 1}, steps=2)
    assert run.wait() == [0, 0], run.output() + run.output(1)
    texts = [event["text"] for event in journal(tmp_path / "w") if event["event"] == "Notice"]
    (notice,) = (text for text in texts if "--compile on" in text)
    start = "--compile on has no effect in one of the processes, which trains without it."
    assert re.fullmatch(rf"{re.escape(start)} Process 2 of 2 \(.+\): no compiler\.", notice)
    assert not run.output(1)


@pytest.mark.parametrize(
    ("fault", "ranks"),
    [("lose_the_compiler", [1]), ("lose_the_compiler_and_memory", [1]), ("lose_all_compilers", [0, 1])],
    ids=["in a peer", "as the main process runs out of memory", "in both"],
)
def test_a_compiler_that_fails_in_a_later_step_ends_no_run_and_each_process_without_it_is_named(
    runs: Runs, tmp_path: Path, fault: str, ranks: list[int]
) -> None:
    for name, more, own in (("plain", [], "run_out_of_memory"), ("w", ["--compile", "on"], fault)):
        run = runs.start(tmp_path / name, *more, fault={"fault": own})
        assert run.wait() == [0, 0], run.output() + run.output(1)
    texts = [event["text"] for event in journal(tmp_path / "w") if event["event"] == "Notice"]
    notices = [text for text in texts if "--compile on" in text]
    start = "--compile on no longer works in one of the processes, which continues without it."
    expected = [rf"{re.escape(start)} Process {rank + 1} of 2 \(.+\): the compiler has gone\." for rank in ranks]
    assert len(notices) == len(expected) and all(map(re.fullmatch, expected, notices)), notices
    assert not run.output(1)
    assert digest(tmp_path / "w") == digest(tmp_path / "plain")


def test_a_rollback_takes_all_processes_back(runs: Runs, tmp_path: Path) -> None:
    for size in (1, 2):
        run = runs.start(tmp_path / f"w{size}", size=size, fault={"fault": "explode"}, checkpoint_interval=2, steps=10)
        assert run.wait() == [0] * size, run.output()
    assert [event for event in journal(tmp_path / "w2") if event["event"] == "RolledBack"]
    assert digest(tmp_path / "w1") == digest(tmp_path / "w2")


class Torchrun:
    """A run under way in two processes that a real torchrun started, as in a terminal of its own."""

    def __init__(self, photos: Path, folder: Path) -> None:
        launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
        self.workspace, self.log = folder / "w", folder / "log"
        command = [*launcher, "-m", "trainer_core", str(photos), str(self.workspace), *flags(LONG)]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=ROOT, env=ENVIRONMENT, start_new_session=True
            )

    def wait_for_step(self, step: int) -> None:
        deadline = time.monotonic() + 120
        while not any(
            event["event"] == "CheckpointSaved" and event["step"] >= step for event in journal(self.workspace)
        ):
            assert time.monotonic() < deadline and self.process.poll() is None, self.output()
            time.sleep(0.05)

    def ranks(self) -> list[psutil.Process]:
        """Return the processes that train, in the order of their ranks."""
        children = psutil.Process(self.process.pid).children()
        ranked = {child.environ().get("RANK"): child for child in children if child.status() != psutil.STATUS_ZOMBIE}
        return [ranked["0"], ranked["1"]]

    def output(self) -> str:
        return self.log.read_text("utf-8")


@pytest.fixture
def torchrun(runs: Runs, tmp_path: Path) -> Iterator[Torchrun]:
    run, started = Torchrun(runs.photos, tmp_path), []
    try:
        run.wait_for_step(5)
        started = run.ranks()
        yield run
    finally:
        run.process.kill()
        run.process.wait()
        for process in started:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


def test_a_ctrl_c_in_the_terminal_of_torchrun_saves_once(torchrun: Torchrun) -> None:
    ranks = torchrun.ranks()
    os.killpg(torchrun.process.pid, signal.SIGINT)
    code, (_, left) = torchrun.process.wait(60), psutil.wait_procs(ranks, 10)
    shown, events = torchrun.output(), journal(torchrun.workspace)
    *_, saved, finished = events
    assert code == 1 and not left, "the code of torchrun itself, for every signal"
    assert events[0]["devices"] == 2 and finished["outcome"] == "stopped", shown
    assert saved["event"] == "CheckpointSaved" and saved["step"] == finished["step"]
    assert [event["step"] for event in events if event["event"] == "CheckpointSaved"].count(saved["step"]) == 1
    assert shown.count("Stopping and saving") == shown.count("Stopped at step") == 1
    assert load(torchrun.workspace, f"step{saved['step']}").step == saved["step"]


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_process_of_torchrun_leaves_a_checkpoint_and_no_process(torchrun: Torchrun, rank: int) -> None:
    ranks = torchrun.ranks()
    ranks[rank].kill()
    code, (_, left) = torchrun.process.wait(60), psutil.wait_procs(ranks, 10)
    shown, events = torchrun.output(), journal(torchrun.workspace)
    assert code == 1 and not left
    assert re.search(rf"failed \(exitcode: -9\).*\(pid: {ranks[rank].pid}\)", shown), shown
    step = [event["step"] for event in events if event["event"] == "CheckpointSaved"][-1]
    assert step >= 5 and load(torchrun.workspace, f"step{step}").step == step
    if rank == 1:  # torchrun also stops the main process, which may notice either first
        finished = events[-1]
        assert finished["event"] == "RunFinished" and finished["step"] == step and "--resume latest" in shown
        assert finished["outcome"] == "stopped" or "has ended or cannot be reached" in finished["error"]
    else:
        assert events[-1]["event"] != "RunFinished"
