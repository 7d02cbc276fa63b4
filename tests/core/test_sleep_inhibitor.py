"""The machine stays awake while the command line trains, and no longer."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.awake_helper import fake_helper, lives, read_numbers, wait_for
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
        wait_for(lambda: lives(helper))
        assert len(read_numbers(helper)) == count
        for _ in range(2):
            inhibitor.release()
        assert not lives(helper)


def test_the_helper_ends_with_a_process_that_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = fake_helper(tmp_path, monkeypatch)
    code = (
        "from trainer_core.sleep_inhibitor import make_sleep_inhibitor; "
        "make_sleep_inhibitor().inhibit(); print('held', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    wait_for(lambda: lives(helper))
    process.kill()
    process.wait()
    wait_for(lambda: not lives(helper))
    process.communicate()


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
        wait_for(lambda: lives(helper))
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
    assert started and not lives(helper)
