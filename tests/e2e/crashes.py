"""Kills runs on purpose and checks what the next session makes of them; started by `test_crashes`, and by hand.

    python -m tests.e2e.crashes FOLDER --points -1 [--scenario run|back|restart]
    python -m tests.e2e.crashes FOLDER --kills 200

`--points` sends SIGKILL before each file operation (open, fsync, rename, link, remove, mkdir) of one run, `--kills` at
random moments of many. Each killed run is resumed without a question and compared with an uninterrupted one. A JSON
object with the counts and the faults found goes to standard output. Runs are forked from one process that has imported
torch. The scenarios: a new run, a run that goes back to an earlier step, and a new run in place of a finished one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.small_runs import TINY, flags, make_photos
from trainer_core import environment

environment.configure_libraries()

import torch

from trainer_core import cli
from trainer_core.sinks.journal import parse_line, read_journal
from trainer_core.training import checkpoint, trainer
from trainer_core.weights.container.reader import load_tree

assert trainer, "imported before the first fork, as what an optimizer imports"
torch.optim.Adam([torch.nn.Parameter(torch.zeros(1))])

_OPERATIONS = ("open", "os.rename", "os.link", "os.symlink", "os.remove", "os.mkdir", "os.rmdir")  # audit events
_COMPARED = ("Validated", "PreviewReady", "CheckpointSaved", "PlanChanged")
_SEED_OF_RESTART = 2
_BACK = ("--steps", "8", "--lr", "1e-4")
_SHORT = dict(TINY, steps=6, checkpoint_interval=2, val_interval=3, keep_checkpoints=2)


def fork_run(arguments: Sequence[str], *, kill_before: int = 0, kill_after: float = 0.0, counter: str = "") -> int:
    """Run the command line in a child process and return its exit code, negative for a signal.

    Args:
        arguments: the command line.
        kill_before: number of the file operation in the workspace before which the child kills itself; 0: none.
        kill_after: seconds after which the child is killed; 0: never.
        counter: file that receives the number of operations.
    """
    child = os.fork()
    if not child:
        _run_child(arguments, kill_before, counter)
    if kill_after:
        deadline = time.monotonic() + kill_after
        while time.monotonic() < deadline:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _run_child(arguments: Sequence[str], kill_before: int, counter: str) -> None:
    code = 70
    try:
        log = os.open(f"{arguments[1]}.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(log, 1)
        os.dup2(log, 2)
        operations = _count_operations(str(arguments[1]), kill_before)
        code = cli.main(arguments)
        if counter:
            Path(counter).write_text(str(operations[0]))
    finally:
        sys.stderr.flush()
        os._exit(code)


def _count_operations(workspace: str, kill_before: int) -> list[int]:
    count = [0]

    def step() -> None:
        count[0] += 1
        if count[0] == kill_before:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        path = arguments[0] if event in _OPERATIONS else None
        if isinstance(path, (str, os.PathLike)) and os.fspath(path).startswith(workspace):
            step()

    real_sync = os.fsync

    def sync(descriptor: Any) -> None:
        step()
        real_sync(descriptor)

    sys.addaudithook(watch)
    os.fsync = sync  # type: ignore[assignment]  # the one operation without an audit event
    return count


class Scenario:
    """A command, what the workspace holds before it, and the uninterrupted result to compare with."""

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        self.photos = make_photos(folder / "photos", 6)
        self.base: Path | None = None
        if name != "run":
            self.base = folder / "base"
            assert fork_run(self._start(self.base, _SHORT)) == 0
        self.straight = folder / "straight"
        self.prepare(self.straight)
        counter = folder / "operations.txt"
        assert fork_run(self.command(self.straight), counter=str(counter)) == 0
        self.operations = int(counter.read_text())

    def prepare(self, workspace: Path) -> None:
        """Make the workspace as it is before the command."""
        shutil.rmtree(workspace, ignore_errors=True)
        if self.base is not None:
            shutil.copytree(self.base, workspace)

    def command(self, workspace: Path) -> list[str]:
        """Return the command line of the run."""
        if self.name == "back":
            return [str(self.photos), str(workspace), "--resume", str(self._step4(workspace)), *_BACK]
        return self._start(workspace, dict(_SHORT, seed=_SEED_OF_RESTART) if self.name == "restart" else _SHORT)

    def _step4(self, workspace: Path) -> Path:
        return workspace / "checkpoints" / "scale4_step4.pth"

    def _start(self, workspace: Path, settings: dict[str, Any]) -> list[str]:
        return [str(self.photos), str(workspace), *flags(settings)]

    def continue_run(self, workspace: Path) -> int:
        """Do what a script does after a crash: resume, or else give the command again; return the exit code."""
        resume = [str(self.photos), str(workspace), "--resume", "latest"]
        if self.name == "back" and self._step4(workspace).exists():
            return fork_run(self.command(workspace))
        if self.name == "back":  # rotation removed what the command names, so the run had come to its end
            return 0 if fork_run(resume) in (0, 2) else 1
        if fork_run(resume) == 0 and not (self.name == "restart" and self._holds_earlier_run(workspace)):
            return 0
        return fork_run(self.command(workspace))  # nothing to resume, or only the finished run that was to be replaced

    def _holds_earlier_run(self, workspace: Path) -> bool:
        settings = json.loads((workspace / "training_config.json").read_text("utf-8"))
        return bool(settings.get("seed") != _SEED_OF_RESTART)

    def find_faults(self, workspace: Path) -> list[str]:
        """Compare a finished workspace with the uninterrupted one."""
        faults = compare(self.straight, workspace)
        if self.base is not None:
            lost = _contents(self.base) & _contents(self.straight) - _contents(workspace)
            faults += [f"lost {len(lost)} checkpoints of the earlier run"] if lost else []
        return faults


def compare(straight: Path, workspace: Path) -> list[str]:
    """Return the faults of a workspace whose run was killed and resumed."""
    faults = [f"stray {path.relative_to(workspace)}" for path in sorted(workspace.rglob(".*")) if path.name != ".lock"]
    faults += _compare_names(straight, workspace)
    with contextlib.suppress(FileNotFoundError):
        if _digest(straight) != _digest(workspace):
            faults.append("other bits in the final checkpoint")
        for model in sorted((straight / "models").iterdir()):
            tensors = [load_tree(root / "models" / model.name)["params"] for root in (straight, workspace)]
            if checkpoint.compute_digest(tensors[0]) != checkpoint.compute_digest(tensors[1]):
                faults.append(f"other bits in {model.name}")
    return faults + _compare_journals(straight, workspace)


def _compare_names(straight: Path, workspace: Path) -> list[str]:
    faults = []
    for name in ("checkpoints", "models", "previews"):
        expected, found = ({path.name for path in (root / name).iterdir()} for root in (straight, workspace))
        faults += [f"missing {name}/{missing}" for missing in sorted(expected - found)]
        if name != "checkpoints":  # a process that resumes at the best checkpoint saves at other steps
            faults += [f"additional {name}/{other}" for other in sorted(found - expected)]
    return faults


def _compare_journals(straight: Path, workspace: Path) -> list[str]:
    lines = (workspace / "journal.jsonl").read_text("utf-8").splitlines()
    torn = sum(parse_line(line) is None for line in lines)
    faults = [f"{torn} torn lines"] if torn else []
    records, expected = (read_journal(root / "journal.jsonl") for root in (workspace, straight))
    events, wanted = (Counter(map(_key, filter(_is_compared, found))) for found in (records, expected))
    # A process that resumes at the best checkpoint of a step writes no other one of that step.
    starts = [record for record in records if record["event"] == "RunStarted"]
    at_best = {r["start_step"] for r in starts if str(r["resumed_from"]).endswith("_best.pth")}
    missing = sorted((wanted - events).elements(), key=str)
    faults += [f"missing {key}" for key in missing if not (key[2] == "step" and key[1] in at_best)]
    faults += [f"double {key}" for key, count in events.items() if count > 1]
    steps = [(record["step"], record["losses"]) for record in records if record["event"] == "StepDone"]
    numbers = [step for step, _ in steps]
    faults += ["steps not in order"] if numbers != sorted(set(numbers)) else []
    losses = {record["step"]: record["losses"] for record in expected if record["event"] == "StepDone"}
    faults += [f"other losses at step {step}" for step, values in steps if losses.get(step, values) != values]
    if not records or records[-1]["event"] != "RunFinished" or records[-1]["outcome"] != "completed":
        faults.append("no end in the journal")
    return faults


def _is_compared(record: dict[str, Any]) -> bool:
    return record["event"] in _COMPARED


def _key(record: dict[str, Any]) -> tuple[Any, ...]:
    return record["event"], record["step"], record.get("kind"), record.get("split"), record.get("psnr")


def _digest(workspace: Path) -> str:
    state = checkpoint.load_checkpoint(workspace / "checkpoints" / "scale4_final.pth")
    return checkpoint.compute_digest([state.params, state.params_ema, state.optimizer, state.step, state.samples])


def _contents(workspace: Path) -> set[str]:
    """Return a digest of each checkpoint and deploy sibling, without times: a resumed end is saved again."""
    trees = [load_tree(path) for path in workspace.rglob("scale*.pth")]
    names = ("params", "params_ema", "optimizer", "step")
    return {checkpoint.compute_digest({name: tree.get(name) for name in names}) for tree in trees}


def kill_at_points(folder: Path, name: str, count: int) -> dict[str, Any]:
    """Kill one run before each of its file operations, or before `count` of them (-1: all)."""
    scenario = Scenario(folder, name)
    numbers = range(1, scenario.operations + 1)
    points = list(numbers) if count < 0 else numbers[:: max(1, len(numbers) // count)][-count:]
    faults = {}
    for point in points:
        workspace = folder / f"{name}{point}"
        scenario.prepare(workspace)
        killed = fork_run(scenario.command(workspace), kill_before=point)
        code = scenario.continue_run(workspace)
        found = [f"not killed, exit code {killed}"] if killed != -signal.SIGKILL else []
        found += [f"exit code {code}"] if code else scenario.find_faults(workspace)
        if found:
            faults[point] = found
        else:
            shutil.rmtree(workspace)
            Path(f"{workspace}.log").unlink()
    return {"operations": scenario.operations, "points": len(points), "faults": faults}


def kill_at_random(folder: Path, kills: int, *, steps: int, seed: int) -> dict[str, Any]:
    """Kill runs at random moments until `kills` are done and the last run has ended."""
    photos, moments = make_photos(folder / "photos", 6), random.Random(seed)
    done, runs, faults = 0, 0, {}
    while done < kills:
        runs += 1
        settings = dict(TINY, steps=steps, val_interval=20, checkpoint_interval=moments.choice((3, 7, 11)))
        settings.update(seed=runs, grad_accum_steps=1 + runs % 2)
        straight, workspace = folder / f"straight{runs}", folder / f"killed{runs}"
        started = time.monotonic()
        assert fork_run([str(photos), str(straight), *flags(settings)]) == 0
        seconds = time.monotonic() - started
        while True:
            resume = list((workspace / "checkpoints").glob("scale4_*[0-9t].pth")) if workspace.exists() else []
            more = ["--resume", "latest"] if resume else flags(settings)
            limit = moments.uniform(0.0, 0.8 * seconds) if done < kills else 0.0
            code = fork_run([str(photos), str(workspace), *more], kill_after=limit)
            done += code == -signal.SIGKILL
            if code != -signal.SIGKILL:
                break
        found = [f"exit code {code}"] if code else compare(straight, workspace)
        if found:
            faults[runs] = found
        else:
            shutil.rmtree(workspace)
    return {"kills": done, "runs": runs, "faults": faults}


def main() -> None:
    """Parse the command line, kill, and print the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="new folder for the runs; those with faults stay there")
    parser.add_argument("--scenario", choices=("run", "back", "restart"), default="run")
    parser.add_argument("--points", type=int, default=0, help="how many points, evenly spread; -1: all")
    parser.add_argument("--kills", type=int, default=0, help="how many kills at random moments")
    parser.add_argument("--steps", type=int, default=120, help="steps of the runs that are killed at random")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    result = {}
    if given.points:
        result["points"] = kill_at_points(_new(given.folder / "points"), given.scenario, given.points)
    if given.kills:
        result["kills"] = kill_at_random(_new(given.folder / "kills"), given.kills, steps=given.steps, seed=given.seed)
    print(json.dumps(result))


def _new(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder.resolve()


if __name__ == "__main__":
    main()
