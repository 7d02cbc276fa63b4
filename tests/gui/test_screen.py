"""On a real X server, with the window in a process of its own: what the offscreen platform cannot show."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

from app.theme import DARK
from tests.core.networks import network_of, saved
from tests.gui.drag_source import SQUARE, TITLE
from tests.gui.program import Program, journal
from tests.gui.screen import SIZE, Screen
from tests.small_runs import make_workspace, watch_photo
from trainer_core.model.spec import NetworkSpec

_IDLE, _TRAINING, _PAUSED = (
    "^WQV Upscale Trainer$",
    "^Training – WQV Upscale Trainer$",
    "^Paused – WQV Upscale Trainer$",
)
_ELSEWHERE, _QUESTION = "^Training elsewhere – WQV Upscale Trainer$", "^A training is running"
_MIDDLE = (700, 500)  # of the window, right of the form


def test_the_window_is_seen_steered_by_keys_and_closed_after_a_question(
    start: Callable[..., Program], screen: Screen, photos: Path, tmp_path: Path
) -> None:
    remember(tmp_path / "home", theme="dark")
    never = 100_000
    run = make_workspace(
        tmp_path / "run", source_dir=str(photos), steps=never, checkpoint_interval=never, log_interval=10
    )
    program = start(str(run), "--start")

    window = program.window("WQV Upscale Trainer$")
    assert screen.windows(window_class="^upscale-trainer$") == [window]
    program.wait_for("a dark window", lambda: screen.share_of(DARK.window) > 0.3)
    assert screen.picture().mean() < 50, "the window is not dark"

    program.window(_TRAINING)
    screen.give_focus(window)
    for keys, title in (("ctrl+space", _PAUSED), ("ctrl+space", _TRAINING)):
        screen.press(keys)
        program.window(title)
    program.wait_for("a step", lambda: journal(run, "StepDone"))
    screen.press("ctrl+s")  # a shortcut alone; Space also presses whatever button has the focus
    program.wait_for("a checkpoint", lambda: [r for r in journal(run, "CheckpointSaved") if r["kind"] == "step"])

    other = start(str(run))
    screen.ask_to_close(other.window(_ELSEWHERE))
    assert other.exit_code() == 0, other.story()

    for answer in (["Escape"], ["Tab", "space"]):  # the second one presses the button behind the proposed one
        ask_to_close(program, window)
        screen.press(*answer)
        program.wait_for("an answered question", lambda: not screen.windows(name=_QUESTION))
        assert journal(run, "RunFinished") == [], "the training was stopped"
    ask_to_close(program, window)
    screen.press("Return")
    assert program.exit_code() == 0, program.story()
    assert [record["outcome"] for record in journal(run, "RunFinished")] == ["stopped"]


def test_what_is_dragged_from_another_program_is_trained_with(
    start: Callable[..., Program], files: Callable[..., Program], screen: Screen, photos: Path, tmp_path: Path
) -> None:
    run = make_workspace(tmp_path / "run", steps=20, num_feat=16)
    weights = saved(network_of(NetworkSpec(4, 8, 1, 4)), tmp_path / "other_x4.pth")
    capture = watch_photo(tmp_path / "harbour.png")
    program, source = start(), files(photos, run, weights, capture)
    window = program.window(_IDLE)
    program.wait_for("the first paint", lambda: screen.picture()[_MIDDLE[1], _MIDDLE[0]].any())
    for number in range(3):
        drag(source, number)

    def starts() -> object:
        screen.press("ctrl+Return")  # again, as a user does who was told that the folders are still being looked at
        return journal(run, "RunStarted")

    screen.give_focus(window)
    program.wait_for("the start of the run", starts)
    program.wait_for("the end of the run", lambda: journal(run, "RunFinished"))
    finished = journal(run, "RunFinished")
    assert [(record["outcome"], record["step"]) for record in finished] == [("completed", 20)]
    settings = json.loads((run / "training_config.json").read_text("utf-8"))
    assert (settings["source_dir"], settings["init_weights"]) == (str(photos), str(weights))
    assert settings["num_feat"] == 8, "the weights did not decide the network"

    drag(source, 3)
    program.wait_for("a pinned watch photo", lambda: (run / "preview_photos" / capture.name).is_file())
    program.window(_IDLE)
    screen.ask_to_close(window)
    assert program.exit_code() == 0, program.story()


@pytest.fixture
def files(screen: Screen, tmp_path: Path) -> Iterator[Callable[..., Program]]:
    """Show these files in another program, beside the window."""
    started: list[Program] = []

    def begin(*paths: Path) -> Program:
        command = [sys.executable, "-m", "tests.gui.drag_source", str(SIZE[0] - SQUARE), "0", *map(str, paths)]
        started.append(Program(screen, tmp_path / "files", command))
        started[-1].window(TITLE)
        return started[-1]

    yield begin
    for program in started:
        program.end()


def drag(source: Program, number: int) -> None:
    """Drop one of the source's files on the window, and see it taken."""
    source.screen.drag((SIZE[0] - SQUARE // 2, SQUARE // 2 + SQUARE * number), _MIDDLE)
    source.wait_for(f"the end of drag {number}", lambda: len(source.said.splitlines()) > number)
    assert source.said.splitlines()[number:] == ["taken"], source.story()


def ask_to_close(program: Program, window: str) -> None:
    """As the cross does; the window asks back, and the question gets the focus."""
    program.screen.ask_to_close(window)
    program.screen.give_focus(program.window(_QUESTION))


def remember(home: Path, **values: str) -> None:
    """What the window finds from an earlier start."""
    file = home / "config" / "WQV" / "upscale-trainer.ini"
    file.parent.mkdir(parents=True)
    file.write_text("[General]\n" + "".join(f"{name}={value}\n" for name, value in values.items()), "utf-8")
