"""The machine stays awake while the command line trains, and no longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.awake_helper import fake_helper, is_running, read_numbers, wait_for
from trainer_core import sleep_inhibitor
from trainer_core.sleep_inhibitor import make_sleep_inhibitor

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="other systems ask in other ways")


def test_the_machine_can_be_kept_awake_twice_and_released_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    helper = fake_helper(tmp_path, monkeypatch)
    inhibitor = make_sleep_inhibitor()
    for count in (1, 2):
        for _ in range(2):
            inhibitor.inhibit()
        wait_for(lambda: is_running(helper))
        assert len(read_numbers(helper)) == count
        for _ in range(2):
            inhibitor.release()
        assert not is_running(helper)


def test_a_helper_that_ignores_its_end_is_killed_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stubborn = 'trap "" TERM; echo $$ >> "{pid}"; while :; do sleep 0.1; done'
    helper = fake_helper(tmp_path, monkeypatch, stubborn)
    inhibitor = make_sleep_inhibitor()
    inhibitor.inhibit()
    wait_for(lambda: is_running(helper))
    inhibitor.release()
    assert not is_running(helper)


def start_python(code: str) -> subprocess.Popen[str]:
    """Start a program that prints "held" once it keeps the machine awake, and then reads its input."""
    pipe = subprocess.PIPE
    process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_helper_ends_with_a_process_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = fake_helper(tmp_path, monkeypatch)
    process = start_python(
        "from trainer_core.sleep_inhibitor import make_sleep_inhibitor; "
        "make_sleep_inhibitor().inhibit(); print('held', flush=True); input()"
    )
    wait_for(lambda: is_running(helper))
    process.kill()
    process.communicate()
    wait_for(lambda: not is_running(helper))


def test_the_helper_ends_when_ctrl_c_twice_ends_a_training_without_saving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    helper = fake_helper(tmp_path, monkeypatch)
    code = f"""
import signal
from pathlib import Path

from tests.small_runs import TINY, flags, make_photos
from trainer_core import cli
from trainer_core.training.trainer import Trainer

def run(trainer):
    trainer._control.begin()
    print("held", flush=True)
    input()
    for _ in range(2):
        signal.raise_signal(signal.SIGINT)

Trainer.run = run
signal.signal(signal.SIGINT, signal.default_int_handler)  # programs in the background ignore it
cli.main([str(make_photos(Path({str(tmp_path / "photos")!r}), 4)), {str(tmp_path / "run")!r}, *flags(TINY)])
"""
    process = start_python(code)
    wait_for(lambda: is_running(helper))
    _, errors = process.communicate("\n")
    assert process.returncode == 130 and "Press Ctrl+C again" in errors, errors
    wait_for(lambda: not is_running(helper))


@pytest.mark.parametrize(("photos", "more", "code"), [("photos", ["--config-only"], 0), ("missing", [], 2)])
def test_no_helper_starts_without_a_training(
    photos: str, more: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from tests.small_runs import TINY, flags, make_photos
    from trainer_core import cli

    started: list[str] = []
    monkeypatch.setattr(sleep_inhibitor._HelperProcess, "inhibit", lambda inhibitor: started.append("a helper"))
    make_photos(tmp_path / "photos", 4)
    assert cli.main([str(tmp_path / photos), str(tmp_path / "run"), *flags({**TINY, "steps": 1}), *more]) == code
    assert not started


@pytest.mark.parametrize("fails", [False, True])
def test_a_training_on_the_command_line_keeps_the_machine_awake(
    fails: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from tests.small_runs import TINY, flags, make_photos
    from trainer_core import cli
    from trainer_core.training.trainer import Trainer

    helper = fake_helper(tmp_path, monkeypatch)
    run = Trainer.run
    started: list[bool] = []

    def run_awake(trainer: Trainer) -> Any:
        wait_for(lambda: is_running(helper))
        started.append(True)
        if fails:
            raise KeyboardInterrupt
        return run(trainer)

    monkeypatch.setattr(Trainer, "run", run_awake)
    words = [str(make_photos(tmp_path / "photos", 4)), str(tmp_path / "run"), *flags({**TINY, "steps": 1})]
    if fails:
        with pytest.raises(KeyboardInterrupt):
            cli.main(words)
    else:
        assert cli.main(words) == 0
    assert started and not is_running(helper)


@pytest.mark.parametrize(
    ("local_rank", "expected"),
    [(0, ["inhibit", "assist", "release"]), (1, ["assist"])],
    ids=["first process", "second process"],
)
def test_the_first_process_of_each_other_machine_keeps_it_awake(
    local_rank: int, expected: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from trainer_core import cli
    from trainer_core.training import peers
    from trainer_core.training.world import World

    calls: list[str] = []

    class RecordingInhibitor:
        def inhibit(self) -> None:
            calls.append("inhibit")

        def release(self) -> None:
            calls.append("release")

    def assist(*_: Any) -> int:
        calls.append("assist")
        return 0

    world = World()
    world.rank, world.local_rank = 2, local_rank
    monkeypatch.setattr(cli, "read_world", lambda: world)
    monkeypatch.setattr(peers, "assist", assist)
    monkeypatch.setattr(sleep_inhibitor, "make_sleep_inhibitor", RecordingInhibitor)
    assert cli.main([str(tmp_path / "photos"), str(tmp_path / "run")]) == 0
    assert calls == expected
