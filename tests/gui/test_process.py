"""The installed script as a process of its own: without a display, and killed in the middle of a training."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Callable

import pytest

from app.widgets.theme import LIGHT
from tests.gui.process import ROOT, ProgramProcess, environment, journal_records, script
from tests.gui.xserver import TIMEOUT
from tests.small_runs import make_workspace
from trainer_core.workspace.layout import Workspace

_STEPS, _INTERVAL = 80, 10
_IDLE = "^WQV Upscale Trainer$"
_PATIENCE = 10  # seconds without an effect, after which a user clicks again
_FORM = 400  # pixels from the left: what lies right of it is the run's
_LOOKS = 6  # that find a button in the same place: the layout has come to rest


def test_without_a_display_it_names_the_command_and_leaves_with_2(tmp_path: Path) -> None:
    if not sys.platform.startswith("linux"):
        pytest.skip("other systems always have a display")
    done = subprocess.run(
        [*script(), "runs/mono"], cwd=ROOT, env=environment(tmp_path), capture_output=True, text=True, timeout=TIMEOUT
    )
    assert done.returncode == 2
    assert "no display" in done.stderr
    assert "wqv-upscale-trainer <source_dir> runs/mono" in done.stderr


def test_a_killed_training_is_resumed_with_a_click_and_goes_on_to_its_end(
    start: Callable[..., ProgramProcess], photos: Path, tmp_path: Path
) -> None:
    settings = {"source_dir": str(photos), "steps": _STEPS, "checkpoint_interval": _INTERVAL}
    workspace = Workspace(make_workspace(tmp_path / "run", **settings))
    killed = start(str(workspace.root), "--start")
    killed.wait_for("a checkpoint", workspace.step_checkpoints)
    killed.kill()
    saved = max(step for step, _ in workspace.step_checkpoints())
    assert journal_records(workspace.root, "RunFinished") == []

    again = start(str(workspace.root))
    window = again.window(_IDLE)
    click_start(again, workspace.root)
    again.wait_for("the end of the run", lambda: journal_records(workspace.root, "RunFinished"))
    again.wait_for("an idle window", lambda: again.xserver.windows(name=_IDLE))
    assert [record["start_step"] for record in journal_records(workspace.root, "RunStarted")] == [0, saved]
    finished = journal_records(workspace.root, "RunFinished")
    assert [(record["outcome"], record["step"]) for record in finished] == [("completed", _STEPS)]

    again.xserver.request_close(window)
    assert again.exit_code() == 0, again.describe()
    assert workspace.model_path(4, best=False).is_file()
    assert not workspace.previous_runs.exists(), "it started from nothing"
    assert not (workspace.root / ".lock.json").exists()


def test_a_training_is_saved_when_the_display_ends(
    start: Callable[..., ProgramProcess], photos: Path, tmp_path: Path
) -> None:
    never = 100_000
    settings = {"source_dir": str(photos), "steps": never, "checkpoint_interval": never, "log_interval": 1}
    workspace = Workspace(make_workspace(tmp_path / "run", **settings))
    program = start(str(workspace.root), "--start")
    program.wait_for("a step", lambda: journal_records(workspace.root, "StepDone"))
    assert workspace.step_checkpoints() == []
    program.xserver.end()
    assert program.exit_code() == 1
    (finished,) = journal_records(workspace.root, "RunFinished")
    ((saved, _),) = workspace.step_checkpoints()
    assert finished["outcome"] == "stopped" and saved == finished["step"] > 0
    assert "The training is saved; start the program again to continue." in program.output
    assert not list(tmp_path.glob("home/state/**/fault-*.txt")), "the next start would report a crash"


def click_start(program: ProgramProcess, workspace: Path) -> None:
    """Click the blue button until the training starts: while the window still checks the folders, it starts nothing."""
    before = len(journal_records(workspace, "RunStarted"))
    program.xserver.click(*place_of_primary_button(program))
    clicked = time.monotonic()

    def starts() -> bool:
        nonlocal clicked
        if len(journal_records(workspace, "RunStarted")) > before or not program.xserver.windows(name=_IDLE):
            return True
        place = program.xserver.find_button(LIGHT.accent, left=_FORM)
        if place is not None and time.monotonic() - clicked > _PATIENCE:
            program.xserver.click(*place)
            clicked = time.monotonic()
        return False

    program.wait_for("the start of the training", starts)


def place_of_primary_button(program: ProgramProcess) -> tuple[int, int]:
    """Where the blue button beside the form is, once it stays there."""
    places: list[Any] = []

    def rests() -> bool:
        places.append(program.xserver.find_button(LIGHT.accent, left=_FORM))
        return None not in (last := places[-_LOOKS:]) and len(last) == _LOOKS and len(set(last)) == 1

    program.wait_for("a button that stays where it is", rests)
    x, y = places[-1]
    return x, y
