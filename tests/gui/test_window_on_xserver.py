"""On a real X server, with the window in a process of its own: what the offscreen platform cannot show."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Callable

import pytest

from app.widgets.theme import DARK
from tests.core.networks import network_of, saved
from tests.gui.drag_source import SQUARE, TITLE
from tests.gui.process import ProgramProcess, journal_records
from tests.gui.xserver import SIZE, XServer
from tests.small_runs import make_workspace, watch_photo
from trainer_core.model.spec import NetworkSpec

_IDLE, _TRAINING, _PAUSED = (
    "^WQV Upscale Trainer$",
    "^Training – WQV Upscale Trainer$",
    "^Paused – WQV Upscale Trainer$",
)
_ELSEWHERE, _QUESTION = (
    "^Another process is training – WQV Upscale Trainer$",
    "^WQV Upscale Trainer$",
)  # the question has no title of its own
_MIDDLE = (700, 500)  # of the window, right of the form


def test_the_window_is_seen_steered_by_keys_and_closed_after_a_question(
    start: Callable[..., ProgramProcess], xserver: XServer, photos: Path, tmp_path: Path
) -> None:
    remember(tmp_path / "home", theme="dark")
    never = 100_000
    run = make_workspace(
        tmp_path / "run", source_dir=str(photos), steps=never, checkpoint_interval=never, log_interval=10
    )
    program = start(str(run), "--start")

    window = program.window("WQV Upscale Trainer$")
    assert xserver.windows(window_class="^upscale-trainer$") == [window]
    program.wait_for("a dark window", lambda: xserver.color_share(DARK.window) > 0.3)
    assert xserver.screenshot().mean() < 50, "the window is not dark"

    program.window(_TRAINING)
    xserver.give_focus(window)
    for keys, title in (("ctrl+space", _PAUSED), ("ctrl+space", _TRAINING)):
        xserver.press(keys)
        program.window(title)
    program.wait_for("a step", lambda: journal_records(run, "StepDone"))
    xserver.press("ctrl+s")  # a shortcut alone; Space also presses whatever button has the focus
    program.wait_for(
        "a checkpoint", lambda: [r for r in journal_records(run, "CheckpointSaved") if r["kind"] == "step"]
    )

    other = start(str(run))
    xserver.request_close(other.window(_ELSEWHERE))
    assert other.exit_code() == 0, other.describe()

    for answer in (["Escape"], ["Tab", "space"]):  # the second one presses the button behind the proposed one
        request_close(program, window)
        xserver.press(*answer)
        program.wait_for("an answered question", lambda: not xserver.windows(name=_QUESTION))
        assert journal_records(run, "RunFinished") == [], "the training was stopped"
    request_close(program, window)
    xserver.press("Return")
    assert program.exit_code() == 0, program.describe()
    assert [record["outcome"] for record in journal_records(run, "RunFinished")] == ["stopped"]


def test_what_is_dragged_from_another_program_is_trained_with(
    start: Callable[..., ProgramProcess],
    files: Callable[..., ProgramProcess],
    xserver: XServer,
    photos: Path,
    tmp_path: Path,
) -> None:
    run = make_workspace(tmp_path / "run", steps=20, num_feat=16)
    weights = saved(network_of(NetworkSpec(4, 8, 1, 4)), tmp_path / "other_x4.pth")
    capture = watch_photo(tmp_path / "harbor.png")
    program, source = start(), files(photos, run, weights, capture)
    window = program.window(_IDLE)
    program.wait_for("the first paint", lambda: xserver.screenshot()[_MIDDLE[1], _MIDDLE[0]].any())
    for number in range(3):
        drag(source, number)

    def starts() -> object:
        xserver.press("ctrl+Return")  # again, as a user does while the window still checks the folders
        return journal_records(run, "RunStarted")

    xserver.give_focus(window)
    program.wait_for("the start of the run", starts)
    program.wait_for("the end of the run", lambda: journal_records(run, "RunFinished"))
    finished = journal_records(run, "RunFinished")
    assert [(record["outcome"], record["step"]) for record in finished] == [("completed", 20)]
    settings = json.loads((run / "training_config.json").read_text("utf-8"))
    assert (settings["source_dir"], settings["init_weights"]) == (str(photos), str(weights))
    assert settings["num_feat"] == 8, "the weights did not decide the network"

    drag(source, 3)
    program.wait_for("a pinned watch photo", lambda: (run / "preview_photos" / capture.name).is_file())
    program.window(_IDLE)
    xserver.request_close(window)
    assert program.exit_code() == 0, program.describe()


@pytest.fixture
def files(xserver: XServer, tmp_path: Path) -> Iterator[Callable[..., ProgramProcess]]:
    """Show these files in another program, beside the window."""
    started: list[ProgramProcess] = []

    def begin(*paths: Path) -> ProgramProcess:
        command = [sys.executable, "-m", "tests.gui.drag_source", str(SIZE[0] - SQUARE), "0", *map(str, paths)]
        started.append(ProgramProcess(xserver, tmp_path / "files", command))
        started[-1].window(TITLE)
        return started[-1]

    yield begin
    for program in started:
        program.end()


def drag(source: ProgramProcess, number: int) -> None:
    """Drop one of the source's files on the window once the pointer shows that it may be dropped, and see it taken."""
    before = len(source.output.splitlines())
    source.xserver.begin_drag((SIZE[0] - SQUARE // 2, SQUARE // 2 + SQUARE * number), _MIDDLE)
    source.wait_for(f"the window's consent to drag {number}", lambda: "accepted" in source.output.splitlines()[before:])
    source.xserver.drop()
    ends = ("taken", "refused")
    source.wait_for(f"the end of drag {number}", lambda: source.output.splitlines()[-1] in ends)
    assert source.output.splitlines()[-1] == "taken", source.describe()


def request_close(program: ProgramProcess, window: str) -> None:
    """As the cross does; the window asks back, and the question gets the focus."""
    program.xserver.request_close(window)
    program.xserver.give_focus(program.window(_QUESTION))


def remember(home: Path, **values: str) -> None:
    """What the window finds from an earlier start."""
    file = home / "config" / "WQV" / "upscale-trainer.ini"
    file.parent.mkdir(parents=True)
    file.write_text("[General]\n" + "".join(f"{name}={value}\n" for name, value in values.items()), "utf-8")
